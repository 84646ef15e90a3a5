// A pattern from a schema: reading it ends in a language or in a hearth::Error, and what its derivatives call
// a text of the language is a JSON string.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "constraint/regular_expression.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace constraint = hearth::constraint;
  const std::string_view pattern(reinterpret_cast<const char*>(data), size);
  try {
    constraint::ExpressionStore store;
    store.allow_work(200'000);
    constraint::Expression left = constraint::string_with_match(store, pattern);
    // A text that follows the input's own bytes as far as the language does.
    std::string text;
    for (std::size_t i = 0; i < 64 && !store.is_empty(left); ++i) {
      if (store.has_empty_text(left) && (text.size() < 2 || text.front() != '"' || text.back() != '"'))
        std::abort();
      const auto& classes = store.byte_classes().representatives;
      for (std::size_t c = 0; c < classes.size(); ++c) {
        const std::uint8_t byte = classes[(c + (size > 0 ? data[i % size] : 0)) % classes.size()];
        const constraint::Expression next = store.derivative(left, byte);
        if (store.is_empty(next)) continue;
        left = next;
        text += static_cast<char>(byte);
        break;
      }
    }
  } catch (const hearth::Error&) {
  }
  return 0;
}
