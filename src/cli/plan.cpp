#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"
#include "engine/model.h"
#include "models/memory_plan.h"

namespace hearth::cli {
namespace {

struct Options {
  std::string name;
  engine::EngineOptions engine;
  bool json = false;
};

void run(const Options& options) {
  const formats::ModelFiles files = formats::ModelFiles::open(find_model(options.name));
  const engine::EngineOptions engine_options =
      engine::resolve_options(options.engine, models::read_decoder_configuration(files));
  const models::MemoryPlan plan = engine::plan_memory(files, engine_options, kernels::selected_isa());
  if (options.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"context_tokens", engine_options.context_tokens},
                                              {"sequences", engine_options.parallel_sequences},
                                              {"cache_type",
                                               kernels::name_of(engine_options.numerics.key_value_cache)},
                                              {"weights_bytes", plan.weights},
                                              {"key_value_cache_bytes", plan.key_value_cache},
                                              {"activations_bytes", plan.activations},
                                              {"logits_bytes", plan.logits},
                                              {"look_up_bytes", plan.look_up},
                                              {"draft_model_bytes", plan.draft_model},
                                              {"total_bytes", plan.total()}}
                           .dump());
    return;
  }
  fmt::print("{} with {} sequences of {} tokens each takes at most\n", options.name,
             engine_options.parallel_sequences, engine_options.context_tokens);
  const auto line = [](const char* part, std::size_t bytes, const char* note) {
    fmt::print("  {:<16} {:>10}   {}\n", part, format_bytes(bytes), note);
  };
  line("weights", plan.weights, "");
  line("key/value cache", plan.key_value_cache, "when every sequence is full; touched as it is used");
  line("activations", plan.activations, "");
  line("logits", plan.logits, "");
  if (plan.look_up > 0) line("look-up", plan.look_up, "speculation: where tokens stood before");
  if (plan.draft_model > 0) line("draft model", plan.draft_model, "speculation: all that it takes");
  line("total", plan.total(), "");
}

}  // namespace

void add_plan(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("plan", "The memory that a model will take, part by part");
  verb->add_option("NAME", options->name, "A model in the store or a path to a model file")->required();
  verb->add_option("--context", options->engine.context_tokens,
                   "Tokens of context; 0: the model's own, at most 4096")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--sequences", options->engine.parallel_sequences, "Sequences at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  add_speculation_options(*verb, options->engine.speculation);
  add_cache_type_option(*verb, options->engine.numerics.key_value_cache);
  verb->add_flag("--json", options->json, "Print JSON, sizes in bytes");
  verb->footer("Example:\n  hearth plan smollm2:135m --context 2048 --sequences 4");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
