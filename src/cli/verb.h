// A verb of the command line: one file each, added to the program by its function below.
//
// A verb's action may throw hearth::Error; main() prints it to stderr with its hint and returns the kind's
// exit code.
#pragma once

#include <CLI/CLI.hpp>

namespace hearth::cli {

void add_pull(CLI::App& app);
void add_list(CLI::App& app);
void add_show(CLI::App& app);
void add_remove(CLI::App& app);
void add_run(CLI::App& app);
void add_serve(CLI::App& app);
void add_bench(CLI::App& app);
void add_perplexity(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_template(CLI::App& app);
void add_plan(CLI::App& app);
void add_doctor(CLI::App& app);
void add_cache(CLI::App& app);
void add_embed(CLI::App& app);
void add_key(CLI::App& app);
void add_audit(CLI::App& app);

}  // namespace hearth::cli
