#include "server/api/messages_request.h"

#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "server/api/template_variables.h"
#include "server/network/request_body.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

Error invalid(const std::string& field, std::string message) {
  return Error(ErrorKind::kInvalidArgument, std::move(message)).with_field(field);
}

const json& required_array(FieldReader& reader, std::string_view name, std::string_view what) {
  const json& value = reader.required(name, what);
  if (!value.is_array()) throw_wrong_type(reader.path_of(name), what, value);
  return value;
}

[[noreturn]] void refuse_block(const std::string& path, const std::string& type) {
  throw Error(
      ErrorKind::kUnsupported,
      fmt::format("`{}.type`: blocks of the type \"{}\" are not supported; no model here takes images or "
                  "documents.",
                  path, type.substr(0, 64)))
      .with_field(path + ".type");
}

// What a system prompt, a message or a tool's result may be: a string, or blocks of text.
std::string read_text(const json& content, const std::string& path) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) throw_wrong_type(path, "a string or an array of blocks", content);
  std::string all;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::string block_path = fmt::format("{}[{}]", path, i);
    FieldReader block(content[i], block_path);
    if (const std::string type = block.required_string("type", "the block's type"); type != "text")
      refuse_block(block_path, type);
    if (i > 0) all += "\n";
    all += block.required_string("text", "the block's text");
  }
  return all;
}

// One message of theirs may be several of OpenAI's: each tool's result is one of its own.
class MessageReader {
 public:
  MessageReader(const json& message, std::string path, json& messages)
      : reader_(message, path), path_(std::move(path)), messages_(messages) {}

  void read() {
    role_ = reader_.required_string("role", "one of user, assistant");
    if (role_ != "user" && role_ != "assistant")
      throw invalid(path_ + ".role", fmt::format("`{}.role` must be one of user, assistant.", path_));
    const json& content = reader_.required("content", "a string or an array of blocks");
    const std::string content_path = path_ + ".content";
    if (content.is_string()) {
      text_ = content.get<std::string>();
    } else {
      if (!content.is_array()) throw_wrong_type(content_path, "a string or an array of blocks", content);
      for (std::size_t i = 0; i < content.size(); ++i)
        read_block(content[i], fmt::format("{}[{}]", content_path, i));
    }
    if (has_text_ || calls_.size() > 0 || results_ == 0) push();
  }

 private:
  void read_block(const json& value, const std::string& path) {
    FieldReader block(value, path);
    const std::string type = block.required_string("type", "the block's type");
    if (type == "text") {
      if (has_text_) text_ += "\n";
      text_ += block.required_string("text", "the block's text");
      has_text_ = true;
    } else if (type == "tool_use" && role_ == "assistant") {
      if (calls_.size() == kMostTools)
        throw invalid(path, fmt::format("A message may hold at most {} tool calls.", kMostTools));
      const json& input = block.required("input", "an object");
      if (!input.is_object()) throw_wrong_type(path + ".input", "an object", input);
      calls_.push_back({{"id", block.required_string("id", "the call's id")},
                        {"type", "function"},
                        {"function",
                         {{"name", block.required_string("name", "the tool's name")},
                          {"arguments", input.dump(-1, ' ', false, json::error_handler_t::replace)}}}});
    } else if (type == "tool_result" && role_ == "user") {
      const std::string id = block.required_string("tool_use_id", "the id of the call");
      const json* content = block.value("content");
      const std::string text = content ? read_text(*content, path + ".content") : "";
      const bool failed = block.boolean("is_error").value_or(false);
      messages_.push_back(
          {{"role", "tool"}, {"content", failed ? "Error: " + text : text}, {"tool_call_id", id}});
      ++results_;
    } else if (type == "thinking" && role_ == "assistant") {
      reasoning_ += block.required_string("thinking", "what was thought");
    } else if (type == "redacted_thinking" && role_ == "assistant") {
      // Nobody here can read it.
    } else {
      refuse_block(path, type);
    }
  }
  void push() {
    json message = {{"role", role_}, {"content", text_}};
    if (!reasoning_.empty()) message["reasoning_content"] = reasoning_;
    if (!calls_.empty()) message["tool_calls"] = calls_;
    messages_.push_back(std::move(message));
  }

  FieldReader reader_;
  std::string path_, role_, text_, reasoning_;
  json& messages_;
  json calls_ = json::array();
  bool has_text_ = false;
  std::size_t results_ = 0;
};

json read_messages(FieldReader& body) {
  const json& given = required_array(body, "messages", "an array with at least one message");
  if (given.empty()) throw invalid("messages", "`messages` is empty; it must hold at least one message.");
  if (given.size() > kMostMessages)
    throw invalid("messages",
                  fmt::format("`messages` may hold at most {}, but holds {}.", kMostMessages, given.size()));
  json messages = json::array();
  if (const json* system = body.value("system"))
    messages.push_back({{"role", "system"}, {"content", read_text(*system, "system")}});
  for (std::size_t i = 0; i < given.size(); ++i)
    MessageReader(given[i], fmt::format("messages[{}]", i), messages).read();
  return messages;
}

json read_tool(const json& given, const std::string& path, std::vector<std::string>& ignored) {
  FieldReader tool(given, path);
  if (const auto type = tool.string("type"); type && *type != "custom")
    throw Error(ErrorKind::kUnsupported,
                fmt::format("`{}.type`: tools that the server runs itself are not supported.", path))
        .with_field(path + ".type");
  const std::string name = tool.required_string("name", "the tool's name");
  check_tool_name(name, path + ".name");
  if (tool.boolean("strict").value_or(false)) ignored.push_back(path + ".strict");
  const json& schema = tool.required("input_schema", "a JSON schema");
  if (!schema.is_object()) throw_wrong_type(path + ".input_schema", "an object", schema);
  json function = {{"name", name}};
  if (const auto description = tool.string("description")) function["description"] = *description;
  function["parameters"] = schema;
  return {{"type", "function"}, {"function", std::move(function)}};
}

// Of the only tool that must be called, or empty for any; nothing where none must.
using Demand = std::optional<std::string>;

Demand read_tool_choice(FieldReader& body, bool& allowed, bool& parallel) {
  const json* given = body.value("tool_choice");
  if (!given) return std::nullopt;
  FieldReader choice(*given, "tool_choice");
  const std::string type = choice.required_string("type", "one of auto, any, tool, none");
  parallel = !choice.boolean("disable_parallel_tool_use").value_or(false);
  allowed = type != "none";
  if (type == "any") return "";
  if (type == "tool") return choice.required_string("name", "the tool's name");
  if (type != "auto" && type != "none")
    throw invalid("tool_choice.type", "`tool_choice.type` must be one of auto, any, tool, none.");
  return std::nullopt;
}

Demand read_tools(FieldReader& body, ChatCompletionRequest& request) {
  bool allowed = true;
  Demand demand = read_tool_choice(body, allowed, request.tools.parallel);
  const json* tools = body.value("tools");
  if (!tools) return demand;
  if (!tools->is_array()) throw_wrong_type("tools", "an array of tools", *tools);
  if (tools->size() > kMostTools)
    throw invalid("tools",
                  fmt::format("`tools` may hold at most {}, but holds {}.", kMostTools, tools->size()));
  json converted = json::array();
  for (std::size_t i = 0; i < tools->size(); ++i)
    converted.push_back(read_tool((*tools)[i], fmt::format("tools[{}]", i), request.ignored));
  if (demand) request.ignored.clear();  // a call that is demanded is of the schema in any case
  if (!allowed || converted.empty()) return demand;
  for (const json& tool : converted) request.tools.names.push_back(tool["function"]["name"]);
  request.prompt.tools = std::move(converted);
  return demand;
}

json read_format(const json& format) {
  FieldReader reader(format, "output_config.format");
  if (reader.required_string("type", "json_schema") != "json_schema")
    throw invalid("output_config.format.type", "`output_config.format.type` must be json_schema.");
  return {{"type", "json_schema"},
          {"json_schema", {{"name", "answer"}, {"schema", reader.required("schema", "a JSON schema")}}}};
}

// Ours have other names: read from an object with OpenAI's, so that ranges and limits are stated once.
GenerationParameters read_parameters(FieldReader& body) {
  json renamed = json::object();
  const auto copy = [&](std::string_view theirs, const char* ours) {
    if (const json* value = body.value(theirs)) renamed[ours] = *value;
  };
  body.required("max_tokens", "how many tokens the answer may have");
  copy("max_tokens", "max_tokens");
  if (const auto temperature = body.number("temperature", 0, 1)) renamed["temperature"] = *temperature;
  copy("top_p", "top_p");
  copy("top_k", "top_k");
  copy("stream", "stream");
  if (const json* stop = body.value("stop_sequences")) {
    if (!stop->is_array()) throw_wrong_type("stop_sequences", "an array of strings", *stop);
    renamed["stop"] = *stop;
  }
  if (const auto tier = body.string("service_tier")) {
    if (*tier != "auto" && *tier != "standard_only")
      throw invalid("service_tier", "`service_tier` must be one of auto, standard_only.");
    renamed["service_tier"] = *tier == "auto" ? "auto" : "default";
  }
  if (const json* output = body.value("output_config")) {
    FieldReader config(*output, "output_config");
    config.string("effort");  // of thinking
    if (const json* format = config.value("format")) renamed["response_format"] = read_format(*format);
  }
  FieldReader reader(renamed);
  return read_generation_parameters(reader, {"max_tokens"});
}

// Whether what the model thinks is shown. Where the request does not say, it thinks as it is used to.
void read_thinking(FieldReader& body, ChatCompletionRequest& request) {
  request.shows_reasoning = false;
  const json* given = body.value("thinking");
  if (!given) return;
  FieldReader thinking(*given, "thinking");
  const std::string type = thinking.required_string("type", "one of enabled, adaptive, disabled");
  if (type != "enabled" && type != "adaptive" && type != "disabled")
    throw invalid("thinking.type", "`thinking.type` must be one of enabled, adaptive, disabled.");
  request.prompt.variables = thinking_variables(type != "disabled");
  const std::string display = thinking.string("display").value_or("");
  request.shows_reasoning = type != "disabled" && display != "omitted";
  // No model here is stopped in its thoughts but by `max_tokens`.
  if (thinking.integer("budget_tokens", 1, kMostNewTokens))
    request.ignored.push_back("thinking.budget_tokens");
}

ChatCompletionRequest parse(std::string_view text, bool generates) {
  const json document = parse_body(text);
  FieldReader body(document);
  ChatCompletionRequest request;
  request.model = read_model(body);
  request.prompt.messages = read_messages(body);
  const Demand demand = read_tools(body, request);
  read_thinking(body, request);
  if (generates) request.parameters = read_parameters(body);
  if (demand) demand_call(request, *demand, "tool_choice");
  for (std::string& name : body.unread()) request.ignored.push_back(std::move(name));
  return request;
}

}  // namespace

ChatCompletionRequest parse_messages(std::string_view body) { return parse(body, true); }
ChatCompletionRequest parse_messages_to_count(std::string_view body) { return parse(body, false); }

}  // namespace hearth::server
