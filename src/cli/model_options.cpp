#include "cli/model_options.h"

#include <iostream>
#include <iterator>

#include "base/file.h"
#include "cli/progress_bar.h"
#include "store/store.h"

namespace hearth::cli {

void ModelArguments::add_to(CLI::App& verb) {
  verb.add_option("NAME", name, "A model in the store (smollm2:135m) or a path to a model file")->required();
  verb.add_option("--threads", threads, "Compute threads; 0: one for each physical core")
      ->check(CLI::Range(0, 1024));
  verb.add_option("--context", context_tokens, "Tokens of context; 0: the model's own, at most 4096")
      ->check(CLI::NonNegativeNumber);
  add_numerics_to(verb);
}

void ModelArguments::add_numerics_to(CLI::App& verb) {
  // Options take effect in this order: the type of the cache holds with --checking too.
  verb.add_flag_callback(
      "--checking", [this] { numerics = kernels::Numerics::checking(); },
      "Float activations and cache: slow, for comparing with references");
  add_cache_type_option(verb, numerics.key_value_cache);
}

engine::EngineOptions ModelArguments::engine_options() const {
  engine::EngineOptions options;
  options.context_tokens = context_tokens;
  options.numerics = numerics;
  options.load_progress = [bar = std::make_shared<ProgressBar>("loading " + name)](
                              std::size_t done, std::size_t total) { bar->show(done, total); };
  return options;
}

void add_speculation_options(CLI::App& verb, engine::SpeculationOptions& options) {
  verb.add_option("--speculate", options.draft_tokens,
                  "Most tokens drafted ahead in a step where the text repeats itself or a draft model is "
                  "given: faster, never another answer; 0: none")
      ->check(CLI::Range(0, engine::kMostDraftTokens))
      ->capture_default_str();
  CLI::Option* const layers =
      verb.add_option("--draft-layers", options.draft_layers,
                      "So many first layers of the model itself draft where the text does not repeat")
          ->check(CLI::PositiveNumber);
  verb.add_option_function<std::string>(
          "--draft", [&options](const std::string& name) { options.draft_model = find_model(name); },
          "A smaller model of the same vocabulary that drafts where the text does not repeat: a model in the "
          "store or a path")
      ->excludes(layers);
}

void add_cache_type_option(CLI::App& verb, kernels::CacheType& type) {
  verb.add_option_function<std::string>(
          "--cache-type", [&type](const std::string& name) { type = *kernels::cache_type_named(name); },
          "How keys and values of earlier tokens are kept: bf16 (the default); q8 in half the memory, "
          "slightly less exact; f16, slower and slightly more exact; f32")
      ->check(CLI::IsMember({"bf16", "q8", "f16", "f32"}));
}

std::filesystem::path find_model(const std::string& name) {
  return store::Store(home_directory()).resolve(name);
}

std::string read_text(const std::string& file) {
  if (file != "-") return read_file(file);
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

}  // namespace hearth::cli
