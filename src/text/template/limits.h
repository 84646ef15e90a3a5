// What a template may use up. Templates come out of model files, which are foreign bytes: a hostile one ends
// in an Error that names the limit, never in a stalled server. The defaults are far above what any known
// template needs.
#pragma once

#include <chrono>
#include <cstddef>

namespace hearth::text {

struct TemplateLimits {
  std::size_t source_bytes = std::size_t{1} << 20;
  int syntax_depth = 200;  // nesting of tags and brackets, and length of one chain of operators
  // Nested evaluations; a macro call costs about 6. Keeps the stack below 2 MB.
  int evaluation_depth = 1000;
  int value_depth = 256;           // lists within lists, in the request too
  std::size_t steps = 10'000'000;  // evaluated nodes, list elements, and each 64 bytes of text moved
  std::size_t string_bytes = std::size_t{16} << 20;   // of any one string, the output among them
  std::size_t memory_bytes = std::size_t{256} << 20;  // of all values alive at one time
  std::size_t range_items = 100'000;                  // as the jinja2 sandbox has it
  std::chrono::milliseconds time{5'000};              // of the computing thread
};

}  // namespace hearth::text
