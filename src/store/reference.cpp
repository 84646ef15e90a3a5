#include "store/reference.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "store/digest.h"
#include "store/file_names.h"
#include "store/url.h"

namespace hearth::store {
namespace {

constexpr std::size_t kMaximumReferenceLength = 4096;

Error malformed(std::string_view text, std::string_view why, std::string hint) {
  return Error(ErrorKind::kInvalidArgument, fmt::format("'{}' {}", printable(text, 200), why),
               std::move(hint));
}

// The name under which a file of this name is stored: "Qwen-Q4_K_M-00001-of-00003.gguf" gives
// "qwen-q4_k_m:latest".
ModelName default_name(std::string_view file) {
  std::string_view stem = file.substr(file.rfind('/') + 1);
  if (stem.ends_with(".gguf") || stem.ends_with(".GGUF")) {
    if (gguf_parts(stem).size() > 1)
      stem = stem.substr(0, stem.size() - 20);  // "-00001-of-00003.gguf"
    else
      stem = stem.substr(0, stem.size() - 5);
  }
  return {name_part_from(stem), "latest"};
}

Reference url_reference(std::string_view text) {
  Reference reference;
  reference.kind = ReferenceKind::kUrl;
  const std::size_t hash = text.find('#');
  reference.url = text.substr(0, hash);
  if (hash != std::string_view::npos) {
    const std::string_view fragment = text.substr(hash + 1);
    if (!fragment.starts_with("sha256="))
      throw malformed(printable_url(text), "has an unknown fragment", "only #sha256=… is understood there");
    reference.sha256 = parse_sha256(fragment.substr(7));
  }
  const Url parsed = parse_url(reference.url);
  refuse_pickle_name(parsed.path);
  reference.text = printable_url(reference.url);
  reference.name = default_name(unescape_url_path(parsed.path));
  reference.identity = sha256_hex("url\n" + parsed.without_credentials);
  return reference;
}

bool is_hub_name(std::string_view text) {
  return !text.empty() && text.size() <= 96 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                  c == '_' || c == '-';
         });
}

Reference hub_reference(std::string_view text) {
  Reference reference;
  reference.kind = ReferenceKind::kHub;
  std::string_view rest = text.substr(5);
  reference.hub_revision = "main";
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    reference.hub_revision = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (reference.hub_revision.empty())
      throw malformed(text, "has an empty revision", "write @main, or nothing");
    require_safe_relative_name(reference.hub_revision);
  }
  const std::size_t slash = rest.find('/');
  const std::size_t second = slash == std::string_view::npos ? slash : rest.find('/', slash + 1);
  const std::string_view owner = rest.substr(0, slash);
  const std::string_view repository =
      slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1, second - slash - 1);
  if (!is_hub_name(owner) || !is_hub_name(repository))
    throw malformed(text, "does not name a repository", "write hf://owner/repo or hf://owner/repo/file.gguf");
  reference.hub_repository = std::string(owner) + "/" + std::string(repository);
  if (second != std::string_view::npos) reference.hub_file = rest.substr(second + 1);
  if (!reference.hub_file.empty()) {
    require_safe_relative_name(reference.hub_file);
    refuse_pickle_name(reference.hub_file);
  }
  reference.text = "hf://" + reference.hub_repository +
                   (reference.hub_file.empty() ? "" : "/" + reference.hub_file) + "@" +
                   reference.hub_revision;
  reference.name =
      default_name(reference.hub_file.empty() ? repository : std::string_view(reference.hub_file));
  reference.identity = sha256_hex("hub\n" + reference.text);
  return reference;
}

Reference local_reference(std::string_view text) {
  Reference reference;
  reference.kind = ReferenceKind::kLocal;
  std::string path(text);
  if (text.starts_with("file://")) {
    if (!text.starts_with("file:///"))
      throw malformed(text, "names another machine", "write file:///path/to/x.gguf");
    path = unescape_url_path(text.substr(7));
  } else if (text.starts_with("~/")) {
    const char* home = std::getenv("HOME");
    if (home != nullptr) path = std::string(home) + path.substr(1);
  }
  refuse_pickle_name(path);
  reference.path = std::filesystem::absolute(path).lexically_normal();
  if (!reference.path.has_filename()) reference.path = reference.path.parent_path();
  reference.text = replace_invalid_utf8(reference.path.string());
  reference.name = default_name(reference.path.filename().string());
  reference.identity = sha256_hex("local\n" + reference.text);
  return reference;
}

}  // namespace

bool looks_like_path(std::string_view text) {
  return text.find('/') != std::string_view::npos || text.starts_with(".") || text.starts_with("~") ||
         text.ends_with(".gguf") || text.ends_with(".safetensors") || is_pickle_name(text);
}

Reference parse_reference(std::string_view text) {
  if (text.empty() || text.size() > kMaximumReferenceLength)
    throw Error(ErrorKind::kInvalidArgument, "the name or address is empty or too long");
  if (!is_valid_utf8(text)) throw malformed(text, "is not UTF-8", "");
  if (text.starts_with("https://") || text.starts_with("http://")) return url_reference(text);
  if (text.starts_with("hf://")) return hub_reference(text);
  const std::size_t scheme = text.find("://");
  if (scheme != std::string_view::npos && !text.starts_with("file://"))
    throw Error(ErrorKind::kUnsupported,
                fmt::format("'{}' is not understood", printable(text.substr(0, scheme + 3))),
                "addresses begin with https://, hf:// or file://");
  if (text.starts_with("file://") || looks_like_path(text)) return local_reference(text);
  Reference reference;
  reference.name = parse_model_name(text);
  reference.text = reference.name.text();
  reference.identity = sha256_hex("name\n" + reference.text);
  return reference;
}

}  // namespace hearth::store
