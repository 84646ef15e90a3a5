// The files under tests/data/templates, for the tests of chat templates.
#pragma once

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "text/chat_template.h"

namespace hearth::text {

inline std::filesystem::path template_data(const std::string& name) {
  return std::filesystem::path(HEARTH_TEST_DATA) / "templates" / name;
}

inline nlohmann::ordered_json template_json(const std::string& name) {
  return nlohmann::ordered_json::parse(read_file(template_data(name)));
}

// 2026-02-02 09:05:07, as tests/reference/templates_make.py has it.
inline std::chrono::local_seconds reference_time() {
  using namespace std::chrono;
  return local_days(year(2026) / February / 2) + hours(9) + minutes(5) + seconds(7);
}

inline ChatTemplate::Options reference_options() {
  ChatTemplate::Options options;
  options.bos_token = "<s>";
  options.eos_token = "</s>";
  return options;
}

// One of conversations.json.
inline ChatRequest request_from(const nlohmann::ordered_json& json) {
  ChatRequest request;
  request.messages = json.at("messages");
  request.tools = json.value("tools", nlohmann::ordered_json());
  request.documents = json.value("documents", nlohmann::ordered_json());
  request.add_generation_prompt = json.value("add_generation_prompt", false);
  request.variables = json.value("variables", nlohmann::ordered_json());
  request.now = reference_time();
  return request;
}

// A conversation of one message.
inline ChatRequest user_says(const std::string& content) {
  ChatRequest request;
  request.messages = {{{"role", "user"}, {"content", content}}};
  request.now = reference_time();
  return request;
}

}  // namespace hearth::text
