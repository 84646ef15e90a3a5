// Any bytes as the headers that may name a key: a line each, those that begin with ':' as x-api-key.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "access/key_ring.h"
#include "fuzz/use_bytes.h"

using namespace hearth::access;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> authorization, api_key;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with(':'))
      api_key.push_back(line.substr(1));
    else
      authorization.push_back(line);
  }
  try {
    const auto key = key_of_headers(authorization, api_key);
    if (key.has_value() == (authorization.empty() && api_key.empty())) __builtin_trap();
    if (!key) return 0;
    hearth::fuzz::use_text(*key);
    for (const std::string_view value : api_key)
      if (value.find(*key) == value.npos) __builtin_trap();
    if (const auto parts = parse_key(*key))
      if ("hearth_" + std::string(parts->id) + "_" + std::string(parts->secret) != *key) __builtin_trap();
  } catch (const hearth::Error& error) {
    if (error.kind() != hearth::ErrorKind::kUnauthenticated) __builtin_trap();
    hearth::fuzz::use_text(error.log_text());
  }
  return 0;
}
