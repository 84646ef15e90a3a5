// Beginnings of prompts that the operator made public: what the prefix cache (engine/prefix_cache.h) may
// share between tenants, and nothing else.
//
// A beginning is a sequence of tokens, and counts in whole pages. A prompt has it only where it holds all of
// those pages: who comes to share pages then tells others no more than that somebody used a listed text.
// Thread-safety: all functions are safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hearth::engine {

class PublicPrefixes {
 public:
  using Tokens = std::vector<std::int32_t>;

  // For who asks from now on.
  void replace(std::vector<Tokens> prefixes);
  // How many pages `tokens` has of the longest listed beginning that it has; 0: it has none.
  std::int64_t pages_of(std::span<const std::int32_t> tokens) const;

 private:
  mutable std::mutex mutex_;
  std::vector<Tokens> prefixes_;
};

// The beginnings of prompts that hold these texts: of plain prompts, and where the model has a template
// (`chat` may be null) of chats whose first message, the system's or a user's, is or begins with the text.
// Tokens at a text's end that depend on what follows are left out. Throws what rendering and tokenizing
// throw.
std::vector<PublicPrefixes::Tokens> tokenize_public_texts(const std::vector<std::string>& texts,
                                                          const text::Tokenizer& tokenizer,
                                                          const text::ChatTemplate* chat,
                                                          std::chrono::local_seconds now);

}  // namespace hearth::engine
