#include "server/routes/completion_service.h"

#include <fmt/format.h>

#include <boost/beast/core/string.hpp>
#include <mutex>

#include "base/encryption.h"
#include "base/hex.h"
#include "server/api/answer_format.h"
#include "server/api/api_errors.h"
#include "server/api/chat_request.h"
#include "server/api/choice_reader.h"
#include "server/api/messages_request.h"
#include "server/api/responses_request.h"
#include "server/serving/generation_queue.h"
#include "server/serving/on_worker.h"

namespace hearth::server {

namespace net = boost::asio;
using std::chrono::steady_clock;

namespace {

// What a request's Cache-Control (RFC 9111, 5.2.1) allows.
struct CacheUse {
  bool read = true, keep = true;
};

CacheUse cache_use(std::string_view header) {
  CacheUse use;
  while (!header.empty()) {
    std::string_view directive = header.substr(0, header.find(','));
    header.remove_prefix(std::min(directive.size() + 1, header.size()));
    const auto begin = std::min(directive.find_first_not_of(" \t"), directive.size());
    directive = directive.substr(begin, directive.find_last_not_of(" \t") + 1 - begin);
    if (boost::beast::iequals(directive, "no-store")) use = {false, false};
    if (boost::beast::iequals(directive, "no-cache")) use.read = false;
  }
  return use;
}

}  // namespace

struct CompletionService::Job {
  AnswerKind kind;
  std::string model_id;
  ChatPrompt chat;
  ToolUse tools;
  nlohmann::ordered_json echo;
  std::vector<CompletionPrompt> prompts;
  bool repeats_prompt = false;
  std::string suffix;
  GenerationParameters parameters;
  std::vector<std::string> ignored;
  bool shows_reasoning = true;
  std::optional<Error> unknown;
  std::string id;                                             // of the answer
  std::function<void(const nlohmann::ordered_json&)> keep{};  // stores it; empty: it is not stored
  engine::Priority priority = engine::Priority::kNormal;

  std::shared_ptr<ServedModel> model;
  std::shared_ptr<GenerationQueue> queue;
  std::shared_ptr<GenerationMeter> meter;
  std::shared_ptr<Metrics> metrics;
  std::function<void(std::int64_t)> take_tokens;  // from what the caller may have
  std::string request_id;
  std::int64_t prompt_tokens = 0;     // of all prompts
  std::int32_t choices = 0;           // of all prompts together
  std::vector<std::string> repeated;  // the prompts, where the answers begin with them
  std::shared_ptr<ResponseCache> cache;
  CacheUse cache_use;

  void submit(const std::shared_ptr<engine::RequestContext>& context);
  HeaderList headers() const;
  std::unique_ptr<AnswerFormat> format() const;
  std::vector<ChoiceReader> readers() const {
    std::vector<ChoiceReader> all;
    for (std::int32_t i = 0; i < choices; ++i)
      all.emplace_back(tools, request_id, i,
                       repeats_prompt ? repeated[static_cast<std::size_t>(i / parameters.choices)] : "");
    return all;
  }
  bool counts_prompt(std::int32_t choice) const { return choice % parameters.choices == 0; }

 private:
  std::vector<std::vector<std::int32_t>> tokenized_prompts() const;
  std::optional<text::Thinking> thinking_behind(std::span<const std::int32_t> prompt) const;
  std::vector<std::string> texts_of_prompts() const;
  bool answer_from_cache(const std::string& key);
  void check_room() const;
  void count_refusal(const Error& error) const;
  const char* format_field() const;
};

std::vector<std::vector<std::int32_t>> CompletionService::Job::tokenized_prompts() const {
  if (kind != AnswerKind::kText) return {model->tokenize_chat(chat)};
  std::vector<std::vector<std::int32_t>> all;
  for (const CompletionPrompt& prompt : prompts) {
    const auto* text = std::get_if<std::string>(&prompt);
    if (text && !suffix.empty())
      all.push_back(model->tokenize_infill(*text, suffix));
    else
      all.push_back(text ? model->tokenize_prompt(*text) : std::get<std::vector<std::int32_t>>(prompt));
  }
  return all;
}

std::vector<std::string> CompletionService::Job::texts_of_prompts() const {
  std::vector<std::string> all;
  for (const CompletionPrompt& prompt : prompts) {
    const auto* text = std::get_if<std::string>(&prompt);
    const text::Tokenizer* const tokenizer = model->tokenizer();  // none: of a model that will refuse
    all.push_back(text        ? *text
                  : tokenizer ? tokenizer->decode(std::get<std::vector<std::int32_t>>(prompt))
                              : std::string());
  }
  return all;
}

// Plain completions are what the model writes.
std::optional<text::Thinking> CompletionService::Job::thinking_behind(
    std::span<const std::int32_t> prompt) const {
  if (kind == AnswerKind::kText) return std::nullopt;
  return model->thinking_behind(prompt);
}

// Through the same queue and meter as an engine's events: a hit is an answer like any other.
bool CompletionService::Job::answer_from_cache(const std::string& key) {
  const auto known = cache_use.read ? cache->find(key) : nullptr;
  meter->used_response_cache(known != nullptr);
  if (!known) return false;
  for (const KeptChoice& choice : *known) {
    const auto sink = meter->watch(queue->sink(choices), counts_prompt(choices));
    ++choices;
    sink(choice.event());
  }
  return true;
}

// Where no kept answer may come instead, before work is put into the prompt.
void CompletionService::Job::check_room() const {
  try {
    model->check_room();
  } catch (const Error& error) {
    count_refusal(error);
    throw;
  }
}

void CompletionService::Job::count_refusal(const Error& error) const {
  if (error.kind() == ErrorKind::kOverloaded) metrics->request_refused("queue");
}

// Where its API says of what form an answer is to be.
const char* CompletionService::Job::format_field() const {
  if (tools.is_demanded) return "tools";
  return kind == AnswerKind::kResponses  ? "text.format"
         : kind == AnswerKind::kMessages ? "output_config.format"
                                         : "response_format";
}

// All choices or none: one that is refused takes the others back.
void CompletionService::Job::submit(const std::shared_ptr<engine::RequestContext>& context) {
  if (!cache || !cache_use.read) check_room();
  const auto all = tokenized_prompts();
  if (repeats_prompt) repeated = texts_of_prompts();
  for (const auto& tokens : all) prompt_tokens += std::ssize(tokens);
  const auto sampling = parameters.sampling_over(model->default_sampling());
  std::shared_ptr<AnswerRecorder> recorder;
  if (cache) {
    const auto key = answer_key({context->principal.tenant,
                                 model->digest(),
                                 model->fingerprint(),
                                 {},
                                 all,
                                 parameters,
                                 sampling,
                                 thinking_behind(all.front()).has_value()});
    if (key && answer_from_cache(*key)) {
      for (const auto& tokens : all) take_tokens(std::ssize(tokens));
      return;
    }
    if (key && cache_use.keep)
      recorder = std::make_shared<AnswerRecorder>(cache, *key,
                                                  all.size() * static_cast<std::size_t>(parameters.choices));
  }
  try {
    for (const auto& tokens : all) {
      for (std::int32_t choice = 0; choice < parameters.choices; ++choice) {
        engine::GenerationRequest request;
        request.context = context;
        request.prompt = tokens;
        request.sampling = sampling;
        request.maximum_tokens = parameters.maximum_tokens.value_or(0);
        request.stop_strings = parameters.stop;
        request.output = parameters.output;
        request.thinking = thinking_behind(tokens);
        request.priority = priority;
        request.seed = static_cast<std::uint64_t>(parameters.seed);
        request.choice = choice;
        request.ignore_end = parameters.ignore_end;
        request.log_probabilities = parameters.log_probabilities;
        if (parameters.shown_choices > 0 && !request.log_probabilities) request.log_probabilities = 0;
        request.prompt_log_probabilities = parameters.prompt_log_probabilities;
        request.prompt_only = parameters.prompt_only;
        request.continues_text = parameters.continues_text;
        auto sink = meter->watch(queue->sink(choices), counts_prompt(choices));
        if (recorder) sink = recorder->watch(std::move(sink), static_cast<std::size_t>(choices));
        ++choices;
        model->submit(std::move(request), std::move(sink));
      }
      take_tokens(std::ssize(tokens));
    }
  } catch (const engine::PromptTooLong& error) {
    context->cancelled = true;
    if (kind == AnswerKind::kMessages)  // in the words that its clients look for
      throw Error(error.kind(), fmt::format("prompt is too long: {} tokens > {} maximum", error.prompt_tokens,
                                            error.most_tokens));
    throw Error(error).with_field(kind == AnswerKind::kChat        ? "messages"
                                  : kind == AnswerKind::kResponses ? "input"
                                                                   : "prompt");
  } catch (const Error& error) {
    context->cancelled = true;
    count_refusal(error);
    if (error.field() == "response_format") throw Error(error).with_field(format_field());
    throw;
  }
}

std::string_view id_mark(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::kChat:
      return "chatcmpl-";
    case AnswerKind::kText:
      return "cmpl-";
    case AnswerKind::kMessages:
      return "msg_";
    case AnswerKind::kResponses:
      return "resp_";
  }
  return "";
}

// Who knows the id of one answer knows none of others: it may open what is stored.
std::string new_response_id() {
  std::array<std::byte, 16> random;
  fill_randomly(random);
  return "resp_" + to_hex(random);
}

std::unique_ptr<AnswerFormat> CompletionService::Job::format() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return make_answer_format(
      {.kind = kind,
       .id = id.empty() ? std::string(id_mark(kind)) + request_id.substr(request_id.find('_') + 1) : id,
       .created = std::chrono::duration_cast<std::chrono::seconds>(now).count(),
       .model = model_id,
       .fingerprint = model->fingerprint(),
       .seed = parameters.seed,
       .prompt_tokens = prompt_tokens,
       .choices = choices,
       .with_usage = parameters.include_usage,
       .shows_reasoning = shows_reasoning,
       .log_probabilities = parameters.log_probabilities,
       .echo = echo});
}

HeaderList CompletionService::Job::headers() const {
  HeaderList headers = {{"x-hearth-seed", std::to_string(parameters.seed)}, {"x-hearth-model", model->id()}};
  if (const auto hit = meter->response_cache_hit())
    headers.emplace_back("x-hearth-cache", *hit ? "hit" : "miss");
  if (!ignored.empty()) headers.emplace_back("x-hearth-ignored", ignored_header(ignored));
  return headers;
}

void CompletionService::take_tokens(Exchange& exchange, std::int64_t count) {
  callers_->take_tokens(engine::caller_of(exchange.context()->principal), exchange.options().caller_limits,
                        count, steady_clock::now());
}

net::awaitable<std::optional<CallerLimits::Admission>> CompletionService::admit(Exchange& exchange) {
  auto admitted = callers_->admit(engine::caller_of(exchange.context()->principal),
                                  exchange.options().caller_limits, steady_clock::now());
  if (auto* admission = std::get_if<CallerLimits::Admission>(&admitted)) co_return std::move(*admission);
  const auto& refusal = std::get<CallerLimits::Refusal>(admitted);
  metrics_->request_refused(refusal.limit);
  co_await exchange.respond(
      error_response(api_of(exchange.message().target()), refusal.error, refusal.retry_after));
  co_return std::nullopt;
}

CompletionService::Job CompletionService::chat_job(AnswerKind kind, ChatCompletionRequest request) {
  Job job;
  job.kind = kind;
  job.model_id = std::move(request.model);
  job.chat = std::move(request.prompt);
  job.tools = std::move(request.tools);
  job.echo = std::move(request.echo);
  job.parameters = std::move(request.parameters);
  job.ignored = std::move(request.ignored);
  job.shows_reasoning = request.shows_reasoning;
  job.unknown = std::move(request.unknown);
  return job;
}

net::awaitable<void> CompletionService::chat(Exchange& exchange) {
  const auto admission = co_await admit(exchange);
  if (!admission) co_return;
  auto request =
      co_await on_worker(workers_, [body = exchange.body()] { return parse_chat_completion(body); });
  co_await serve(exchange, chat_job(AnswerKind::kChat, std::move(request)));
}

net::awaitable<void> CompletionService::messages(Exchange& exchange) {
  const auto admission = co_await admit(exchange);
  if (!admission) co_return;
  auto request = co_await on_worker(workers_, [body = exchange.body()] { return parse_messages(body); });
  co_await serve(exchange, chat_job(AnswerKind::kMessages, std::move(request)));
}

net::awaitable<void> CompletionService::responses(Exchange& exchange) {
  const auto admission = co_await admit(exchange);
  if (!admission) co_return;
  const std::string tenant = exchange.context()->principal.tenant;
  const std::uint64_t removals = store_ ? store_->removals() : 0;
  Conversation stored;
  if (store_) stored = [&](const std::string& id) { return store_->find(tenant, id).conversation(); };
  auto parse = [body = exchange.body(), &stored] { return parse_responses(body, stored); };
  auto request = co_await on_worker(workers_, std::move(parse));
  auto input = std::make_shared<nlohmann::ordered_json>(std::move(request.to_store));
  Job job = chat_job(AnswerKind::kResponses, std::move(request));
  if (!input->is_null()) {
    job.id = new_response_id();
    job.keep = [to = store_, tenant, removals, id = job.id, input](const nlohmann::ordered_json& response) {
      to->keep(tenant, id, {response, std::move(*input)}, removals);
    };
  }
  co_await serve(exchange, std::move(job));
}

net::awaitable<void> CompletionService::count_message_tokens(Exchange& exchange) {
  const auto admission = co_await admit(exchange);
  if (!admission) co_return;
  auto request =
      co_await on_worker(workers_, [body = exchange.body()] { return parse_messages_to_count(body); });
  if (request.unknown && exchange.options().strict_requests) throw *request.unknown;
  const auto model = co_await acquire(exchange, model_or_default(std::move(request.model)));
  if (!model) co_return;
  auto count = [&] { return model->tokenize_chat(request.prompt).size(); };
  const std::size_t tokens = co_await on_worker(workers_, std::move(count));
  Response response = json_response({{"input_tokens", tokens}});
  if (!request.ignored.empty())
    response.headers.emplace_back("x-hearth-ignored", ignored_header(request.ignored));
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> CompletionService::text(Exchange& exchange) {
  const auto admission = co_await admit(exchange);
  if (!admission) co_return;
  auto request = co_await on_worker(workers_, [body = exchange.body()] { return parse_completion(body); });
  Job job;
  job.kind = AnswerKind::kText;
  job.model_id = std::move(request.model);
  job.prompts = std::move(request.prompts);
  job.repeats_prompt = request.echo;
  job.suffix = std::move(request.suffix);
  job.parameters = std::move(request.parameters);
  job.ignored = std::move(request.ignored);
  job.unknown = std::move(request.unknown);
  co_await serve(exchange, std::move(job));
}

net::awaitable<std::shared_ptr<ServedModel>> CompletionService::acquire(Exchange& exchange,
                                                                        const std::string& id) {
  struct Result {
    std::mutex mutex;
    bool ready = false;
    std::shared_ptr<ServedModel> model;
    std::optional<Error> error;
  };
  const auto result = std::make_shared<Result>();
  const auto& aliases = exchange.options().aliases;
  const auto alias = aliases.find(id);
  models_.acquire(
      alias == aliases.end() ? id : alias->second,
      [result, wake = exchange.waker()](std::shared_ptr<ServedModel> model, std::optional<Error> error) {
        {
          const std::lock_guard lock(result->mutex);
          result->model = std::move(model);
          result->error = std::move(error);
          result->ready = true;
        }
        wake();
      });
  for (;;) {
    {
      const std::lock_guard lock(result->mutex);
      if (result->error) throw *result->error;
      if (result->ready) co_return result->model;
    }
    if (exchange.client_gone()) co_return nullptr;
    if (exchange.must_end()) throw Error(ErrorKind::kOverloaded, "The server is stopping.");
    const bool woken =
        co_await exchange.wakeup().wait_until(exchange.context()->deadline.value_or(Wakeup::Time::max()));
    if (!woken)
      throw Error(ErrorKind::kDeadlineExceeded, "The request's time limit passed while its model was loaded.",
                  "try again");
  }
}

std::string CompletionService::model_or_default(std::string id) const {
  if (id.empty()) id = models_.default_model();
  if (!id.empty()) return id;
  throw Error(ErrorKind::kNotFound, "There is no model yet.", "get one with `hearth pull smollm2:135m`")
      .with_field("model");
}

net::awaitable<void> CompletionService::serve(Exchange& exchange, Job job) {
  if (job.unknown && exchange.options().strict_requests) throw *job.unknown;
  job.model_id = model_or_default(std::move(job.model_id));
  job.model = co_await acquire(exchange, job.model_id);
  if (!job.model) co_return;
  job.parameters.use_defaults(exchange.options().sampling);
  job.priority = job.parameters.priority_within(exchange.options().highest_priority);
  job.queue = std::make_shared<GenerationQueue>(exchange.waker());
  job.cache_use = cache_use(exchange.header("Cache-Control"));
  if (job.cache_use.read || job.cache_use.keep) job.cache = cache_;
  job.metrics = metrics_;
  const auto context = exchange.context();
  job.take_tokens = [callers = callers_, caller = engine::caller_of(context->principal),
                     limits = exchange.options().caller_limits](std::int64_t count) {
    callers->take_tokens(caller, limits, count, steady_clock::now());
  };
  job.meter =
      std::make_shared<GenerationMeter>(metrics_, job.model->id(), exchange.received(), job.take_tokens);
  exchange.set_meter(job.meter);
  // Named, not written into the co_await: GCC 12 destroys the captures of such a temporary twice.
  auto submit = [&job, context] { job.submit(context); };
  co_await on_worker(workers_, std::move(submit));
  // The engine has what it needs; a slow reader shall not keep the rest.
  job.chat = {};
  job.prompts = {};
  exchange.drop_body();
  job.request_id = context->request_id;
  if (job.parameters.stream) {
    co_await stream(exchange, job);
  } else {
    co_await answer(exchange, job);
  }
  context->cancelled = true;  // where it ended early, nothing may go on; else without effect
}

net::awaitable<std::optional<Error>> CompletionService::store(const Job& job,
                                                              const nlohmann::ordered_json& response) {
  if (!job.keep) co_return std::nullopt;
  auto work = [&]() -> std::optional<Error> {
    try {
      job.keep(response);
      return std::nullopt;
    } catch (const Error& error) {
      return error;
    }
  };
  co_return co_await on_worker(workers_, std::move(work));
}

net::awaitable<void> CompletionService::answer(Exchange& exchange, Job& job) {
  std::vector<Choice> choices(static_cast<std::size_t>(job.choices));
  std::vector<ChoiceReader> readers = job.readers();
  AnswerUsage usage;
  std::int32_t unfinished = job.choices;
  while (unfinished > 0) {
    if (exchange.client_gone()) co_return;
    if (exchange.must_end()) throw Error(ErrorKind::kOverloaded, "The server is stopping.", "try again");
    for (const auto& [index, event] : job.queue->take()) {
      if (event.error) {
        exchange.context()->cancelled = true;
        throw *event.error;
      }
      Choice& choice = choices[static_cast<std::size_t>(index)];
      ChoiceReader& reader = readers[static_cast<std::size_t>(index)];
      for (ChoicePart& part : reader.read(event)) choice.add(std::move(part));
      if (!event.finish) continue;
      choice.end = reader.end(event);
      usage.add(event.usage, job.counts_prompt(index));
      --unfinished;
    }
    if (unfinished > 0) co_await exchange.wakeup().wait_until(Wakeup::Time::max());
  }
  const GenerationParameters& parameters = job.parameters;
  if (parameters.shown_choices > 0)
    choices = likeliest_choices(std::move(choices), static_cast<std::size_t>(parameters.choices),
                                static_cast<std::size_t>(parameters.shown_choices));
  const nlohmann::ordered_json document = job.format()->document(choices, usage);
  // Before the client is told of it: what it was told of is there.
  const auto not_stored = co_await store(job, document);
  if (not_stored) throw *not_stored;
  Response response = json_response(document);
  for (auto& header : job.headers()) response.headers.push_back(std::move(header));
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> CompletionService::stream(Exchange& exchange, Job& job) {
  const auto format = job.format();
  HeaderList headers = job.headers();
  headers.emplace_back("Content-Type", "text/event-stream; charset=utf-8");
  headers.emplace_back("Cache-Control", "no-store");
  headers.emplace_back("X-Accel-Buffering", "no");
  bool connected = co_await exchange.begin_stream(std::move(headers));
  const auto heartbeat = exchange.options().limits.heartbeat;

  std::string out = format->opening();
  std::vector<ChoiceReader> readers = job.readers();
  AnswerUsage usage;
  std::int32_t unfinished = job.choices;
  std::optional<Error> failure;
  auto last_sent = steady_clock::now();
  while (connected && unfinished > 0 && !failure) {
    if (!out.empty()) {
      connected = co_await exchange.send(out);
      out.clear();
      last_sent = steady_clock::now();
    }
    co_await exchange.wakeup().wait_until(last_sent + heartbeat);
    if (exchange.client_gone()) co_return;
    for (const auto& [index, event] : job.queue->take()) {
      ChoiceReader& reader = readers[static_cast<std::size_t>(index)];
      for (const ChoicePart& part : reader.read(event)) out += format->part(index, part);
      if (event.error) failure = event.error;
      if (!event.finish || event.error) continue;
      out += format->end_of_choice(index, reader.end(event));
      usage.add(event.usage, job.counts_prompt(index));
      --unfinished;
    }
    if (unfinished > 0 && exchange.must_end())
      failure.emplace(ErrorKind::kOverloaded, "The server is stopping.", "try again");
    // Also where tokens come and their text is held back.
    if (out.empty() && steady_clock::now() >= last_sent + heartbeat) out = ": still here\n\n";
  }
  if (!connected) co_return;
  if (!failure && job.keep) failure = co_await store(job, format->to_store(usage));
  if (failure) {
    exchange.context()->cancelled = true;
    out += format->failure(*failure);
  } else {
    out += format->end(usage);
  }
  connected = co_await exchange.send(out);
  if (connected) co_await exchange.end_stream();
}

}  // namespace hearth::server
