#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/utf8.h"
#include "cli/model_options.h"
#include "cli/verb.h"
#include "formats/model_files.h"
#include "text/tokenizer.h"

namespace hearth::cli {
namespace {

struct Options {
  std::string name, file;
  std::optional<std::string> text;
  bool no_special = false, json = false;
};

void run(const Options& options) {
  if (options.text && !options.file.empty())
    throw Error(ErrorKind::kWrongUsage, "both TEXT and --file were given", "give one of them");
  const std::string text =
      options.text ? *options.text : read_text(options.file.empty() ? "-" : options.file);
  const formats::ModelFiles files = formats::ModelFiles::open(find_model(options.name));
  const auto tokenizer = text::Tokenizer::from_model(files);
  const std::vector<std::int32_t> ids = tokenizer->encode(text, {.add_special = !options.no_special});
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"ids", ids}}.dump());
    return;
  }
  for (const std::int32_t id : ids)
    fmt::print("{:>7}  {}\n", id, nlohmann::json(replace_invalid_utf8(tokenizer->token_bytes(id))).dump());
  fmt::print(stderr, "{} tokens\n", ids.size());
}

}  // namespace

void add_tokenize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("tokenize", "The tokens that a text becomes");
  verb->add_option("NAME", options->name, "A model in the store, a model file or a vocabulary-only GGUF")
      ->required();
  verb->add_option("TEXT", options->text, "The text; without it --file or standard input");
  verb->add_option("--file", options->file, "Read the text from a file; - for standard input");
  verb->add_flag("--no-special", options->no_special, "Without the tokens that mark beginning and end");
  verb->add_flag("--json", options->json, "Print {\"ids\":[…]}");
  verb->footer("Example:\n  hearth tokenize smollm2:135m \"Hello world\" --json");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
