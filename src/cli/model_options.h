// What the verbs that load a model share: their options, finding the model's files and showing progress.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/engine_options.h"
#include "engine/model.h"

namespace hearth::cli {

// NAME and the options --threads, --context, --checking, --cache-type of a verb that loads a model.
struct ModelArguments {
  std::string name;
  int threads = 0;
  std::int32_t context_tokens = 0;
  kernels::Numerics numerics;

  void add_to(CLI::App& verb);
  void add_numerics_to(CLI::App& verb);          // the last two alone
  engine::EngineOptions engine_options() const;  // shows a progress bar while loading
  std::shared_ptr<engine::Compute> compute() const { return std::make_shared<engine::Compute>(threads); }
};

// --speculate and what belongs to it, of a verb that generates.
void add_speculation_options(CLI::App& verb, engine::SpeculationOptions& options);

// --cache-type.
void add_cache_type_option(CLI::App& verb, kernels::CacheType& type);

// The file or folder that NAME stands for: a path, or a model in the store.
std::filesystem::path find_model(const std::string& name);

// All of a file, or of standard input for "-".
std::string read_text(const std::string& file);

}  // namespace hearth::cli
