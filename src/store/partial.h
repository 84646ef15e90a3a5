// The folder of an unfinished pull.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "store/model_name.h"

namespace hearth::store {

// A pull that was interrupted.
struct UnfinishedPull {
  ModelName name;
  std::string reference;          // what to pull to go on
  std::uint64_t bytes_here = 0;   // on the disk
  std::uint64_t bytes_total = 0;  // 0: not known
};

class Partial {
 public:
  explicit Partial(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path incoming(const std::string& file) const { return path_ / "incoming" / file; }
  std::filesystem::path whole(const std::string& file) const {
    return path_ / "files" / file;
  }  // and verified
  std::filesystem::path packages() const { return path_ / "packages"; }

  // Says on the disk what is being pulled. `bytes_here` is not stored.
  void describe(const UnfinishedPull& pull) const;
  // Nothing where the folder holds no pull, or a damaged one.
  std::optional<UnfinishedPull> description() const;
  // Of the model's files, whole or not.
  std::uint64_t bytes() const;
  void remove() const;

 private:
  std::filesystem::path path_;
};

}  // namespace hearth::store
