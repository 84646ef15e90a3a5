// What the fuzzers of constraints share: a text is chosen out of the masks by the input's own bytes; every
// mask allows something, and what it allows is accepted.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "constraint/matcher.h"

namespace hearth::fuzz {

inline void follow_masks(constraint::Grammar grammar, std::span<const std::uint8_t> input) {
  using constraint::TokenId;
  static const auto vocabulary = [] {
    constraint::Vocabulary::Tokens tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.bytes.emplace_back(1, static_cast<char>(byte));
    for (const char* text : {"{\"", "\":", "\",", "}}", "[[", "true", "12", "abc", "\xe4\xbd", "\n  "})
      tokens.bytes.emplace_back(text);
    tokens.bytes.emplace_back();
    tokens.ends = {static_cast<TokenId>(tokens.bytes.size() - 1)};
    return std::make_shared<const constraint::Vocabulary>(tokens);
  }();
  const auto constraint = constraint::Constraint::create(std::move(grammar), vocabulary);
  constraint::Matcher matcher = constraint->start();
  for (std::size_t i = 0; i < 24; ++i) {
    const auto mask = matcher.mask();
    if (mask->allows(vocabulary->ends().front()) != matcher.is_complete()) std::abort();
    if (matcher.is_at_end()) return;
    std::vector<TokenId> allowed;
    for (TokenId token = 0; token < vocabulary->ends().front(); ++token)
      if (mask->allows(token)) allowed.push_back(token);
    if (allowed.empty()) {
      if (matcher.is_complete()) return;
      std::abort();
    }
    if (!matcher.accept(allowed[(input.empty() ? 0 : input[i % input.size()]) % allowed.size()]))
      std::abort();
  }
}

}  // namespace hearth::fuzz
