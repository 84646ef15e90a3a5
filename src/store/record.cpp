#include "store/record.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "store/digest.h"
#include "store/file_names.h"

namespace hearth::store {
namespace {

using nlohmann::json;
constexpr int kManifestFormat = 1;
constexpr std::size_t kMaximumFiles = 2000;
constexpr std::array<std::string_view, 4> kVerificationNames = {"catalogue", "hub", "given", "unverified"};

Verification verification_from(const std::string& name) {
  for (std::size_t i = 0; i < kVerificationNames.size(); ++i)
    if (kVerificationNames[i] == name) return static_cast<Verification>(i);
  throw Error(ErrorKind::kCorruptData, "'" + name + "' is no kind of verification");
}

StoredFile file_from(const json& object) {
  StoredFile file{object.at("name"), object.at("size"), object.at("sha256"), object.value("git_oid", ""),
                  object.value("etag", "")};
  require_safe_relative_name(file.name);
  if (!is_sha256(file.sha256))
    throw Error(ErrorKind::kCorruptData, "the digest of " + file.name + " is malformed");
  return file;
}

}  // namespace

std::string_view name_of(Verification verification) {
  return kVerificationNames[static_cast<std::size_t>(verification)];
}

std::uint64_t ModelRecord::size() const {
  std::uint64_t sum = 0;
  for (const StoredFile& file : files) sum += file.size;
  return sum;
}

std::string model_digest(const std::vector<StoredFile>& files) {
  if (files.size() == 1) return files[0].sha256;
  std::vector<const StoredFile*> sorted;
  for (const StoredFile& file : files) sorted.push_back(&file);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  std::string lines;
  for (const StoredFile* file : sorted) lines += file->sha256 + "  " + file->name + "\n";
  return sha256_hex(lines);
}

json to_json(const ModelRecord& record) {
  json files = json::array();
  for (const StoredFile& file : record.files) {
    json entry = {{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}};
    if (!file.git_oid.empty()) entry["git_oid"] = file.git_oid;
    if (!file.etag.empty()) entry["etag"] = file.etag;
    files.push_back(std::move(entry));
  }
  return {{"format", kManifestFormat},
          {"name", record.name.name},
          {"tag", record.name.tag},
          {"model_format", record.format},
          {"runnable", record.runnable},
          {"digest", record.digest},
          {"files", std::move(files)},
          {"reference", record.reference},
          {"identity", record.identity},
          {"source", record.source},
          {"licence", record.licence},
          {"licence_url", record.licence_url},
          {"description", record.description},
          {"verification", name_of(record.verification)},
          {"pulled_at", record.pulled_at},
          {"entry", record.entry}};
}

ModelRecord record_from_json(std::string_view text, std::string_view source) {
  const json document = parse_json(text, source);
  try {
    if (document.at("format") != kManifestFormat)
      throw Error(ErrorKind::kUnsupported, fmt::format("{} is of format {}, this version knows {}", source,
                                                       document.at("format").dump(), kManifestFormat));
    ModelRecord record;
    record.name = parse_model_name(document.at("name").get<std::string>() + ":" +
                                   document.at("tag").get<std::string>());
    record.format = document.at("model_format");
    // What an older version could not open, this one may.
    record.runnable = document.at("runnable") || record.format == "huggingface" || record.format == "e5-4bit";
    record.digest = document.at("digest");
    const json& files = document.at("files");
    if (!files.is_array() || files.empty() || files.size() > kMaximumFiles)
      throw Error(ErrorKind::kCorruptData, fmt::format("{} names no files, or too many", source));
    for (const json& entry : files) record.files.push_back(file_from(entry));
    record.reference = document.at("reference");
    record.identity = document.at("identity");
    record.source = document.at("source");
    record.licence = document.at("licence");
    record.licence_url = document.at("licence_url");
    record.description = document.at("description");
    record.verification = verification_from(document.at("verification"));
    record.pulled_at = document.at("pulled_at");
    record.entry = document.at("entry");
    if (record.digest != model_digest(record.files))
      throw Error(ErrorKind::kCorruptData, fmt::format("{}: the digest does not fit its files", source));
    if (!record.entry.empty()) require_safe_relative_name(record.entry);
    return record;
  } catch (const json::exception& error) {
    throw Error(ErrorKind::kCorruptData, fmt::format("{} is malformed: {}", source, error.what()));
  }
}

}  // namespace hearth::store
