#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "formats/gguf.h"

namespace hearth::formats {
namespace {

// The place of a file within a split model, as its metadata tells. One file alone has count 1.
struct SplitPlace {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
};

SplitPlace split_place(const GgufMetadata& metadata) {
  SplitPlace place{metadata.find_u32("split.no").value_or(0), metadata.find_u32("split.count").value_or(1)};
  if (place.count <= 1) return {};
  if (place.count > 99999 || place.index >= place.count)
    throw Error(ErrorKind::kCorruptData, fmt::format("{}: split.no {} and split.count {} make no sense",
                                                     metadata.source(), place.index, place.count));
  return place;
}

// "-00002-of-00003.gguf": how the name of a part ends.
std::string part_ending(std::uint32_t index, std::uint32_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", index + 1, count);
}

void check_place(const GgufContents& part, const std::filesystem::path& path, SplitPlace expected) {
  const SplitPlace place = split_place(part.metadata);
  if (place.index != expected.index || place.count != expected.count)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{} says that it is part {} of {}, but its name says part {} of {}",
                            path.string(), place.index + 1, place.count, expected.index + 1, expected.count));
}

std::filesystem::path part_path(const std::filesystem::path& given, SplitPlace place, std::uint32_t index) {
  const std::string name = given.filename().string();
  const std::string ending = part_ending(place.index, place.count);
  if (!name.ends_with(ending))
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} is part {} of {} of a split model, but its name does not end in '{}'",
                            given.string(), place.index + 1, place.count, ending),
                "give the parts their original names, all in one folder");
  return given.parent_path() /
         (name.substr(0, name.size() - ending.size()) + part_ending(index, place.count));
}

MappedFile open_part(const std::filesystem::path& path, SplitPlace place) {
  if (!std::filesystem::exists(path))
    throw Error(ErrorKind::kNotFound,
                fmt::format("part {} of {} is missing: {}", place.index + 1, place.count, path.string()),
                "all parts of a split model must lie in one folder");
  return MappedFile(path);
}

}  // namespace

GgufFile::GgufFile(const std::filesystem::path& path) {
  MappedFile given(path);
  GgufContents given_contents = parse_gguf(given.bytes(), path.string());
  const SplitPlace place = split_place(given_contents.metadata);
  if (place.count == 1) {
    files_.push_back(std::move(given));
    metadata_ = std::move(given_contents.metadata);
    tensors_ = std::move(given_contents.tensors);
    return;
  }

  std::vector<TensorEntry> tensors;
  for (std::uint32_t index = 0; index < place.count; ++index) {
    const std::filesystem::path part = part_path(path, place, index);
    files_.push_back(index == place.index ? std::move(given) : open_part(part, {index, place.count}));
    GgufContents contents =
        index == place.index ? std::move(given_contents) : parse_gguf(files_.back().bytes(), part.string());
    check_place(contents, part, {index, place.count});
    const auto& entries = contents.tensors.entries();
    tensors.insert(tensors.end(), entries.begin(), entries.end());
    if (tensors.size() > kMaximumTensors) break;  // the table refuses them
    if (index == 0) metadata_ = std::move(contents.metadata);
  }
  const auto promised = metadata_.find_u64("split.tensors.count");
  if (promised && *promised != tensors.size())
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{}: the parts hold {} tensors together, the first promises {}", path.string(),
                            tensors.size(), *promised));
  tensors_ = TensorTable(std::move(tensors), path.string());
}

std::vector<std::filesystem::path> GgufFile::paths() const {
  std::vector<std::filesystem::path> paths;
  for (const MappedFile& file : files_) paths.push_back(file.path());
  return paths;
}

void GgufFile::discard(const TensorEntry& entry) const { discard_pages(files_, entry); }

}  // namespace hearth::formats
