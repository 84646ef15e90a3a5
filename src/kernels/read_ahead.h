// Asks the memory for what the next matrix product begins with, while the present one ends: else each product
// waits for the memory first, and a model of small matrices has hundreds of them in a step. What comes next
// is guessed to be what came after this matrix the last time. A wrong guess costs a few reads, never a wrong
// result; addresses are only ever asked for, so that they may be gone. Private to src/kernels; one thread at
// a time calls begin.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace hearth::kernels {

class ReadAhead {
 public:
  // Where a member begins to read: one place, or one in each of two matrices.
  struct Start {
    std::array<const std::uint8_t*, 2> places{};
    void prefetch() const {
      for (const std::uint8_t* place : places)
        for (std::size_t i = 0; place != nullptr && i < kBytes; i += 64) __builtin_prefetch(place + i, 0, 2);
    }
  };
  using Starts = std::vector<Start>;  // by member

  // To be called when a product begins. `key` names it, make_starts() says where the members begin. Returns
  // where they begin in what is guessed to come next, or null.
  template <typename MakeStarts>
  const Starts* begin(const void* key, MakeStarts make_starts) {
    Product& product = products_[key];
    if (product.starts.empty()) product.starts = make_starts();
    if (last_ != nullptr) last_->next = &product;
    last_ = &product;
    return product.next == nullptr ? nullptr : &product.next->starts;
  }

 private:
  static constexpr std::size_t kBytes = 8 << 10;
  struct Product {
    Starts starts;
    const Product* next = nullptr;
  };
  std::unordered_map<const void*, Product> products_;  // whose elements stay where they are
  Product* last_ = nullptr;
};

}  // namespace hearth::kernels
