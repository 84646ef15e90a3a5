// What the store knows of one model: its manifest.
// Thread-safety: values and free functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/model_name.h"

namespace hearth::store {

// Against what the bytes were checked when they came.
enum class Verification {
  kCatalogue,   // the SHA-256 in Hearth's own catalogue
  kHub,         // what the hub's metadata states: SHA-256, for its small files git's SHA-1
  kGiven,       // the SHA-256 that the user gave
  kUnverified,  // nothing: the digest was computed from what came
};
std::string_view name_of(Verification verification);  // "catalogue", "hub", "given", "unverified"

struct StoredFile {
  std::string name;  // relative to the model's folder
  std::uint64_t size = 0;
  std::string sha256;
  std::string git_oid;  // of a file of the hub that has no SHA-256 there; else empty
  std::string etag;     // of a plain URL's file; else empty
};

struct ModelRecord {
  ModelName name;        // empty for a model given by its path
  std::string format;    // "gguf", "huggingface", or one that nothing here can open yet
  bool runnable = true;  // by this version of Hearth
  // SHA-256 of the one file; of several, that of the lines "SHA256  NAME\n" sorted by name. Empty for a model
  // given by its path.
  std::string digest;
  std::vector<StoredFile> files;  // in order of name
  std::string reference;          // what to pull again
  std::string identity;           // Reference::identity of it
  std::string source;             // in words
  std::string licence, licence_url, description;
  Verification verification = Verification::kUnverified;
  std::string pulled_at;       // UTC, "2026-01-31T12:00:00Z"
  std::string entry;           // the file to open, relative to the folder; empty: the folder itself
  std::filesystem::path path;  // to open: a GGUF file or a directory. Not in the manifest
  std::string problem;  // why it cannot be used ("a file is missing"); empty: none. Not in the manifest

  std::uint64_t size() const;  // bytes of all files
};

// ModelRecord::digest of these files.
std::string model_digest(const std::vector<StoredFile>& files);

nlohmann::json to_json(const ModelRecord& record);
// Throws kCorruptData naming `source`; every name and digest is checked, as a manifest may have been edited.
ModelRecord record_from_json(std::string_view text, std::string_view source);

}  // namespace hearth::store
