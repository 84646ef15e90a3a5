// Speculative decoding (Leviathan et al. 2023): tokens that are likely to come are drafted and run in the
// same step as the one that is certain; the step's logits tell which of them were right. Exact: a drafted
// token is accepted only where the sampler, a pure function of logits and history, chooses that very token.
// Drafts come from look-up or from a model (engine/draft_model.h), whichever is surer.
//
// This part is look-up. It decides what to draft for one sequence, and how much: it learns from the
// sequence's own past how often its guesses come true, apart for short and for long matches, and drafts while
// the chance that everything so far holds is worth a further row. Every token of the answer teaches it,
// drafted or not, so that text which does not repeat stops being drafted and text which begins to repeat is
// drafted again. Thread-safety: none.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/look_up_index.h"

namespace hearth::engine {

// The least chance of coming true with which a drafted row pays in a step of so many decoding sequences.
float least_chance_worth_a_row(std::size_t sequences);

class LookUpSpeculation {
 public:
  explicit LookUpSpeculation(std::size_t most_tokens) : index_(most_tokens) {}

  // `tokens` is the whole text so far; only what is beyond `prompt_tokens` teaches.
  void observe(std::span<const std::int32_t> tokens, std::size_t prompt_tokens);
  // The chance that the next token is as look-up says; 0 where there is no match.
  float chance() const { return index_.match().length == 0 ? 0 : chance_[kind_of(index_.match().length)]; }
  // Replaces `draft` by the tokens, at most `most`, that are likely to follow `tokens`, all of which were
  // observed, while the chance that the whole draft holds is at least `least_chance`.
  void propose(std::span<const std::int32_t> tokens, std::size_t most, float least_chance,
               std::vector<std::int32_t>& draft) const;

 private:
  // Lengths of a match that are told apart: the longer, the surer.
  static constexpr std::array<std::size_t, 4> kLeastLength{2, 3, 4, 8};
  static std::size_t kind_of(std::size_t length);

  LookUpIndex index_;
  // The chance that the next token is as after the earlier match, by the kind of match. They begin at what
  // chat and code answers showed, and are soon the sequence's own.
  std::array<float, kLeastLength.size()> chance_{0.25f, 0.35f, 0.5f, 0.8f};
};

}  // namespace hearth::engine
