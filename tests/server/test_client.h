// A plain HTTP client over a blocking socket, that can also send what no proper client would.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace hearth::server {

struct ClientResponse {
  int status = 0;                              // 0: the connection ended before an answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool whole = false;  // ended as its framing said

  nlohmann::json json() const { return nlohmann::json::parse(body); }
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class TestClient {
 public:
  explicit TestClient(std::uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    // A test that waits for what never comes must end.
    const timeval limit{20, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  void send(std::string_view bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), ignored);
  }
  void post(std::string_view path, std::string_view body, std::string_view more_headers = {}) {
    send("POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         std::string(more_headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body));
  }
  void get(std::string_view path, std::string_view more_headers = {}, std::string_view method = "GET") {
    send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(more_headers) + "\r\n");
  }

  ClientResponse receive(bool head = false) {
    ClientResponse response = receive_head();
    if (response.status == 0 || head || response.status == 204 || response.status == 304) return response;
    if (response.header("transfer-encoding") == "chunked") {
      for (std::string chunk; response.whole = receive_chunk(chunk), response.whole && !chunk.empty();)
        response.body += chunk;
    } else if (response.headers.contains("content-length")) {
      response.whole = take(std::stoul(response.header("content-length")), response.body);
    } else {
      while (fill()) {
      }
      response.body = std::exchange(input_, {});
      response.whole = true;
    }
    return response;
  }
  ClientResponse receive_head() {
    ClientResponse response;
    std::string line;
    if (!take_line(line) || !line.starts_with("HTTP/1.1 ")) return response;
    response.status = std::stoi(line.substr(9));
    while (take_line(line) && !line.empty()) {
      const auto colon = line.find(':');
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      response.headers[name] = line.substr(colon + 2);
    }
    return response;
  }
  // The next chunk of a stream; empty for the last one. False when the stream breaks off.
  bool receive_chunk(std::string& chunk) {
    std::string line, end;
    chunk.clear();
    return take_line(line) && take(std::stoul(line, nullptr, 16), chunk) && take_line(end);
  }
  // True once the server has closed.
  bool at_end() {
    while (fill()) {
    }
    return true;
  }
  void half_close() { socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send); }
  void close() { socket_.close(); }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  bool fill() {
    char bytes[65536];
    const auto count = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
    if (count > 0) input_.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }
  bool take_line(std::string& line) {
    std::size_t end;
    while ((end = input_.find("\r\n")) == input_.npos)
      if (!fill()) return false;
    line = input_.substr(0, end);
    input_.erase(0, end + 2);
    return true;
  }
  bool take(std::size_t count, std::string& bytes) {
    while (input_.size() < count)
      if (!fill()) return false;
    bytes = input_.substr(0, count);
    input_.erase(0, count);
    return true;
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string input_;
};

}  // namespace hearth::server
