// The store on disk, under $HEARTH_HOME/models:
//
//   blobs/SHA256                 every file once, by its digest, never changed
//   views/DIGEST/NAME            a model's folder: links to its blobs under the files' own names
//   manifests/NAME/TAG.json      which models there are; a model exists from the moment this file does
//   partial/IDENTITY/            an unfinished pull: plan.json, incoming/ (parts), files/ (whole and checked)
//   locks/                       `store` (held shortly, to change what is visible), and one per pull
//
// Every step is a rename or a link of what is already on the disk, and manifests come last and go first: a
// crash at any moment leaves the old state or the new one, and at worst a blob that no manifest names, which
// the next change of the store removes. Thread-safety: safe between processes through the locks.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/record.h"

namespace hearth::store {

class Layout {
 public:
  explicit Layout(const std::filesystem::path& home) : root_(home / "models") {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path blob(const std::string& sha256) const { return root_ / "blobs" / sha256; }
  std::filesystem::path view(const ModelRecord& record) const;
  std::filesystem::path manifest(const ModelName& name) const;
  std::filesystem::path partial(const std::string& identity) const { return root_ / "partial" / identity; }
  std::filesystem::path lock(const std::string& name) const { return root_ / "locks" / name; }

  void create() const;  // the folders above

  // Every manifest; one that cannot be read has its `problem` set. In order of name.
  std::vector<ModelRecord> records() const;
  std::optional<ModelRecord> record(const ModelName& name) const;

  // Makes a model visible whose files lie, checked, under partial(record.identity)/files or among the blobs,
  // then removes the partial. Needs the pull's lock. Throws kConflict where the name has come to belong to
  // another reference.
  void commit(const ModelRecord& record) const;

  // Removes a manifest and what only it needed. False where there is none.
  bool remove(const ModelName& name) const;

 private:
  void load_state(ModelRecord& record) const;  // path and problem
  void make_view(const ModelRecord& record) const;
  void collect_garbage() const;

  std::filesystem::path root_;
};

// Throws kConflict where a name would silently come to mean another source.
void require_same_source(const ModelRecord& existing, const ModelRecord& coming);

}  // namespace hearth::store
