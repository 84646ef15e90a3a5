#include "server/api/responses_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/encryption.h"
#include "base/error.h"
#include "base/hex.h"
#include "server/api/known_fields.h"
#include "server/network/request_body.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

Error invalid(const std::string& field, std::string message) {
  return Error(ErrorKind::kInvalidArgument, std::move(message)).with_field(field);
}

Error unsupported(const std::string& field, const std::string& what) {
  return Error(ErrorKind::kUnsupported, fmt::format("`{}`: {}", field, what)).with_field(field);
}

std::string read_text(const json& content, const std::string& path, FieldReader& item) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) throw_wrong_type(path, "a string or an array of parts", content);
  std::string all;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::string part_path = fmt::format("{}[{}]", path, i);
    FieldReader part(content[i], part_path, item);
    const std::string type = part.required_string("type", "input_text or output_text");
    if (type != "input_text" && type != "output_text" && type != "text")
      throw unsupported(part_path + ".type",
                        "only text is supported; no model here takes images, sound or files.");
    if (i > 0) all += "\n";
    all += part.required_string("text", "the part's text");
  }
  return all;
}

// What was thought belongs to the turn that it led to.
void begin_turn(json& messages, json content, std::string& reasoning) {
  messages.push_back({{"role", "assistant"}, {"content", std::move(content)}});
  if (!reasoning.empty()) messages.back()["reasoning_content"] = std::exchange(reasoning, {});
}

std::string read_reasoning(FieldReader& item, const std::string& path) {
  std::string all;
  const json* content = item.value("content");
  if (!content) return all;  // a summary, or what nobody here can read
  if (!content->is_array()) throw_wrong_type(path + ".content", "an array of parts", *content);
  for (std::size_t i = 0; i < content->size(); ++i) {
    FieldReader part((*content)[i], fmt::format("{}.content[{}]", path, i), item);
    part.string("type");
    all += part.string("text").value_or("");
  }
  return all;
}

// The call is part of the assistant's turn before it, as chat messages have it.
void add_call(json& messages, FieldReader& item, std::string& reasoning) {
  if (messages.empty() || messages.back()["role"] != "assistant") begin_turn(messages, "", reasoning);
  json& calls = messages.back()["tool_calls"];
  if (calls.is_null()) calls = json::array();
  if (calls.size() == kMostTools)
    throw invalid("input", fmt::format("A turn may hold at most {} tool calls.", kMostTools));
  calls.push_back({{"id", item.required_string("call_id", "the call's id")},
                   {"type", "function"},
                   {"function",
                    {{"name", item.required_string("name", "the function's name")},
                     {"arguments", item.required_string("arguments", "JSON")}}}});
}

// `reasoning`: of an item before, that no turn has yet.
void read_item(const json& value, const std::string& path, FieldReader& body, json& messages,
               std::string& reasoning) {
  FieldReader item(value, path, body);
  const std::string type = item.string("type").value_or("message");
  if (type == "message") {
    constexpr std::array<std::string_view, 4> kRoles = {"user", "assistant", "system", "developer"};
    const std::string role = item.required_string("role", "one of user, assistant, system, developer");
    if (std::ranges::find(kRoles, role) == kRoles.end())
      throw invalid(path + ".role",
                    fmt::format("`{}.role` must be one of user, assistant, system, developer.", path));
    std::string text = read_text(item.required("content", "text"), path + ".content", item);
    if (role == "assistant") return begin_turn(messages, std::move(text), reasoning);
    messages.push_back({{"role", role}, {"content", std::move(text)}});
    reasoning.clear();
  } else if (type == "function_call") {
    add_call(messages, item, reasoning);
  } else if (type == "function_call_output") {
    messages.push_back({{"role", "tool"},
                        {"content", read_text(item.required("output", "a string"), path + ".output", item)},
                        {"tool_call_id", item.required_string("call_id", "the id of the call")}});
  } else if (type == "reasoning") {
    reasoning = read_reasoning(item, path);
  } else {
    throw unsupported(path + ".type", "only messages, function calls and their outputs are supported.");
  }
}

// Items, each an object, whatever way the input was written.
json read_input(FieldReader& body) {
  const json& input = body.required("input", "a string or an array of items");
  if (input.is_string()) return json::array({{{"type", "message"}, {"role", "user"}, {"content", input}}});
  if (!input.is_array()) throw_wrong_type("input", "a string or an array of items", input);
  if (input.empty() || input.size() > kMostMessages)
    throw invalid("input",
                  fmt::format("`input` must hold 1 to {} items, but holds {}.", kMostMessages, input.size()));
  return input;
}

json read_messages(FieldReader& body, const json& before, const json& input) {
  json messages = json::array();
  if (const auto instructions = body.string("instructions"))
    messages.push_back({{"role", "system"}, {"content", *instructions}});
  std::string reasoning;
  const json nothing = json::object();
  FieldReader stored(nothing);  // what is unread there is no business of this request's
  for (std::size_t i = 0; i < before.size(); ++i)
    read_item(before[i], fmt::format("previous_response_id[{}]", i), stored, messages, reasoning);
  for (std::size_t i = 0; i < input.size(); ++i)
    read_item(input[i], fmt::format("input[{}]", i), body, messages, reasoning);
  if (messages.empty()) throw invalid("input", "`input` holds no message, but what was thought alone.");
  return messages;
}

// As the API shows items: with ids, and texts as parts. REQUIRES: read_item() has read it.
json shown_item(json item, std::size_t index, const std::string& mark) {
  if (!item.contains("type") || item["type"].is_null()) item["type"] = "message";
  const std::string type = item["type"];
  const char* const name = type == "message"                ? "msg"
                           : type == "function_call"        ? "fc"
                           : type == "function_call_output" ? "fco"
                                                            : "rs";
  if (!item.contains("id") || !item["id"].is_string())
    item["id"] = fmt::format("{}_{}_{}", name, mark, index);
  if (!item.contains("status")) item["status"] = "completed";
  if (type == "message" && item["content"].is_string())
    item["content"] = json::array(
        {{{"type", item["role"] == "assistant" ? "output_text" : "input_text"}, {"text", item["content"]}}});
  return item;
}

json items_to_store(json before, const json& input) {
  std::array<std::byte, 12> random;
  fill_randomly(random);
  const std::string mark = to_hex(random);
  for (const json& item : input) before.push_back(shown_item(item, before.size(), mark));
  return before;
}

// Theirs name functions without a level between; the rest is read as a chat's.
json chat_tools(const json& tools, FieldReader& body) {
  if (!tools.is_array()) throw_wrong_type("tools", "an array of tools", tools);
  json chat = json::array();
  for (std::size_t i = 0; i < tools.size() && i <= kMostTools; ++i) {
    FieldReader tool(tools[i], fmt::format("tools[{}]", i), body);
    if (tool.required_string("type", "function") != "function")
      throw unsupported(tool.path_of("type"), "only functions are supported; no tool is run by this server.");
    json function = json::object();
    for (const char* name : {"name", "description", "parameters", "strict"})
      if (const json* value = tool.value(name)) function[name] = *value;
    chat.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return chat;
}

json chat_tool_choice(const json& choice, FieldReader& body) {
  if (!choice.is_object()) return choice;
  FieldReader reader(choice, "tool_choice", body);
  if (reader.required_string("type", "function") != "function")
    throw unsupported("tool_choice.type", "only functions are supported; no tool is run by this server.");
  return {{"type", "function"},
          {"function", {{"name", reader.required_string("name", "the function's name")}}}};
}

json chat_format(const json& text, FieldReader& body) {
  FieldReader reader(text, "text", body);
  const json* format = reader.value("format");
  if (format == nullptr) return nullptr;
  FieldReader fields(*format, "text.format", reader);
  if (fields.required_string("type", "text, json_object or json_schema") != "json_schema") return *format;
  json schema = {{"schema", fields.required("schema", "a JSON schema")}};
  for (const char* name : {"name", "strict"})
    if (const json* value = fields.value(name)) schema[name] = *value;
  return {{"type", "json_schema"}, {"json_schema", std::move(schema)}};
}

// The items of the response that this one follows.
json read_previous(FieldReader& body, const Conversation& stored) {
  const auto id = body.string("previous_response_id");
  if (!id) return json::array();
  if (!stored)
    throw unsupported("previous_response_id",
                      "answers are not stored here; send the whole conversation as `input`.");
  try {
    json before = stored(*id);
    if (before.size() <= kMostMessages) return before;
  } catch (const Error& error) {
    throw Error(error).with_field("previous_response_id");
  }
  throw invalid("previous_response_id",
                fmt::format("The conversation has more than {} items.", kMostMessages));
}

void refuse_what_nobody_can(FieldReader& body) {
  for (const char* name : {"conversation", "prompt"})
    if (body.value(name) != nullptr)
      throw unsupported(name, "these are not kept here; send the whole conversation as `input`.");
  if (body.boolean("background").value_or(false))
    throw unsupported("background", "answers are given at once here, as a whole or streamed.");
  if (body.string("truncation").value_or("disabled") != "disabled")
    throw unsupported("truncation", "nothing is cut here; shorten the input.");
}

// The answer repeats it. Limits as OpenAI's.
void check_metadata(FieldReader& body) {
  const json* given = body.value("metadata");
  if (given == nullptr) return;
  FieldReader metadata(*given, "metadata");
  bool fits = given->size() <= 16;
  for (const auto& item : given->items())
    fits = fits && item.key().size() <= 64 && metadata.string(item.key()).value_or("").size() <= 512;
  if (!fits)
    throw invalid("metadata",
                  "`metadata` may hold at most 16 strings of at most 512 bytes, with names of at most 64.");
}

// `include` of the log probabilities; other inclusions are of what there never is here.
void read_log_probabilities(FieldReader& body, json& chat, std::vector<std::string>& ignored) {
  if (const json* likeliest = body.value("top_logprobs")) {
    chat["top_logprobs"] = *likeliest;
    chat["logprobs"] = *likeliest != 0;
  }
  const json* include = body.value("include");
  if (!include) return;
  if (!include->is_array()) throw_wrong_type("include", "an array of strings", *include);
  for (std::size_t i = 0; i < include->size(); ++i) {
    const json& one = (*include)[i];
    if (!one.is_string()) throw_wrong_type(fmt::format("include[{}]", i), "a string", one);
    if (one == "message.output_text.logprobs")
      chat["logprobs"] = true;
    else
      ignored = {"include"};
  }
}

ChatCompletionRequest read_as_chat(const json& chat) {
  constexpr std::string_view kEffort = "reasoning_effort";
  try {
    return read_chat_completion(chat);
  } catch (const Error& error) {
    if (error.field() != kEffort) throw;
    throw Error(error.kind(), "`reasoning.effort" + error.message().substr(kEffort.size() + 1))
        .with_field("reasoning.effort");
  }
}

// What the answer repeats, with the values in force where the request said nothing.
json echo_of(const json& given) {
  json echo = json::object();
  const auto take = [&](const char* name, const json& otherwise) {
    echo[name] = given.contains(name) && !given[name].is_null() ? given[name] : otherwise;
  };
  take("instructions", nullptr);
  take("max_output_tokens", nullptr);
  take("metadata", json::object());
  take("parallel_tool_calls", true);
  take("previous_response_id", nullptr);
  take("reasoning", {{"effort", nullptr}, {"summary", nullptr}});
  take("temperature", nullptr);
  take("text", {{"format", {{"type", "text"}}}});
  take("tool_choice", "auto");
  take("tools", json::array());
  take("top_logprobs", 0);
  take("top_p", nullptr);
  return echo;
}

}  // namespace

ChatCompletionRequest parse_responses(std::string_view text, const Conversation& stored) {
  const json document = parse_body(text);
  FieldReader body(document);
  refuse_what_nobody_can(body);
  const bool stores = body.boolean("store").value_or(true) && stored;
  json before = read_previous(body, stored);
  const json input = read_input(body);
  json chat = {{"messages", read_messages(body, before, input)}};
  const auto copy = [&](const char* theirs, const char* ours) {
    if (const json* value = body.value(theirs)) chat[ours] = *value;
  };
  for (const char* name : {"model", "temperature", "top_p", "stream", "parallel_tool_calls", "service_tier",
                           "seed", "top_k", "ignore_eos", "chat_template_kwargs"})
    copy(name, name);
  if (const auto most = body.integer("max_output_tokens", 1, kMostNewTokens)) chat["max_tokens"] = *most;
  if (const json* tools = body.value("tools")) chat["tools"] = chat_tools(*tools, body);
  if (const json* choice = body.value("tool_choice")) chat["tool_choice"] = chat_tool_choice(*choice, body);
  if (const json* format = body.value("text")) chat["response_format"] = chat_format(*format, body);
  check_metadata(body);
  if (const json* reasoning = body.value("reasoning")) {
    FieldReader fields(*reasoning, "reasoning", body);
    if (const auto effort = fields.string("effort")) chat["reasoning_effort"] = *effort;
  }
  std::vector<std::string> ignored;
  read_log_probabilities(body, chat, ignored);
  ChatCompletionRequest request = read_as_chat(chat);
  request.ignored.insert(request.ignored.end(), ignored.begin(), ignored.end());
  request.echo = echo_of(document);
  request.echo["store"] = stores;
  if (stores) request.to_store = items_to_store(std::move(before), input);
  request.unknown = sort_unread(body, RequestKind::kResponses, request.ignored);
  return request;
}

}  // namespace hearth::server
