// What a user asks to pull: a catalogue name, a URL, a file of the hub, or a file of this machine.
// Thread-safety: values and free functions.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "store/model_name.h"

namespace hearth::store {

enum class ReferenceKind { kName, kUrl, kHub, kLocal };

struct Reference {
  ReferenceKind kind = ReferenceKind::kName;
  // What was asked for, fit to be printed and stored: without user, password, query and fragment.
  std::string text;
  // The same for equal requests, different for others: 64 hexadecimal digits.
  std::string identity;
  ModelName name;              // kName: as asked. Others: the default name in the store
  std::string url;             // kUrl, without fragment; may hold secrets
  std::string sha256;          // kUrl: from the fragment "#sha256=…", or empty
  std::string hub_repository;  // kHub: "owner/repo"
  std::string hub_file;        // kHub: empty means the whole directory of safetensors
  std::string hub_revision;    // kHub: a branch, tag or commit; "main" where none was given
  std::filesystem::path path;  // kLocal: absolute
};

// "smollm2:135m", "https://host/x.gguf#sha256=…", "hf://owner/repo[/file][@revision]", "file:///x.gguf",
// "./x.gguf". Throws kInvalidArgument; kUnsupported for a pickle or another scheme.
Reference parse_reference(std::string_view text);

// Whether `text` means a path rather than a name: it has a '/', begins with '.' or '~', or ends like a model
// file.
bool looks_like_path(std::string_view text);

}  // namespace hearth::store
