// A JSON schema from a request: compiling it ends in a constraint or in a hearth::Error, and what its masks
// allow can be followed.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "constraint/json_schema.h"
#include "fuzz/follow_masks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto schema = hearth::parse_ordered_json({reinterpret_cast<const char*>(data), size}, "the schema");
    hearth::fuzz::follow_masks(hearth::constraint::json_schema_grammar(schema), {data, size});
  } catch (const hearth::Error&) {
  }
  return 0;
}
