// Any bytes as Cookie headers, a line each; the first line is the name that is looked for, and the value a
// token.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "access/cookie.h"
#include "access/session_table.h"
#include "base/error.h"
#include "fuzz/use_bytes.h"

using namespace hearth::access;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> lines;
  while (!rest.empty()) {
    lines.push_back(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(lines.back().size() + 1, rest.size()));
  }
  if (lines.empty()) return 0;
  const std::string_view name = lines.front();
  lines.erase(lines.begin());
  try {
    const auto value = cookie_value(lines, name);
    if (!value) return 0;
    hearth::fuzz::use_text(*value);
    const std::string pair = std::string(name) + "=" + std::string(*value);
    if (std::ranges::none_of(lines, [&](std::string_view line) { return line.find(pair) != line.npos; }))
      __builtin_trap();
    SessionTable table;
    const std::string token = table.begin("key", {});
    if (table.find(*value, {}) || !table.find(token, {})) __builtin_trap();
  } catch (const hearth::Error& error) {
    if (error.kind() != hearth::ErrorKind::kUnauthenticated) __builtin_trap();
  }
  return 0;
}
