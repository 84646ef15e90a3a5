// How likely a model held tokens: the logarithms of their probabilities, by the softmax of the row of logits
// as the model gave it. A mask, biases, penalties and the temperature, which come after, do not show in them;
// so a token that a constraint demanded may be an unlikely one. Thread-safety: free functions and values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hearth::engine {

inline constexpr std::int32_t kMostLikeliest = 20;

struct RankedToken {
  std::int32_t token = 0;
  float log_probability = 0;
};

struct Ranking {
  RankedToken chosen;
  std::vector<RankedToken> likeliest;  // the likeliest first; of equals the lower id
};

double log_probability(std::span<const float> logits, std::int32_t token);
// Throws kInternal where a logit is NaN, or none is finite.
Ranking rank_tokens(std::span<const float> logits, std::int32_t chosen, std::int32_t most_likeliest);

// A ranking as callers get it.
struct TokenLogProbability {
  std::int32_t token = 0;
  std::optional<float> log_probability;  // none: of a text's first token, before which there was nothing
  std::string bytes;                     // what it adds to the text here; of a hidden token its name
  bool is_hidden = false;                // it adds nothing to the text
};

struct TokenLogProbabilities {
  TokenLogProbability chosen;
  std::vector<TokenLogProbability> likeliest;
};

// Those of one answer on their way out, held until the text that they belong to may be sent. Places are in
// bytes of the answer's text. Thread-safety: none.
class HeldLogProbabilities {
 public:
  // `begin` and `end`: where the token's own text lies.
  void add(TokenLogProbabilities token, std::size_t begin, std::size_t end);
  // Of the tokens whose text is within the first `sent` bytes.
  std::vector<TokenLogProbabilities> take(std::size_t sent);
  // The text ended after `length` bytes: of all tokens but those that are wholly behind its end.
  std::vector<TokenLogProbabilities> take_last(std::size_t length);

 private:
  struct Held {
    TokenLogProbabilities token;
    std::size_t begin, end;
  };
  std::vector<Held> held_;
};

}  // namespace hearth::engine
