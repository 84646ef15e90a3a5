// The tensors of one model, in file order, with look-up by name.
//
// Ownership: the entries' bytes belong to the file's map; the table must not outlive it. Moving a table keeps
// its entries where they are. Thread-safety: constant after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor_entry.h"

namespace hearth::formats {

class TensorTable {
 public:
  TensorTable() = default;
  // `source` is the file's name for messages. Throws kCorruptData where two entries have one name.
  TensorTable(std::vector<TensorEntry> entries, std::string source);

  const std::vector<TensorEntry>& entries() const { return entries_; }
  // Null where there is none of that name; valid as long as the table.
  const TensorEntry* find(std::string_view name) const;
  // Throws kCorruptData naming the tensor and the file.
  const TensorEntry& require(std::string_view name) const;

 private:
  std::vector<TensorEntry> entries_;
  std::vector<std::uint32_t> by_name_;  // indices of entries_, sorted: hostile names cannot slow a look-up
  std::string source_;
};

// More tensors in one model than this are taken for an attack.
inline constexpr std::size_t kMaximumTensors = std::size_t{1} << 18;

// Gives the pages of `entry` back to the system, in whichever of `files` it lies.
void discard_pages(std::span<const MappedFile> files, const TensorEntry& entry);

}  // namespace hearth::formats
