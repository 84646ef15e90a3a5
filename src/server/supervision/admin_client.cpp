#include "server/supervision/admin_client.h"

#include <fmt/format.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/error.h"
#include "base/printable.h"

namespace hearth::server {

namespace net = boost::asio;
namespace http = boost::beast::http;

namespace {

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text)
    encoded += std::isalnum(static_cast<unsigned char>(c))
                   ? std::string(1, c)
                   : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

net::generic::stream_protocol::endpoint endpoint_of(const AdminOptions& at) {
  if (!at.socket.empty()) return net::local::stream_protocol::endpoint(at.socket.string());
  const std::string address = at.host == "localhost" ? "127.0.0.1" : at.host;
  return net::ip::tcp::endpoint(net::ip::make_address(address), at.port.value_or(0));
}

}  // namespace

nlohmann::json clear_tenant_cache(const AdminOptions& at, const std::string& tenant, const std::string& key) {
  try {
    net::io_context io_context;
    net::generic::stream_protocol::socket socket(io_context);
    socket.connect(endpoint_of(at));
    http::request<http::string_body> request(http::verb::delete_,
                                             "/admin/tenants/" + percent_encode(tenant) + "/cache", 11);
    request.set(http::field::host, "localhost");
    request.set(http::field::connection, "close");
    if (!key.empty()) request.set(http::field::authorization, "Bearer " + key);
    http::write(socket, request);
    boost::beast::flat_buffer buffer(1 << 16);
    http::response<http::string_body> response;
    http::read(socket, buffer, response);
    const auto answer = nlohmann::json::parse(response.body(), nullptr, false);
    if (response.result() == http::status::ok && answer.is_object()) return answer;
    throw Error(ErrorKind::kConflict, fmt::format("the server refused with status {}: {}",
                                                  response.result_int(), printable(response.body())));
  } catch (const boost::system::system_error& error) {
    throw Error(ErrorKind::kNetwork,
                fmt::format("no server answers at {}: {}",
                            at.socket.empty() ? fmt::format("{}, port {}", at.host, at.port.value_or(0))
                                              : at.socket.string(),
                            error.code().message()),
                "the server's --admin-port or --admin-socket is meant");
  }
}

}  // namespace hearth::server
