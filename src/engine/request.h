// What the engine is asked and what it answers: plain structs, no behaviour.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "constraint/compiler.h"
#include "engine/log_probabilities.h"
#include "text/thinking.h"

namespace hearth::engine {

// Who asks. default/anonymous before there are keys.
struct Principal {
  std::string tenant = "default";
  std::string subject = "anonymous";
  std::string key_id;
  std::vector<std::string> scopes;
};
// Who shares with others: the key where there is one, else the subject, of its tenant.
std::string caller_of(const Principal& principal);

// Who goes first where callers compete (engine/fair_share.h).
enum class Priority { kHigh, kNormal, kLow };

// Goes with every request from its first byte to its last; immutable but for the cancellation flag.
struct RequestContext {
  std::string request_id;
  Principal principal;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  // By then its turn has come, or it is refused.
  std::optional<std::chrono::steady_clock::time_point> queue_deadline;
  // Set by anyone, any time; the sequence stops within one step.
  std::atomic<bool> cancelled{false};
};

struct SamplingOptions {
  float temperature = 0.8f;  // 0: always the most likely token (ties: the lowest id)
  std::int32_t top_k = 40;   // 0: all
  float top_p = 0.95f;       // 1: all
  float min_p = 0.05f;       // 0: all; relative to the most likely token
  float repetition_penalty = 1.0f;
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  std::int32_t penalty_window =
      64;  // the last tokens of the history that the penalties see; 0: none, -1: all
  std::vector<std::pair<std::int32_t, float>> logit_bias;  // token, added to its logit
};

// Throws kInvalidArgument with the field's name and the range allowed.
void validate(const SamplingOptions& options, std::int32_t vocabulary);

struct GenerationRequest {
  std::shared_ptr<RequestContext> context;
  std::vector<std::int32_t> prompt;
  SamplingOptions sampling;
  std::int32_t maximum_tokens = 0;  // 0: until the context is full
  std::vector<std::string> stop_strings;
  // How the model thinks before it answers; its answer is what comes behind. Nothing: all is answer.
  std::optional<text::Thinking> thinking;
  // What the answer's text has to be; it ends where nothing can follow. submit() compiles it.
  std::optional<constraint::Source> output;
  std::shared_ptr<const constraint::Constraint> constraint;
  Priority priority = Priority::kNormal;
  std::uint64_t seed = 0;
  std::int32_t choice = 0;  // the n-th answer to one prompt: changes the random numbers
  bool ignore_end = false;  // goes on past end-of-generation tokens (benchmarks)
  // With the log probabilities of its tokens, and of so many likeliest ones in each one's place.
  std::optional<std::int32_t> log_probabilities;
  // Those of the prompt's tokens come before them: all of it is computed, whatever is known of it.
  bool prompt_log_probabilities = false;
  bool prompt_only = false;     // nothing is generated
  bool continues_text = false;  // what is generated follows on the prompt's text: keeps a space at its start
  // Kinds of speculation; without any, one token at a time: slower and the same (benchmarks).
  bool look_up = true, draft_model = true;
  // Tests: called before each token of the answer with a digest of the logits that it is sampled from, as the
  // decoder gave them. On the engine's compute thread, as GenerationCallback.
  std::function<void(std::uint64_t)> observe_logits;
};

// A prompt that does not fit the context with a token of answer.
class PromptTooLong : public Error {
 public:
  PromptTooLong(std::int64_t prompt_tokens, std::int32_t context_tokens);
  std::int64_t prompt_tokens, most_tokens;
};

enum class FinishReason { kStop, kLength, kCancelled, kError };
std::string_view name_of(FinishReason reason);  // "stop", "length", "cancelled", "error"

struct Usage {
  std::int32_t prompt_tokens = 0;
  std::int32_t completion_tokens = 0;
  std::int32_t cached_tokens = 0;  // of the prompt, whose keys and values were known
  // Speculation: tokens run ahead of their turn, and those of the answer that came of them.
  std::int32_t drafted_tokens = 0, accepted_tokens = 0;
  std::int32_t reasoning_tokens = 0;  // of the completion's, marks included
  bool is_shortened = false;          // a constrained text was led to its end, since its tokens ran out
  double prefill_seconds = 0, decode_seconds = 0, queue_seconds = 0;
};

// One piece of an answer. Text is whole characters and never part of a stop string, which ends answers and
// not what a model thinks. The last event has `finish`, and `error` where finish is kError; after it nothing
// follows.
struct GenerationEvent {
  std::string text;
  std::string reasoning = {};  // what the model thought, all of it before any text
  std::vector<std::int32_t>
      tokens;  // that were sampled since the last event; their text may still be held back
  // Where they were asked for: of the tokens whose text has come. What a stop string cut off has none, nor
  // the token that ends a text.
  std::vector<TokenLogProbabilities> log_probabilities = {};
  std::optional<FinishReason> finish;
  std::string stop_string = {};  // of the request's, that ended it
  std::optional<Error> error;
  Usage usage;  // so far
};

// Called on the engine's compute thread, in order; must return at once and not throw.
using GenerationCallback = std::function<void(const GenerationEvent&)>;

}  // namespace hearth::engine
