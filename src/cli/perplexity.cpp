#include "engine/perplexity.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"

namespace hearth::cli {
namespace {

struct Options {
  ModelArguments model;
  std::string file;
  std::int32_t context_tokens = 512, chunks = 0;
  bool json = false;
};

void run(const Options& options) {
  const std::string text = read_text(options.file);
  engine::EngineOptions engine_options = options.model.engine_options();
  engine_options.context_tokens = options.context_tokens;
  engine_options.parallel_sequences = 1;
  const auto model =
      engine::Model::load(options.model.compute(), find_model(options.model.name), engine_options);
  const std::vector<std::int32_t> tokens = model->tokenizer().encode(text, {.add_special = true});
  ProgressBar bar("perplexity");
  const engine::PerplexityResult result =
      engine::measure_perplexity(*model, tokens,
                                 {.context_tokens = options.context_tokens,
                                  .chunks = options.chunks,
                                  .progress = [&](std::int32_t chunk, std::int32_t chunks, double so_far) {
                                    bar.show(static_cast<std::size_t>(chunk),
                                             static_cast<std::size_t>(chunks), fmt::format("{:.3f}", so_far));
                                  }});
  bar.clear();
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"perplexity", result.perplexity},
                                      {"standard_error", result.standard_error},
                                      {"chunks", result.chunks},
                                      {"predictions", result.predictions}}
                           .dump());
  } else {
    fmt::print("perplexity {:.4f} ± {:.4f} over {} predictions in {} chunks of {} tokens\n",
               result.perplexity, result.standard_error, result.predictions, result.chunks,
               options.context_tokens);
  }
}

}  // namespace

void add_perplexity(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("perplexity", "How surprised a model is by a text: lower is better");
  verb->add_option("NAME", options->model.name, "A model in the store or a path to a model file")->required();
  verb->add_option("FILE", options->file, "A text file; - for standard input")->required();
  verb->add_option("--threads", options->model.threads, "Compute threads; 0: one for each physical core")
      ->check(CLI::Range(0, 1024));
  verb->add_option("--context", options->context_tokens, "Tokens in a chunk")->check(CLI::Range(4, 1 << 20));
  verb->add_option("--chunks", options->chunks, "Stop after so many chunks; 0: all")
      ->check(CLI::NonNegativeNumber);
  options->model.add_numerics_to(*verb);
  verb->add_flag("--json", options->json, "Print JSON");
  verb->footer("Example:\n  hearth perplexity smollm2:135m book.txt --chunks 8");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
