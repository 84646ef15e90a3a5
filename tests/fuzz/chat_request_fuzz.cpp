// Any bytes as the body of a chat or completion request: read or refused with an Error that has a 400 status.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "fuzz/use_bytes.h"
#include "server/api/chat_request.h"

using namespace hearth::server;

namespace {

template <typename Work>
void must_read_or_refuse(Work&& work) {
  try {
    work();
  } catch (const hearth::Error& error) {
    if (error.info().http_status != 400) __builtin_trap();
    hearth::fuzz::use_text(error.what());
  }
}

void use(const GenerationParameters& parameters) {
  if (parameters.choices < 1 || parameters.choices > kMostChoices) __builtin_trap();
  if (parameters.stop.size() > kMostStopStrings) __builtin_trap();
  if (parameters.shown_choices < 0 || parameters.shown_choices >= parameters.choices) __builtin_trap();
  const std::int32_t likeliest = parameters.log_probabilities.value_or(0);
  if (likeliest < 0 || likeliest > hearth::engine::kMostLikeliest) __builtin_trap();
  for (const std::string& stop : parameters.stop) hearth::fuzz::use_text(stop);
  const auto sampling = parameters.sampling_over({});
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  must_read_or_refuse([&] {
    const ChatCompletionRequest request = parse_chat_completion(body);
    if (request.prompt.messages.empty()) __builtin_trap();
    hearth::fuzz::use_text(request.prompt.messages.dump());
    use(request.parameters);
  });
  must_read_or_refuse([&] {
    const CompletionRequest request = parse_completion(body);
    if (request.prompts.empty()) __builtin_trap();
    use(request.parameters);
  });
  return 0;
}
