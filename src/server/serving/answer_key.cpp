#include <type_traits>

#include "base/sha256.h"
#include "server/serving/response_cache.h"

namespace hearth::server {

namespace {

// Numbers as their bytes, texts and lists behind their length: no two questions give the same bytes.
class Digest {
 public:
  template <typename Value>
  requires std::is_arithmetic_v<Value>
  void add(Value value) { sha_.update(std::as_bytes(std::span(&value, 1))); }
  void add(std::string_view text) {
    add(text.size());
    sha_.update(std::as_bytes(std::span(text)));
  }
  void add(std::span<const std::int32_t> tokens) {
    add(tokens.size());
    sha_.update(std::as_bytes(tokens));
  }
  std::string finish() { return sha_.finish_hex(); }

 private:
  Sha256 sha_;
};

}  // namespace

std::string tenant_digits(std::string_view tenant) { return sha256_hex(tenant).substr(0, 32); }

std::optional<std::string> answer_key(const Question& question) {
  // Every field by name: one that is added does not compile until it has its place here.
  [[maybe_unused]] const auto& [temperature, top_p, min_p, top_k, repetition, presence, frequency, bias,
                                maximum_tokens, stop, output, seed, seed_given, priority, choices, stream,
                                include_usage, ignore_end] = question.parameters;
  const auto& [effective_temperature, effective_top_k, effective_top_p, effective_min_p, effective_repetition,
               effective_presence, effective_frequency, penalty_window, effective_bias] = question.sampling;
  const bool always_the_likeliest = effective_temperature == 0;
  if (!always_the_likeliest && !seed_given) return std::nullopt;

  Digest digest;
  digest.add(question.model_digest);
  digest.add(question.fingerprint);
  digest.add(question.adapter);
  digest.add(question.prompts.size());
  for (const auto& prompt : question.prompts) digest.add(std::span(prompt));
  digest.add(effective_temperature);
  digest.add(effective_top_k);
  digest.add(effective_top_p);
  digest.add(effective_min_p);
  digest.add(effective_repetition);
  digest.add(effective_presence);
  digest.add(effective_frequency);
  digest.add(penalty_window);
  digest.add(effective_bias.size());
  for (const auto& [token, value] : effective_bias) {
    digest.add(token);
    digest.add(value);
  }
  digest.add(maximum_tokens.value_or(0));
  digest.add(stop.size());
  for (const std::string& text : stop) digest.add(text);
  digest.add(output ? static_cast<int>(output->kind) + 1 : 0);
  if (output) digest.add(output->text);
  digest.add(always_the_likeliest ? std::int64_t{0} : seed);
  digest.add(choices);
  digest.add(ignore_end);
  digest.add(question.parts_reasoning);
  return tenant_digits(question.tenant) + digest.finish();
}

}  // namespace hearth::server
