// Any bytes as X-Forwarded-For and, to their first line's end, as a trusted network.
#include "server/network/client_address.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "fuzz/use_bytes.h"

using namespace hearth::server;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  const auto peer = boost::asio::ip::make_address("127.0.0.1");
  TrustedProxies trusted({"127.0.0.0/8", "10.0.0.0/8", "::/0"});
  try {
    trusted = TrustedProxies({"127.0.0.1", std::string(bytes.substr(0, line))});
  } catch (const hearth::Error& error) {
    hearth::fuzz::use_text(error.what());
  }
  const auto client = client_address(peer, bytes.substr(std::min(line + 1, size)), trusted);
  const std::string name = name_of_client(client.value());
  if (name.empty() || name.size() > 64) __builtin_trap();
  hearth::fuzz::use_text(name);
  if (client_address(peer, bytes, {}) != peer) __builtin_trap();
  return 0;
}
