#include "engine/engine.h"

#include <fmt/format.h>

#include <future>
#include <mutex>
#include <utility>

#include "engine/disk_identity.h"
#include "engine/draft_files.h"
#include "engine/model.h"
#include "engine/public_prefixes.h"
#include "engine/scheduler.h"
#include "text/model_template.h"
#include "text/tool_text.h"

namespace hearth::engine {

namespace {

// OpenAI's newer name for the same: most models were trained with the older one.
void call_developers_system(text::ChatRequest& request) {
  if (!request.messages.is_array()) return;
  for (auto& message : request.messages)
    if (message.is_object() && message.contains("role") && message["role"] == "developer")
      message["role"] = "system";
}

}  // namespace

struct Engine::Implementation {
  std::unique_ptr<Model> model;
  std::optional<text::ChatTemplate> chat_template;
  std::optional<Error> no_template;  // why there is none
  std::optional<text::Thinking> thinking;
  models::MemoryPlan plan;
  std::optional<constraint::Compiler> compiler;
  std::unique_ptr<models::Decoder> draft_model;
  std::unique_ptr<Scheduler> scheduler;  // last: stops before the model goes

  std::mutex mutex;  // guards what follows
  std::vector<std::string> public_texts;
  std::chrono::local_days public_day;  // of the date that they were rendered with

  void tokenize_public_texts(std::chrono::local_seconds now);
};

// REQUIRES: the mutex.
void Engine::Implementation::tokenize_public_texts(std::chrono::local_seconds now) {
  scheduler->set_public_prefixes(engine::tokenize_public_texts(
      public_texts, model->tokenizer(), chat_template ? &*chat_template : nullptr, now));
  public_day = std::chrono::floor<std::chrono::days>(now);
}

Engine::Engine(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Engine::~Engine() = default;

std::unique_ptr<Engine> Engine::load(std::shared_ptr<Compute> compute, const std::filesystem::path& path,
                                     const EngineOptions& options) {
  auto self = std::make_unique<Implementation>();
  self->model = Model::load(compute, path, options);
  const Model& model = *self->model;
  try {
    self->chat_template = text::model_chat_template(model.files(), model.tokenizer());
  } catch (const Error& error) {
    self->no_template = error;  // completions work without one
  }
  self->thinking =
      text::find_thinking(self->chat_template ? self->chat_template->source() : "", model.tokenizer());
  const EngineOptions& resolved = model.options();
  self->plan = plan_memory(model.files(), resolved, model.context().isa());
  self->compiler.emplace(model.tokenizer(),
                         static_cast<std::size_t>(model.decoder().configuration().vocabulary));
  self->draft_model = load_draft_model(model);
  self->scheduler = std::make_unique<Scheduler>(
      std::move(compute), model.context(), model.decoder(), model.tokenizer(), resolved,
      resolved.disk_cache ? disk_fingerprint(model) : model.fingerprint(), self->draft_model.get());
  return std::unique_ptr<Engine>(new Engine(std::move(self)));
}

const text::Tokenizer& Engine::tokenizer() const { return implementation_->model->tokenizer(); }

const text::ChatTemplate& Engine::chat_template() const {
  if (!implementation_->chat_template) throw *implementation_->no_template;
  return *implementation_->chat_template;
}

const models::DecoderConfiguration& Engine::configuration() const {
  return implementation_->model->decoder().configuration();
}
std::int32_t Engine::context_tokens() const { return implementation_->model->options().context_tokens; }
const models::MemoryPlan& Engine::memory_plan() const { return implementation_->plan; }
const std::string& Engine::fingerprint() const { return implementation_->model->fingerprint(); }

std::vector<text::TextSpan> Engine::render_chat(const text::ChatRequest& request) const {
  const text::ChatTemplate& chat = chat_template();
  text::ChatRequest understood = request;
  if (chat.source().find("developer") == std::string::npos) call_developers_system(understood);
  text::put_tools_into_text(understood, chat.forms());
  return chat.render(understood);
}

std::vector<std::int32_t> Engine::tokenize_chat(const text::ChatRequest& request) const {
  return tokenizer().encode_spans(render_chat(request), {.add_special = true});
}

std::vector<std::int32_t> Engine::tokenize_prompt(std::string_view text) const {
  return tokenizer().encode(text, {.add_special = true});
}

std::optional<text::Thinking> Engine::thinking_behind(std::span<const std::int32_t> prompt) const {
  if (!implementation_->thinking) return std::nullopt;
  return text::thinking_behind(*implementation_->thinking, prompt, tokenizer());
}

void Engine::set_public_texts(std::vector<std::string> texts) {
  const std::lock_guard lock(implementation_->mutex);
  implementation_->public_texts.swap(texts);
  implementation_->tokenize_public_texts(text::local_now());
}

// Templates that tell the date begin in another way the next day.
void Engine::keep_public_texts_current() {
  if (!implementation_->chat_template || !implementation_->chat_template->reads_date()) return;
  const std::lock_guard lock(implementation_->mutex);
  const auto now = text::local_now();
  if (implementation_->public_texts.empty() ||
      std::chrono::floor<std::chrono::days>(now) == implementation_->public_day)
    return;
  implementation_->tokenize_public_texts(now);
}

PromptTooLong::PromptTooLong(std::int64_t prompt_tokens, std::int32_t context_tokens)
    : Error(
          Error(ErrorKind::kContextLengthExceeded,
                fmt::format("the prompt has {} tokens; at most {} fit this model's context of {}, with room "
                            "for one token of answer",
                            prompt_tokens, context_tokens - 1, context_tokens),
                "shorten the prompt or serve with a larger --context")
              .with_field("messages")),
      prompt_tokens(prompt_tokens),
      most_tokens(context_tokens - 1) {}

void Engine::check_room() const { implementation_->scheduler->check_room(); }

void Engine::submit(GenerationRequest request, GenerationCallback callback) {
  const std::int32_t vocabulary = configuration().vocabulary;
  validate(request.sampling, vocabulary);
  const auto prompt_tokens = static_cast<std::int64_t>(request.prompt.size());
  if (prompt_tokens == 0)
    throw Error(ErrorKind::kInvalidArgument, "the prompt is empty", "send at least one token of text")
        .with_field("prompt");
  if (prompt_tokens >= context_tokens()) throw PromptTooLong(prompt_tokens, context_tokens());
  if (request.maximum_tokens < 0)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("max_tokens is {}, allowed is 1 or more", request.maximum_tokens))
        .with_field("max_tokens");
  for (const std::int32_t token : request.prompt)
    if (token < 0 || token >= vocabulary)
      throw Error(ErrorKind::kInvalidArgument,
                  fmt::format("token {} is not in the vocabulary of {}", token, vocabulary))
          .with_field("prompt");
  if (request.output) {
    request.output->thinking = request.thinking;
    try {
      request.constraint = implementation_->compiler->compile(*request.output);
    } catch (const Error& error) {
      const bool is_schema = request.output->kind == constraint::Source::Kind::kJsonSchema;
      throw Error(error).with_field(is_schema ? "response_format" : "grammar");
    }
  }
  if (!request.context) request.context = std::make_shared<RequestContext>();
  keep_public_texts_current();
  implementation_->scheduler->submit(std::move(request), std::move(callback));
}

Engine::Answer Engine::generate(GenerationRequest request) {
  Answer answer;
  std::promise<void> done;
  std::optional<Error> failure;
  submit(std::move(request), [&](const GenerationEvent& event) {
    answer.text += event.text;
    answer.tokens.insert(answer.tokens.end(), event.tokens.begin(), event.tokens.end());
    if (!event.finish) return;
    answer.finish = *event.finish;
    answer.usage = event.usage;
    failure = event.error;
    done.set_value();
  });
  done.get_future().wait();
  if (failure) throw *failure;
  return answer;
}

std::int64_t Engine::forget_tenant(std::string tenant) {
  return implementation_->scheduler->forget_tenant(std::move(tenant));
}

Engine::Load Engine::load() const { return implementation_->scheduler->load(); }

}  // namespace hearth::engine
