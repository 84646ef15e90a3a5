// Any bytes as a model's answer: what is read must not depend on how the answer comes in pieces.
#include "text/tool_calls.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

using namespace hearth::text;

namespace {

// A mark before each event of another kind.
std::string read(std::string_view answer, std::size_t piece) {
  ToolCallReader reader({"add", "weather"});
  std::string all;
  auto last = ToolCallEvent::Kind::kEnd;
  const auto take = [&](const std::vector<ToolCallEvent>& events) {
    for (const ToolCallEvent& event : events) {
      const bool goes_on = event.kind == last && event.kind != ToolCallEvent::Kind::kCall;
      if (!goes_on) all += static_cast<char>(event.kind);
      all += event.text;
      last = event.kind;
    }
  };
  for (std::size_t i = 0; i < answer.size(); i += piece) take(reader.push(answer.substr(i, piece)));
  take(reader.finish());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Heads are held up to some thousand bytes: beyond, pieces matter.
  const std::string_view answer(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4000));
  const std::string whole = read(answer, 4000);
  for (const std::size_t piece : {1, 3, 17})
    if (read(answer, piece) != whole) __builtin_trap();
  return 0;
}
