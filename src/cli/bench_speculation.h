// What speculation gains with one question: answered without it and with each kind of it, in turns.
#pragma once

#include <filesystem>

#include "cli/model_options.h"

namespace hearth::cli {

// Prints the speeds and their ratios to that without for at most `generate` tokens of answer. Throws
// kInternal where the answers differ: they never may.
void bench_speculation(const ModelArguments& model, const engine::SpeculationOptions& speculation,
                       const std::filesystem::path& question_file, std::int32_t generate,
                       std::int32_t repetitions, bool json);

}  // namespace hearth::cli
