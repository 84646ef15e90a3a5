// What speculation gains with one question: answered with it and without, in turns.
#pragma once

#include <filesystem>

#include "cli/model_options.h"

namespace hearth::cli {

// Prints both speeds and their ratio for at most `generate` tokens of answer. Throws kInternal where the
// answers differ: they never may.
void bench_speculation(const ModelArguments& model, const std::filesystem::path& question_file,
                       std::int32_t generate, std::int32_t repetitions, bool json);

}  // namespace hearth::cli
