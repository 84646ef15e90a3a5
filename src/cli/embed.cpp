#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "cli/median.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"
#include "engine/embedder.h"

namespace hearth::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kTextsAtATime = 1024;

struct Options {
  std::string name, file = "-", prompt;
  int threads = 0;
  bool floats = false, truncate = false;
  std::int32_t repetitions = 0;  // 0: print the embeddings
};

std::vector<std::string> read_lines(const std::string& file) {
  std::istringstream in(read_text(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(std::move(line));
  if (lines.empty()) throw Error(ErrorKind::kInvalidArgument, "there is no text", "write one a line");
  return lines;
}

std::vector<engine::EncoderInput> tokenize(const engine::Embedder& embedder, const Options& options,
                                           std::span<const std::string> lines) {
  const models::EncoderConfiguration& configuration = embedder.configuration();
  const std::string& prompt = options.prompt == "query"      ? configuration.query_prompt
                              : options.prompt == "document" ? configuration.document_prompt
                                                             : options.prompt;
  std::vector<engine::EncoderInput> inputs;
  for (const std::string& line : lines) {
    inputs.push_back(embedder.tokenize(prompt + line));
    if (options.truncate) embedder.truncate(inputs.back());
  }
  return inputs;
}

void print_embeddings(engine::Embedder& embedder, const Options& options,
                      std::span<const std::string> lines) {
  const auto width = static_cast<std::size_t>(embedder.configuration().width);
  for (std::size_t first = 0; first < lines.size(); first += kTextsAtATime) {
    const auto part = lines.subspan(first, std::min(kTextsAtATime, lines.size() - first));
    const std::vector<float> values = embedder.encode(tokenize(embedder, options, part));
    for (std::size_t i = 0; i < part.size(); ++i)
      fmt::print("[{}]\n", fmt::join(std::span(values).subspan(i * width, width), ","));
  }
}

// From texts to embeddings, with the tokens. The first round warms up.
void measure(engine::Embedder& embedder, engine::Compute& compute, const Options& options,
             std::span<const std::string> lines) {
  std::vector<double> rates;
  std::size_t tokens = 0;
  for (std::int32_t i = -1; i < options.repetitions; ++i) {
    const auto start = Clock::now();
    auto inputs = tokenize(embedder, options, lines);
    tokens = 0;
    for (const engine::EncoderInput& input : inputs) tokens += input.tokens.size();
    embedder.encode(std::move(inputs));
    const std::chrono::duration<double> took = Clock::now() - start;
    if (i >= 0) rates.push_back(static_cast<double>(lines.size()) / took.count());
  }
  fmt::print("{}\n", nlohmann::ordered_json{{"texts_s", median(rates)},
                                            {"texts", lines.size()},
                                            {"tokens", tokens},
                                            {"threads", compute.team().size()},
                                            {"repetitions", options.repetitions}}
                         .dump());
}

void run(const Options& options) {
  const std::vector<std::string> lines = read_lines(options.file);
  engine::EmbedderOptions embedder_options;
  embedder_options.precision =
      options.floats ? models::EncoderPrecision::kAsStored : models::EncoderPrecision::kEightBits;
  embedder_options.queued_tokens = std::int64_t{1} << 40;
  const auto compute = std::make_shared<engine::Compute>(options.threads);
  const auto embedder = engine::Embedder::load(compute, find_model(options.name), embedder_options);
  if (embedder->configuration().classes > 0)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{} scores pairs and makes no embeddings", options.name));
  if (options.repetitions > 0)
    measure(*embedder, *compute, options, lines);
  else
    print_embeddings(*embedder, options, lines);
}

}  // namespace

void add_embed(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("embed", "The embeddings of texts, one JSON list a line");
  verb->add_option("NAME", options->name, "A model in the store, or a folder")->required();
  verb->add_option("--file", options->file, "The texts, one a line; - for standard input")
      ->capture_default_str();
  verb->add_option(
      "--prompt", options->prompt,
      "What stands before each text: \"query\" or \"document\" for the model's own, or any text");
  verb->add_option("--threads", options->threads, "Compute threads; 0: one for each core")
      ->capture_default_str();
  verb->add_flag("--float32", options->floats, "Compute in 32-bit floats, not in 8-bit integers");
  verb->add_flag("--truncate", options->truncate,
                 "Leave the end of texts out that are too long for the model");
  verb->add_option("--measure", options->repetitions,
                   "Print how many texts a second instead: the median of so many repetitions")
      ->check(CLI::Range(1, 1000));
  verb->footer("Example:\n  echo \"a place where a fire is kept\" | hearth embed minilm:l6");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
