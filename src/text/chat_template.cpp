#include "text/chat_template.h"

#include <ctime>

#include "base/error.h"
#include "base/utf8.h"
#include "text/template/conversation.h"
#include "text/template/interpreter.h"
#include "text/template/json_input.h"
#include "text/template/parser.h"

namespace hearth::text {
namespace {

// Trying out a foreign template when its file is opened must take no time.
constexpr std::size_t kTrialSteps = 200'000;
constexpr std::chrono::milliseconds kTrialTime{200};

}  // namespace

struct ChatTemplate::Parsed {
  std::string source;
  Options options;
  jinja::Block block;
  TemplateForms forms;
  bool reads_date = false;

  std::vector<TextSpan> run(const ChatRequest& request, const TemplateLimits& limits) const;
};

std::chrono::local_seconds local_now() {
  const std::time_t now = std::time(nullptr);
  std::tm fields{};
  localtime_r(&now, &fields);
  return std::chrono::local_seconds(std::chrono::seconds(now + fields.tm_gmtoff));
}

std::vector<TextSpan> ChatTemplate::Parsed::run(const ChatRequest& request,
                                                const TemplateLimits& limits) const {
  jinja::Runtime runtime(limits, request.now);
  std::vector<std::pair<std::string, jinja::Value>> variables;
  const auto add = [&](const std::string& name, jinja::Value value) {
    variables.emplace_back(name, std::move(value));
  };
  if (options.bos_token) add("bos_token", runtime.string(*options.bos_token, true));
  if (options.eos_token) add("eos_token", runtime.string(*options.eos_token, true));
  for (const auto& [name, token] : options.other_tokens) add(name, runtime.string(token, true));
  if (request.variables.is_object()) {
    for (const auto& [name, value] : request.variables.items()) add(name, jinja::from_json(runtime, value));
  }
  add("messages", jinja::messages_from_json(runtime, request.messages));
  add("tools", jinja::from_json(runtime, request.tools));
  add("documents", jinja::from_json(runtime, request.documents));
  add("add_generation_prompt", request.add_generation_prompt);
  jinja::Interpreter interpreter(runtime, std::move(variables));
  return interpreter.render(block).spans();
}

ChatTemplate ChatTemplate::parse(std::string source, Options options) {
  if (!is_valid_utf8(source)) {
    throw Error(ErrorKind::kCorruptData, "the chat template is not valid UTF-8");
  }
  auto parsed = std::make_shared<Parsed>();
  parsed->block = jinja::parse_template(source, options.limits);
  parsed->reads_date = source.find("strftime_now") != std::string::npos;
  parsed->source = std::move(source);
  parsed->options = std::move(options);
  TemplateLimits trial = parsed->options.limits;
  trial.steps = std::min(trial.steps, kTrialSteps);
  trial.time = std::min(trial.time, kTrialTime);
  parsed->forms = jinja::find_forms([&](const ChatRequest& request) -> std::optional<std::string> {
    try {
      return joined_text(parsed->run(request, trial));
    } catch (const Error&) {
      return std::nullopt;
    }
  });
  return ChatTemplate(std::move(parsed));
}

std::vector<TextSpan> ChatTemplate::render(const ChatRequest& request) const {
  ChatRequest prepared = request;
  prepared.messages = jinja::prepared_messages(request.messages, parsed_->forms);
  jinja::check_extras(request);
  return parsed_->run(prepared, parsed_->options.limits);
}

std::vector<TextSpan> ChatTemplate::render_as_given(const ChatRequest& request) const {
  return parsed_->run(request, parsed_->options.limits);
}

const TemplateForms& ChatTemplate::forms() const { return parsed_->forms; }
bool ChatTemplate::reads_date() const { return parsed_->reads_date; }
const std::string& ChatTemplate::source() const { return parsed_->source; }

}  // namespace hearth::text
