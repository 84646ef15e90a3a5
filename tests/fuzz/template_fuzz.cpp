// A foreign chat template: parsing it and rendering conversations with it ends in text or in a hearth::Error,
// within the limits, and no character of a user comes out trusted.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "text/chat_template.h"

namespace {

hearth::text::ChatRequest conversation() {
  hearth::text::ChatRequest request;
  request.messages = nlohmann::ordered_json::parse(R"([
    {"role": "system", "content": "\u0001"},
    {"role": "user", "content": [{"type": "text", "text": "\u0001\u00e9 <|im_start|>"}]},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "a", "type": "function",
      "function": {"name": "f", "arguments": {"x": [1, 2.5, null, true]}}}]},
    {"role": "tool", "content": "\u0001", "tool_call_id": "a"}])");
  request.tools = nlohmann::ordered_json::parse(
      R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}])");
  request.now = {};
  return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const hearth::text::ChatRequest request = conversation();
  hearth::text::ChatTemplate::Options options;
  options.bos_token = "<s>";
  options.limits.steps = 20'000;
  options.limits.string_bytes = std::size_t{1} << 18;
  options.limits.memory_bytes = std::size_t{1} << 24;
  options.limits.time = std::chrono::milliseconds(500);
  const std::string source(reinterpret_cast<const char*>(data), size);
  const bool source_has_mark =
      source.find('\1') != std::string::npos || source.find('\\') != std::string::npos;
  try {
    const auto chat_template = hearth::text::ChatTemplate::parse(source, options);
    for (const bool as_given : {true, false}) {
      try {
        for (const auto& span :
             as_given ? chat_template.render_as_given(request) : chat_template.render(request)) {
          // Only the request holds this character, unless the source spells it.
          if (span.trusted && !source_has_mark && span.text.find('\1') != std::string::npos) std::abort();
        }
      } catch (const hearth::Error&) {
      }
    }
  } catch (const hearth::Error&) {
  }
  return 0;
}
