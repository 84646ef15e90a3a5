#include "cli/bench_speculation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/engine.h"

namespace hearth::cli {
namespace {

using engine::Engine;

std::vector<std::int32_t> prompt_of(const Engine& engine, const std::string& question) {
  text::ChatRequest chat;
  chat.messages = nlohmann::ordered_json::array({{{"role", "user"}, {"content", question}}});
  return engine.tokenize_chat(chat);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void bench_speculation(const ModelArguments& model, const std::filesystem::path& question_file,
                       std::int32_t generate, std::int32_t repetitions, bool json) {
  engine::EngineOptions options = model.engine_options();
  options.parallel_sequences = 1;
  const auto engine = Engine::load(model.compute(), find_model(model.name), options);
  engine::GenerationRequest request;
  request.prompt = prompt_of(*engine, read_text(question_file));
  request.sampling.temperature = 0;
  request.maximum_tokens = generate;

  Engine::Answer plain, speculative;
  std::vector<double> plain_rates, speculative_rates;
  for (std::int32_t i = 0; i < repetitions; ++i) {
    for (const bool speculate : {false, true}) {
      request.look_up = speculate;
      Engine::Answer& answer = speculate ? speculative : plain;
      answer = engine->generate(request);
      (speculate ? speculative_rates : plain_rates)
          .push_back(answer.usage.completion_tokens / answer.usage.decode_seconds);
    }
    if (plain.tokens != speculative.tokens)
      throw Error(ErrorKind::kInternal, "the answer with speculation is another than without",
                  "this is a fault of Hearth: please report it with the model and the question");
  }
  const double plain_rate = median(plain_rates), speculative_rate = median(speculative_rates);
  const engine::Usage& usage = speculative.usage;
  if (json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"plain_tok_s", plain_rate},
                                              {"speculative_tok_s", speculative_rate},
                                              {"ratio", speculative_rate / plain_rate},
                                              {"prompt_tokens", usage.prompt_tokens},
                                              {"completion_tokens", usage.completion_tokens},
                                              {"drafted_tokens", usage.drafted_tokens},
                                              {"accepted_tokens", usage.accepted_tokens},
                                              {"repetitions", repetitions}}
                           .dump());
    return;
  }
  fmt::print("plain        {:8.1f} tokens/s  ({} tokens after a prompt of {})\n", plain_rate,
             usage.completion_tokens, usage.prompt_tokens);
  fmt::print("speculative  {:8.1f} tokens/s  ({} drafted, {} of them right)\n", speculative_rate,
             usage.drafted_tokens, usage.accepted_tokens);
  fmt::print("ratio        {:8.2f}  (medians of {} repetitions, the same tokens)\n",
             speculative_rate / plain_rate, repetitions);
}

}  // namespace hearth::cli
