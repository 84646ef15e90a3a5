// The program: finds the verb, runs it, and turns an Error into a message and an exit code.
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "base/error.h"
#include "base/log.h"
#include "cli/verb.h"

namespace {

void print_error(const hearth::Error& error) {
  fmt::print(stderr, "hearth: {}\n", error.message());
  if (!error.hint().empty()) fmt::print(stderr, "  {}\n", error.hint());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace hearth;
  CLI::App app{"Your own language models on your own machine.", "hearth"};
  app.set_version_flag("--version", "hearth " HEARTH_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n  hearth pull smollm2:135m\n  hearth run smollm2:135m \"Write one sentence about "
      "rivers.\"\n"
      "  hearth serve\n\n`hearth VERB --help` explains a verb. Models and settings live in $HEARTH_HOME "
      "(default ~/.hearth).");
  for (const auto add :
       {cli::add_pull, cli::add_list, cli::add_show, cli::add_remove, cli::add_run, cli::add_serve,
        cli::add_bench, cli::add_perplexity, cli::add_tokenize, cli::add_template, cli::add_plan,
        cli::add_doctor, cli::add_cache, cli::add_embed, cli::add_key, cli::add_audit})
    add(app);
  set_log_level(LogLevel::kInfo);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints the help or what is wrong
    return code == 0 ? 0 : 2;
  } catch (const Error& error) {
    print_error(error);
    return error.info().exit_code;
  } catch (const std::bad_alloc&) {
    print_error(
        Error(ErrorKind::kOutOfMemory, "memory ran out", "`hearth plan NAME` says how much a model takes"));
  } catch (const std::exception& error) {
    print_error(Error(ErrorKind::kInternal, fmt::format("unexpected failure: {}", error.what())));
  }
  return 1;
}
