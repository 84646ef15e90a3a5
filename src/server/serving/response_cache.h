// Whole answers, given again to whoever asks the very same thing.
//
// Only answers that are no matter of chance have a key: at temperature 0, or with a seed that the caller
// gave. What is kept is what computing again would say, bit for bit. Sizes are in bytes, with what keeping
// costs. Non-goals: the disk; other processes. Thread-safety: all functions are safe from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/request.h"
#include "server/api/generation_parameters.h"

namespace hearth::server {

// Everything that an answer depends on.
struct Question {
  std::string_view tenant;        // nobody gets another's answers
  std::string_view model_digest;  // ServedModel::digest()
  std::string_view fingerprint;   // engine::Engine::fingerprint()
  std::string_view adapter;       // empty: none
  std::span<const std::vector<std::int32_t>> prompts;
  const GenerationParameters& parameters;
  const engine::SamplingOptions& sampling;  // the parameters over the defaults
  bool parts_reasoning = false;             // from the answer
};

// Hexadecimal digits, first those of the tenant; nothing where the same question may have another answer.
std::optional<std::string> answer_key(const Question& question);
std::string tenant_digits(std::string_view tenant);

struct KeptChoice {
  std::string text;
  std::string reasoning = {};
  engine::FinishReason finish = engine::FinishReason::kStop;
  std::string stop_string = {};
  std::int32_t prompt_tokens = 0, completion_tokens = 0, reasoning_tokens = 0;

  // The choice as one event of an engine's. No token of its prompt was computed, so all count as cached.
  engine::GenerationEvent event() const;
};
using KeptAnswer = std::vector<KeptChoice>;  // in the order of the choices

class ResponseCache {
 public:
  virtual ~ResponseCache() = default;
  virtual std::shared_ptr<const KeptAnswer> find(const std::string& key) = 0;  // null: not known
  // `removals`: those that there had been when the answer began. If a tenant was removed since, whichever it
  // was, the answer is not kept.
  virtual void keep(const std::string& key, KeptAnswer answer, std::int64_t removals) = 0;
  // All that this tenant was told. Returns how many answers.
  virtual std::int64_t remove_tenant(std::string_view tenant) = 0;
  virtual std::int64_t removals() const = 0;
  virtual std::size_t bytes() const = 0;
};

// In this process's memory. Beyond `most_bytes` the answer that was asked for longest ago goes first; one
// that alone is larger is not kept.
std::shared_ptr<ResponseCache> make_memory_response_cache(std::size_t most_bytes);

// Watches the events of an answer on their way, and keeps it once each of its choices is complete.
class AnswerRecorder : public std::enable_shared_from_this<AnswerRecorder> {
 public:
  AnswerRecorder(std::shared_ptr<ResponseCache> cache, std::string key, std::size_t choices)
      : cache_(std::move(cache)),
        key_(std::move(key)),
        removals_(cache_->removals()),
        choices_(choices),
        unfinished_(choices) {}
  // Hand to the engine in place of `next`; keeps the recorder alive.
  engine::GenerationCallback watch(engine::GenerationCallback next, std::size_t choice);

 private:
  void record(std::size_t choice, const engine::GenerationEvent& event);

  const std::shared_ptr<ResponseCache> cache_;
  const std::string key_;
  const std::int64_t removals_;
  std::mutex mutex_;  // guards what follows
  KeptAnswer choices_;
  std::size_t unfinished_;
};

}  // namespace hearth::server
