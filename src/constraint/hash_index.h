// Numbers by the hash of what they stand for, which lies elsewhere: a table with open addressing, several
// times as fast as std::unordered_multimap. Non-goals: taking out. Ownership: a value. Thread-safety: none
// while one inserts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace hearth::constraint {

class HashIndex {
 public:
  HashIndex() : slots_(kLeastSlots) {}

  // The number with this hash for which `is_it(number)` holds.
  template <typename IsIt>
  std::optional<std::uint32_t> find(std::uint64_t hash, const IsIt& is_it) const {
    for (std::size_t i = place_of(hash);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.number == kFree) return {};
      if (slot.hash == hash && is_it(slot.number)) return slot.number;
    }
  }
  // REQUIRES: number < 2^32 - 1. What has the same hash may be there already.
  void insert(std::uint64_t hash, std::uint32_t number) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    put({hash, number});
    ++count_;
  }

 private:
  static constexpr std::size_t kLeastSlots = 64;  // always a power of two
  static constexpr std::uint32_t kFree = 0xFFFFFFFF;
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t number = kFree;
  };
  std::size_t place_of(std::uint64_t hash) const { return (hash ^ (hash >> 32)) & (slots_.size() - 1); }
  void put(const Slot& slot) {
    std::size_t i = place_of(slot.hash);
    while (slots_[i].number != kFree) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = slot;
  }
  void grow() {
    const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    for (const Slot& slot : before)
      if (slot.number != kFree) put(slot);
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace hearth::constraint
