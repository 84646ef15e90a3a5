// One request while it runs: its tokens, its pages and the text on its way out.
// Thread-safety: none; the scheduler's thread owns it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/key_value_cache.h"
#include "engine/request.h"
#include "text/detokenizer.h"
#include "text/stop_matcher.h"
#include "text/tokenizer.h"

namespace hearth::engine {

class Sequence {
 public:
  Sequence(GenerationRequest request, GenerationCallback callback, const text::Tokenizer& tokenizer,
           std::int32_t context_tokens);

  const GenerationRequest& request() const { return request_; }
  // Positions that it can come to hold: what is reserved at admission.
  std::int64_t most_tokens() const {
    return static_cast<std::int64_t>(request_.prompt.size()) + maximum_output_;
  }

  void admit(KeyValueCache& cache) {
    pages_.emplace(cache, most_tokens());
    admitted_ = std::chrono::steady_clock::now();
  }
  SequencePages& pages() { return *pages_; }

  const std::vector<std::int32_t>& tokens() const { return tokens_; }
  // Tokens whose keys and values are in the cache; the others are to be run.
  std::int64_t computed() const { return computed_; }
  std::int64_t pending() const { return static_cast<std::int64_t>(tokens_.size()) - computed_; }
  void mark_computed(std::int64_t count) { computed_ += count; }

  // Takes the sampled token, sends what text became certain and ends where a stop string, an end token or the
  // limit says so.
  void accept(std::int32_t token);
  void fail(const Error& error);
  bool is_cancelled() const;  // by its caller or by its deadline
  void end_if_cancelled();    // sends the last event
  bool finished() const { return finished_; }

 private:
  void finish(FinishReason reason, std::string text, std::vector<std::int32_t> tokens = {},
              std::optional<Error> error = {});
  void send(GenerationEvent event);
  Usage usage() const;

  GenerationRequest request_;
  GenerationCallback callback_;
  const text::Tokenizer& tokenizer_;
  std::int32_t maximum_output_;
  text::IncrementalDetokenizer detokenizer_;
  text::StopMatcher stop_matcher_;
  std::vector<std::int32_t> tokens_;
  std::int64_t computed_ = 0;
  std::optional<SequencePages> pages_;
  bool finished_ = false;
  std::chrono::steady_clock::time_point submitted_, admitted_{}, first_token_{};
};

}  // namespace hearth::engine
