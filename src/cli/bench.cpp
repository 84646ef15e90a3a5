#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "cli/bench_speculation.h"
#include "cli/median.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"
#include "engine/direct_run.h"
#include "engine/greatest_logit.h"
#include "kernels/machine_limits.h"

namespace hearth::cli {
namespace {

struct Options {
  ModelArguments model;
  std::int32_t prompt = 512, generate = 128, batch = 1, repetitions = 5;
  std::string question_file;  // empty: speed without speculation
  engine::SpeculationOptions speculation;
  bool no_warm_up = false, limits = false, json = false;
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

using Rates = kernels::MachineLimits::Rates;

struct Repetition {
  double prefill_rate, decode_rate;  // tokens a second
  Rates limits;                      // of the machine meanwhile, with --limits
};

Rates mean(const Rates& a, const Rates& b) {
  return {(a.int8_operations_per_second + b.int8_operations_per_second) / 2,
          (a.read_bytes_per_second + b.read_bytes_per_second) / 2};
}

template <typename Value>
double median_of(const std::vector<Repetition>& repetitions, Value value) {
  std::vector<double> values;
  for (const Repetition& repetition : repetitions) values.push_back(std::invoke(value, repetition));
  return median(values);
}

// One prompt after the other, then all of them decoded together.
Repetition measure(engine::DirectRun& run, const engine::Model& model, const Options& options) {
  std::vector<std::int32_t> next(static_cast<std::size_t>(options.batch));
  for (std::int32_t s = 0; s < options.batch; ++s) run.reset(s);
  auto start = Clock::now();
  for (std::int32_t s = 0; s < options.batch; ++s)
    next[static_cast<std::size_t>(s)] = prefill(run, model, s, options.prompt);
  Repetition repetition{};
  repetition.prefill_rate = options.batch * options.prompt / seconds_since(start);
  start = Clock::now();
  for (std::int32_t i = 0; i < options.generate; ++i) {
    std::vector<engine::DirectRun::Row> rows;
    for (std::int32_t s = 0; s < options.batch; ++s)
      rows.push_back({s, next[static_cast<std::size_t>(s)], true});
    const auto logits = run.run(rows);
    for (std::size_t s = 0; s < next.size(); ++s) next[s] = most_likely(logits.row_span(s));
  }
  repetition.decode_rate = options.batch * options.generate / seconds_since(start);
  return repetition;
}

std::vector<Repetition> measure_all(const engine::Model& model, const Options& options) {
  engine::DirectRun run(model, options.batch);
  std::optional<kernels::MachineLimits> limits;
  if (options.limits) limits.emplace(model.compute().team(), model.context().isa());
  Rates before = limits ? limits->measure() : Rates{};
  std::vector<Repetition> repetitions;
  ProgressBar bar("measuring");
  for (std::int32_t i = options.no_warm_up ? 0 : -1; i < options.repetitions; ++i) {  // -1 warms up
    Repetition repetition = measure(run, model, options);
    const Rates after = limits ? limits->measure() : Rates{};
    repetition.limits = mean(before, after);
    before = after;
    if (i >= 0) repetitions.push_back(repetition);
    bar.show(static_cast<std::size_t>(i + 1), static_cast<std::size_t>(options.repetitions));
  }
  bar.clear();
  return repetitions;
}

std::string as_json(const engine::Model& model, const Options& options,
                    const std::vector<Repetition>& repetitions) {
  nlohmann::ordered_json json{{"prefill_tok_s", median_of(repetitions, &Repetition::prefill_rate)},
                              {"decode_tok_s", median_of(repetitions, &Repetition::decode_rate)},
                              {"prompt", options.prompt},
                              {"generate", options.generate},
                              {"batch", options.batch},
                              {"threads", model.compute().team().size()},
                              {"instruction_set", kernels::name_of(model.context().isa())},
                              {"repetitions", options.repetitions}};
  for (const Repetition& one : repetitions)
    if (options.limits)
      json["each_repetition"].push_back(
          {{"prefill_tok_s", one.prefill_rate},
           {"decode_tok_s", one.decode_rate},
           {"int8_operations_per_second", one.limits.int8_operations_per_second},
           {"read_bytes_per_second", one.limits.read_bytes_per_second}});
  return json.dump();
}

void print(const engine::Model& model, const Options& options, const std::vector<Repetition>& repetitions) {
  fmt::print("prefill {:8.1f} tokens/s  ({} tokens{})\n", median_of(repetitions, &Repetition::prefill_rate),
             options.prompt, options.batch > 1 ? fmt::format(" × {} sequences", options.batch) : "");
  fmt::print("decode  {:8.1f} tokens/s  ({} tokens × {} sequences together)\n",
             median_of(repetitions, &Repetition::decode_rate), options.generate, options.batch);
  fmt::print("median of {} repetitions, {} threads, {}\n", options.repetitions, model.compute().team().size(),
             kernels::name_of(model.context().isa()));
  const auto limit = [&](double Rates::*rate) {
    return median_of(repetitions, [rate](const Repetition& one) { return one.limits.*rate; });
  };
  if (options.limits)
    fmt::print("meanwhile this machine could read {:.1f} GB/s and do {:.2f} TOPS of 8-bit products\n",
               limit(&Rates::read_bytes_per_second) * 1e-9,
               limit(&Rates::int8_operations_per_second) * 1e-12);
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
  const std::vector<Repetition> repetitions = measure_all(*model, options);
  if (options.json)
    fmt::print("{}\n", as_json(*model, options, repetitions));
  else
    print(*model, options, repetitions);
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
  verb->add_flag("--limits", options->limits,
                 "Also measure, between the repetitions, what the machine can do at most");
  verb->add_flag("--json", options->json, "Print {\"prefill_tok_s\":…, \"decode_tok_s\":…}");
  verb->footer("Example:\n  hearth bench smollm2:135m --prompt 512 --generate 128 --batch 4");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
