#include "formats/tensor_table.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/printable.h"

namespace hearth::formats {

TensorTable::TensorTable(std::vector<TensorEntry> entries, std::string source)
    : entries_(std::move(entries)), source_(std::move(source)) {
  if (entries_.size() > kMaximumTensors)
    throw Error(ErrorKind::kCorruptData, fmt::format("{}: {} tensors are more than the {} allowed", source_,
                                                     entries_.size(), kMaximumTensors));
  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  const auto name = [this](std::uint32_t index) -> const std::string& { return entries_[index].name; };
  std::ranges::sort(by_name_, {}, name);
  const auto twice = std::ranges::adjacent_find(by_name_, {}, name);
  if (twice != by_name_.end())
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{}: two tensors have the name '{}'", source_, printable(name(*twice))));
}

const TensorEntry* TensorTable::find(std::string_view name) const {
  const auto name_of_index = [this](std::uint32_t index) -> std::string_view { return entries_[index].name; };
  const auto place = std::ranges::lower_bound(by_name_, name, {}, name_of_index);
  if (place == by_name_.end() || entries_[*place].name != name) return nullptr;
  return &entries_[*place];
}

const TensorEntry& TensorTable::require(std::string_view name) const {
  if (const TensorEntry* entry = find(name)) return *entry;
  throw Error(ErrorKind::kCorruptData, fmt::format("{} lacks the tensor '{}'", source_, printable(name)));
}

void discard_pages(std::span<const MappedFile> files, const TensorEntry& entry) {
  const std::less_equal<> not_after;  // pointers into different maps: only the library's order is defined
  for (const MappedFile& file : files) {
    const auto bytes = file.bytes();
    if (not_after(bytes.data(), entry.bytes.data()) &&
        not_after(entry.bytes.data() + entry.bytes.size(), bytes.data() + bytes.size()))
      return file.discard(entry.bytes);
  }
}

}  // namespace hearth::formats
