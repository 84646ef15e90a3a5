// Any bytes as a file of a stored response, and as the query that asks for a page of its items.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "server/routes/response_routes.h"

using namespace hearth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (server::unseal({}, {}, bytes)) __builtin_trap();  // nobody has made it with this key
  if (server::unseal({}, {}, server::seal({}, {}, bytes)) != bytes) __builtin_trap();
  try {
    const server::ListQuery query = server::read_list_query(bytes);
    if (query.limit < 1 || query.limit > 100) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
