#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/utf8.h"
#include "cli/model_options.h"
#include "cli/verb.h"
#include "engine/engine.h"

namespace hearth::cli {
namespace {

struct Options {
  ModelArguments model;
  std::optional<std::string> prompt;
  std::string system;
  engine::SamplingOptions sampling;
  engine::SpeculationOptions speculation;
  std::int32_t maximum_tokens = 0;
  std::optional<std::uint64_t> seed;
  bool raw = false;
};

// What Ctrl-C ends: the answer in progress, or the program where there is none.
std::atomic<std::atomic<bool>*> cancellation{nullptr};

void handle_interrupt(int) {
  if (std::atomic<bool>* flag = cancellation.load()) {
    flag->store(true);
  } else {
    ::_exit(130);
  }
}

class Conversation {
 public:
  Conversation(const Options& options, engine::Engine& engine) : options_(options), engine_(engine) {
    clear();
  }

  void clear() {
    messages_ = nlohmann::ordered_json::array();
    if (!options_.system.empty()) messages_.push_back({{"role", "system"}, {"content", options_.system}});
  }

  // Streams the answer to stdout, and what the model thinks before it to who looks on.
  void ask(const std::string& question) {
    messages_.push_back({{"role", "user"}, {"content", question}});
    engine::GenerationRequest request;
    try {
      text::ChatRequest chat;
      chat.messages = messages_;
      request.prompt = options_.raw ? engine_.tokenize_prompt(question) : engine_.tokenize_chat(chat);
    } catch (...) {
      messages_.erase(messages_.size() - 1);
      throw;
    }
    if (!options_.raw) request.thinking = engine_.thinking_behind(request.prompt);
    request.sampling = options_.sampling;
    request.maximum_tokens = options_.maximum_tokens;
    request.seed = options_.seed ? *options_.seed : std::random_device{}();
    request.context = std::make_shared<engine::RequestContext>();
    const std::string answer = stream(std::move(request));
    messages_.push_back({{"role", "assistant"}, {"content", answer}});
  }

 private:
  std::string stream(engine::GenerationRequest request) {
    const std::shared_ptr<engine::RequestContext> context = request.context;
    cancellation = &context->cancelled;
    std::string answer;
    std::optional<Error> failure;
    std::promise<void> done;
    try {
      engine_.submit(std::move(request), [&, thought = false](const engine::GenerationEvent& event) mutable {
        show_reasoning(event.reasoning);
        thought |= !event.reasoning.empty();
        if (thought && !event.text.empty()) show_reasoning("\n\n"), thought = false;
        answer += event.text;
        fmt::print("{}", event.text);
        std::fflush(stdout);
        if (!event.finish) return;
        failure = event.error;
        done.set_value();
      });
    } catch (...) {
      cancellation = nullptr;
      throw;
    }
    done.get_future().wait();
    cancellation = nullptr;
    fmt::print("\n");
    if (failure) throw *failure;
    return answer;
  }

  static void show_reasoning(std::string_view text) {
    if (text.empty() || ::isatty(STDERR_FILENO) != 1) return;
    fmt::print(stderr, "\033[2m{}\033[0m", text);  // faint
    std::fflush(stderr);
  }

  const Options& options_;
  engine::Engine& engine_;
  nlohmann::ordered_json messages_;
};

void chat(Conversation& conversation, const std::string& name) {
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  if (terminal)
    fmt::print(stderr,
               "{}: type a question; /clear starts anew, /bye or Ctrl-D ends, Ctrl-C stops an answer\n",
               name);
  std::string line;
  while (true) {
    if (terminal) fmt::print(stderr, "\n> ");
    if (!std::getline(std::cin, line) || line == "/bye") break;
    if (line.empty()) continue;
    if (line == "/clear") {
      conversation.clear();
      continue;
    }
    try {
      conversation.ask(replace_invalid_utf8(line));
    } catch (const Error& error) {
      // A question that fails (too long, say) does not end the conversation.
      fmt::print(stderr, "{}\n", error.what());
    }
  }
}

void run(Options options) {
  engine::EngineOptions engine_options = options.model.engine_options();
  engine_options.parallel_sequences = 1;
  engine_options.speculation = options.speculation;
  const std::filesystem::path path = find_model(options.model.name);
  std::signal(SIGINT, handle_interrupt);
  const auto engine = engine::Engine::load(options.model.compute(), path, engine_options);
  if (!options.raw) {
    try {
      engine->chat_template();
    } catch (const Error& error) {
      fmt::print(stderr, "{}; continuing the text instead\n", error.message());
      options.raw = true;
    }
  }
  Conversation conversation(options, *engine);
  if (options.prompt) return conversation.ask(replace_invalid_utf8(*options.prompt));
  chat(conversation, options.model.name);
}

}  // namespace

void add_run(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("run", "Talk with a model in the terminal, or ask one question");
  options->model.add_to(*verb);
  verb->add_option("PROMPT", options->prompt, "One question: its answer goes to stdout and nothing else");
  verb->add_option("--system", options->system, "System message");
  verb->add_option("--temperature", options->sampling.temperature, "0: always the likeliest token")
      ->capture_default_str();
  verb->add_option("--top-p", options->sampling.top_p,
                   "Only the likeliest tokens that together reach this probability")
      ->capture_default_str();
  verb->add_option("--top-k", options->sampling.top_k, "Only so many likeliest tokens; 0: all")
      ->capture_default_str();
  verb->add_option("--max-tokens", options->maximum_tokens, "Longest answer; 0: what the context holds")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--seed", options->seed, "The same seed gives the same answer");
  add_speculation_options(*verb, options->speculation);
  verb->add_flag("--raw", options->raw, "Continue the text as it is, without the model's chat template");
  verb->footer(
      "Examples:\n  hearth run smollm2:135m\n  hearth run smollm2:135m \"Write one sentence about rivers.\"");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
