#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/bench_speculation.h"
#include "cli/median.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"
#include "engine/direct_run.h"
#include "engine/greatest_logit.h"

namespace hearth::cli {
namespace {

struct Options {
  ModelArguments model;
  std::int32_t prompt = 512, generate = 128, batch = 1, repetitions = 5;
  std::string question_file;  // empty: speed without speculation
  engine::SpeculationOptions speculation;
  bool no_warm_up = false, json = false;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int32_t most_likely(std::span<const float> logits) { return engine::find_greatest(logits).token; }

// Any tokens serve: the work does not depend on which they are, but for a mixture's choice of experts.
std::int32_t prompt_token(std::int32_t index, std::int32_t vocabulary) {
  return static_cast<std::int32_t>((std::int64_t{index} * 7919 + 17) % vocabulary);
}

// Runs one sequence's prompt in chunks; returns the likeliest next token.
std::int32_t prefill(engine::DirectRun& run, const engine::Model& model, std::int32_t sequence,
                     std::int32_t tokens) {
  const std::int32_t vocabulary = model.decoder().configuration().vocabulary;
  std::vector<engine::DirectRun::Row> rows;
  for (std::int32_t done = 0; done < tokens;) {
    const std::int32_t end = std::min(tokens, done + model.options().batch_rows);
    rows.clear();
    for (std::int32_t i = done; i < end; ++i)
      rows.push_back({sequence, prompt_token(i, vocabulary), i + 1 == tokens});
    const auto logits = run.run(rows);
    if (end == tokens) return most_likely(logits.row_span(0));
    done = end;
  }
  return 0;
}

void run(const Options& options) {
  if (!options.question_file.empty())
    return bench_speculation(options.model, options.speculation, options.question_file, options.generate,
                             options.repetitions, options.json);
  engine::EngineOptions engine_options = options.model.engine_options();
  if (engine_options.context_tokens == 0) engine_options.context_tokens = options.prompt + options.generate;
  engine_options.parallel_sequences = options.batch;
  engine_options.speculation.draft_tokens = 0;  // runs below speculation
  const auto model =
      engine::Model::load(options.model.compute(), find_model(options.model.name), engine_options);
  if (model->options().context_tokens < options.prompt + options.generate)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} prompt and {} generated tokens do not fit the context of {}", options.prompt,
                            options.generate, model->options().context_tokens));
  engine::DirectRun run(*model, options.batch);
  std::vector<double> prefill_rates, decode_rates;
  ProgressBar bar("measuring");
  for (std::int32_t repetition = options.no_warm_up ? 0 : -1; repetition < options.repetitions;
       ++repetition) {
    // -1 warms up
    std::vector<std::int32_t> next(static_cast<std::size_t>(options.batch));
    for (std::int32_t s = 0; s < options.batch; ++s) run.reset(s);
    auto start = Clock::now();
    for (std::int32_t s = 0; s < options.batch; ++s)
      next[static_cast<std::size_t>(s)] = prefill(run, *model, s, options.prompt);
    const double prefill_seconds = seconds_since(start);
    start = Clock::now();
    for (std::int32_t i = 0; i < options.generate; ++i) {
      std::vector<engine::DirectRun::Row> rows;
      for (std::int32_t s = 0; s < options.batch; ++s)
        rows.push_back({s, next[static_cast<std::size_t>(s)], true});
      const auto logits = run.run(rows);
      for (std::size_t s = 0; s < next.size(); ++s) next[s] = most_likely(logits.row_span(s));
    }
    const double decode_seconds = seconds_since(start);
    bar.show(static_cast<std::size_t>(repetition + 1), static_cast<std::size_t>(options.repetitions));
    if (repetition < 0) continue;
    prefill_rates.push_back(options.batch * options.prompt / prefill_seconds);
    decode_rates.push_back(options.batch * options.generate / decode_seconds);
  }
  bar.clear();
  const double prefill_rate = options.prompt > 0 ? median(prefill_rates) : 0;
  const double decode_rate = options.generate > 0 ? median(decode_rates) : 0;
  if (options.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"prefill_tok_s", prefill_rate},
                                              {"decode_tok_s", decode_rate},
                                              {"prompt", options.prompt},
                                              {"generate", options.generate},
                                              {"batch", options.batch},
                                              {"threads", model->compute().team().size()},
                                              {"instruction_set", kernels::name_of(model->context().isa())},
                                              {"repetitions", options.repetitions}}
                           .dump());
    return;
  }
  fmt::print("prefill {:8.1f} tokens/s  ({} tokens{})\n", prefill_rate, options.prompt,
             options.batch > 1 ? fmt::format(" × {} sequences", options.batch) : "");
  fmt::print("decode  {:8.1f} tokens/s  ({} tokens × {} sequences together)\n", decode_rate, options.generate,
             options.batch);
  fmt::print("median of {} repetitions, {} threads, {}\n", options.repetitions,
             model->compute().team().size(), kernels::name_of(model->context().isa()));
}

}  // namespace

void add_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("bench", "How fast a model runs here: prefill and decode");
  options->model.add_to(*verb);
  verb->add_option("--prompt", options->prompt, "Tokens of prompt")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--generate", options->generate, "Tokens to generate")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  verb->add_option("--batch", options->batch, "Sequences together")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb->add_option("--repetitions", options->repetitions, "Measurements, after one that warms up")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_option("--speculation", options->question_file,
                   "Instead: answers the question in this file with speculation and without, and compares")
      ->check(CLI::ExistingFile);
  add_speculation_options(*verb, options->speculation);
  verb->add_flag("--always-draft", options->speculation.always_draft,
                 "Draft where it does not pay too, to see how often the draft is right");
  for (const char* option : {"--speculate", "--draft", "--draft-layers", "--always-draft"})
    verb->get_option(option)->needs("--speculation");
  verb->add_flag(
      "--no-warm-up", options->no_warm_up,
      "Measure from the first repetition: for long prompts, where warming up would double the time");
  verb->add_flag("--json", options->json, "Print {\"prefill_tok_s\":…, \"decode_tok_s\":…}");
  verb->footer("Example:\n  hearth bench smollm2:135m --prompt 512 --generate 128 --batch 4");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
