#include "store/catalogue.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "store/digest.h"
#include "store/file_names.h"

namespace hearth::store {

extern const char* const kCatalogueJson;  // catalogue_json.cpp.in

namespace {

using nlohmann::json;

std::string read_digest(const json& object) {
  const std::string digest = object.at("sha256");
  if (!is_sha256(digest)) throw Error(ErrorKind::kCorruptData, "'" + digest + "' is not a SHA-256");
  return digest;
}

CatalogueFile read_file_entry(const json& object, std::size_t packages) {
  CatalogueFile file{
      .name = object.at("name"), .size = object.at("size"), .sha256 = read_digest(object), .parts = {}};
  require_safe_relative_name(file.name);
  std::uint64_t sum = 0;
  for (const json& entry : object.at("parts")) {
    CataloguePart part{.package = entry.at("package"),
                       .path = entry.at("path"),
                       .size = entry.at("size"),
                       .sha256 = read_digest(entry)};
    if (part.package >= packages) throw Error(ErrorKind::kCorruptData, "a part names no package");
    sum += part.size;
    file.parts.push_back(std::move(part));
  }
  if (file.parts.empty() || sum != file.size)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("the parts of {} have {} bytes, not {}", file.name, sum, file.size));
  return file;
}

CatalogueModel read_model(const json& object) {
  CatalogueModel model;
  model.name = {object.at("name"), object.at("tag")};
  if (parse_model_name(model.name.text()) != model.name || model.name.tag.empty())
    throw Error(ErrorKind::kCorruptData, model.name.text() + " is not in its plain form");
  model.is_default = object.at("default");
  model.recommended = object.at("recommended");
  model.purpose = object.at("purpose");
  model.format = object.at("format");
  model.runnable = object.at("runnable");
  model.description = object.at("description");
  model.architecture = object.at("architecture");
  model.parameters = object.at("parameters");
  model.context = object.at("context");
  model.languages = object.at("languages").get<std::vector<std::string>>();
  model.licence = object.at("licence");
  model.licence_url = object.at("licence_url");
  for (const json& entry : object.at("packages"))
    model.packages.push_back({entry.at("name"), entry.at("version"), entry.at("size"), read_digest(entry)});
  for (const json& entry : object.at("files"))
    model.files.push_back(read_file_entry(entry, model.packages.size()));
  if (model.files.empty()) throw Error(ErrorKind::kCorruptData, model.name.text() + " has no files");
  return model;
}

}  // namespace

std::uint64_t CatalogueModel::size() const {
  std::uint64_t sum = 0;
  for (const CatalogueFile& file : files) sum += file.size;
  return sum;
}

Catalogue::Catalogue(std::string_view text) {
  const json document = parse_json(text, "the catalogue");
  try {
    for (const json& entry : document.at("models")) models_.push_back(read_model(entry));
  } catch (const json::exception& error) {
    throw Error(ErrorKind::kCorruptData,
                fmt::format("the catalogue's model {} is malformed: {}", models_.size() + 1, error.what()));
  }
}

const Catalogue& Catalogue::builtin() {
  static const Catalogue catalogue(kCatalogueJson);
  return catalogue;
}

const CatalogueModel& Catalogue::default_model() const {
  for (const CatalogueModel& model : models_)
    if (model.is_default) return model;
  throw Error(ErrorKind::kInternal, "the catalogue has no default model");
}

const CatalogueModel* Catalogue::find(const ModelName& name) const {
  const CatalogueModel* found = nullptr;
  for (const CatalogueModel& model : models_) {
    if (model.name.name != name.name || (!name.tag.empty() && model.name.tag != name.tag)) continue;
    if (found != nullptr)
      throw Error(ErrorKind::kInvalidArgument, fmt::format("{} has several tags", name.name),
                  fmt::format("name one: {} or {}", found->name.text(), model.name.text()));
    found = &model;
  }
  return found;
}

std::vector<std::string> Catalogue::names() const {
  std::vector<std::string> result;
  for (const CatalogueModel& model : models_) result.push_back(model.name.text());
  return result;
}

}  // namespace hearth::store
