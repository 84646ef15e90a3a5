#include "cli/bench_speculation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/median.h"
#include "engine/engine.h"

namespace hearth::cli {
namespace {

using engine::Engine;

std::vector<std::int32_t> prompt_of(const Engine& engine, const std::string& question) {
  text::ChatRequest chat;
  chat.messages = nlohmann::ordered_json::array({{{"role", "user"}, {"content", question}}});
  return engine.tokenize_chat(chat);
}

struct Kind {
  const char* name;
  bool look_up, draft_model;
  Engine::Answer answer;
  std::vector<double> rates;  // tokens a second
};

void print_report(const std::vector<Kind>& kinds, std::int32_t repetitions, bool json) {
  const double plain_rate = median(kinds.front().rates);
  const Kind& whole = kinds.back();  // all that the options give
  const engine::Usage& usage = whole.answer.usage;
  nlohmann::ordered_json report{{"plain_tok_s", plain_rate},
                                {"speculative_tok_s", median(whole.rates)},
                                {"ratio", median(whole.rates) / plain_rate},
                                {"prompt_tokens", usage.prompt_tokens},
                                {"completion_tokens", usage.completion_tokens},
                                {"drafted_tokens", usage.drafted_tokens},
                                {"accepted_tokens", usage.accepted_tokens},
                                {"repetitions", repetitions}};
  for (const Kind& kind : kinds) {
    const double rate = median(kind.rates);
    const engine::Usage& own = kind.answer.usage;
    report["kinds"].push_back({{"name", kind.name},
                               {"tok_s", rate},
                               {"ratio", rate / plain_rate},
                               {"drafted_tokens", own.drafted_tokens},
                               {"accepted_tokens", own.accepted_tokens}});
    if (!json)
      fmt::print("{:<9} {:8.1f} tokens/s  ratio {:5.2f}  {:6} drafted, {} of them right\n", kind.name, rate,
                 rate / plain_rate, own.drafted_tokens, own.accepted_tokens);
  }
  if (json)
    fmt::print("{}\n", report.dump());
  else
    fmt::print("the same {} tokens after a prompt of {}; medians of {} repetitions\n",
               usage.completion_tokens, usage.prompt_tokens, repetitions);
}

}  // namespace

void bench_speculation(const ModelArguments& model, const engine::SpeculationOptions& speculation,
                       const std::filesystem::path& question_file, std::int32_t generate,
                       std::int32_t repetitions, bool json) {
  engine::EngineOptions options = model.engine_options();
  options.parallel_sequences = 1;
  options.speculation = speculation;
  const auto engine = Engine::load(model.compute(), find_model(model.name), options);
  engine::GenerationRequest request;
  request.prompt = prompt_of(*engine, read_text(question_file));
  request.sampling.temperature = 0;
  request.maximum_tokens = generate;

  std::vector<Kind> kinds{{"plain", false, false, {}, {}}, {"look-up", true, false, {}, {}}};
  if (!speculation.draft_model.empty() || speculation.draft_layers > 0) {
    kinds.push_back({"draft", false, true, {}, {}});
    kinds.push_back({"both", true, true, {}, {}});
  }
  for (std::int32_t i = 0; i < repetitions; ++i) {
    for (Kind& kind : kinds) {
      request.look_up = kind.look_up;
      request.draft_model = kind.draft_model;
      kind.answer = engine->generate(request);
      kind.rates.push_back(kind.answer.usage.completion_tokens / kind.answer.usage.decode_seconds);
      if (kind.answer.tokens != kinds.front().answer.tokens)
        throw Error(ErrorKind::kInternal,
                    fmt::format("the answer with speculation ({}) is another than without", kind.name),
                    "this is a fault of Hearth: please report it with the model and the question");
    }
  }
  print_report(kinds, repetitions, json);
}

}  // namespace hearth::cli
