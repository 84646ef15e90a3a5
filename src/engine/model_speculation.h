// What one sequence has with a draft model (engine/draft_model.h): how often the model's guesses come true
// here, and how far the model has read. Thread-safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/key_value_cache.h"

namespace hearth::engine {

class ModelSpeculation {
 public:
  // `own_cache`: the draft model's; null where it writes to the sequence's pages.
  ModelSpeculation(KeyValueCache* own_cache, std::uint64_t owner) {
    if (own_cache != nullptr) own_pages_.emplace(*own_cache, owner);
  }

  SequencePages* own_pages() { return own_pages_ ? &*own_pages_ : nullptr; }
  // Tokens whose keys and values it has; the draft counts where it was read.
  std::int64_t computed() const { return computed_; }
  void set_computed(std::int64_t count) { computed_ = count; }

  // The chance that the next token is as it guesses.
  float chance() const { return chance_; }
  // A guess came true or not.
  void learn(bool right);
  // A token came without a guess.
  void rest();
  // Token `position` of the sequence is not as drafted.
  void differs_at(std::size_t position);

 private:
  // Drafts a few tokens in any sequence, which tell whether it pays.
  float chance_ = 0.7f;
  std::int64_t computed_ = 0;
  std::optional<SequencePages> own_pages_;
};

}  // namespace hearth::engine
