// A relay before a real server, and before a process that breaks off wherever it likes.
#include "server/supervision/relay.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>

#include "base/hidden_socket.h"
#include "server/server_fixture.h"

namespace hearth::server {
namespace {

using namespace std::chrono_literals;
using Local = boost::asio::local::stream_protocol;

class RelayTest : public ServerFixture {
 protected:
  void start_relay() {
    relay.emplace(relay_options, upstream.path());
    const std::string address = relay->address();
    port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  // A real server behind it.
  void start_both() {
    options.inherited_socket = ::dup(upstream.descriptor());
    options.supervised = true;
    start();
    start_relay();
  }
  // Answers each of the next requests with these bytes, and hangs up.
  std::jthread answer_with(std::vector<std::string> answers) {
    return std::jthread([this, answers = std::move(answers)] {
      boost::asio::io_context io;
      Local::acceptor acceptor(io, Local(), ::dup(upstream.descriptor()));
      acceptor.native_non_blocking(false);
      for (const std::string& answer : answers) {
        Local::socket socket = acceptor.accept();
        std::string request;
        boost::asio::read_until(socket, boost::asio::dynamic_buffer(request), "\r\n\r\n");
        last_request = request;
        boost::system::error_code ignored;
        boost::asio::write(socket, boost::asio::buffer(answer), ignored);
      }
    });
  }
  ClientResponse get(const std::string& path, std::string_view headers = {}) {
    TestClient client(port);
    client.get(path, headers);
    return client.receive();
  }

  const HiddenSocket upstream{SOCK_STREAM};
  ServerOptions relay_options = [] {
    ServerOptions options;
    options.port = 0;
    return options;
  }();
  std::optional<Relay> relay;
  std::uint16_t port = 0;
  std::string last_request;
};

constexpr const char* kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nx-request-id: req_behind\r\n"
    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";

TEST_F(RelayTest, AnswersAreThoseOfTheServerBehind) {
  models.add("fake");
  start_both();
  TestClient client(port);
  for (int i = 0; i < 3; ++i) {  // one connection, many requests
    client.post("/v1/chat/completions", chat_body());
    const ClientResponse answer = client.receive();
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.json()["choices"][0]["message"]["content"], "Rivers carry water.");
    EXPECT_EQ(answer.header("connection"), "keep-alive");
    // The id that the answer's own was made of, behind.
    EXPECT_EQ("chatcmpl-" + answer.header("x-request-id").substr(4), answer.json()["id"]);
  }
  client.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  const ClientResponse stream = client.receive();
  EXPECT_TRUE(stream.whole);
  EXPECT_EQ(stream.header("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(stream.header("x-accel-buffering"), "no");
  EXPECT_TRUE(stream.body.ends_with("data: [DONE]\n\n"));
  EXPECT_NE(stream.body.find("\"finish_reason\":\"stop\""), std::string::npos);
}

TEST_F(RelayTest, PagesErrorsAndHeadAreThoseOfTheServerBehind) {
  models.add("fake");
  start_both();
  const ClientResponse page = get("/");
  EXPECT_EQ(page.status, 200);
  TestClient client(port);
  client.get("/", {}, "HEAD");
  const ClientResponse head = client.receive(true);
  EXPECT_EQ(head.header("content-length"), std::to_string(page.body.size()));
  client.get("/nowhere");
  EXPECT_EQ(client.receive().status, 404);
  client.get("/v1/chat/completions");
  const ClientResponse wrong = client.receive();
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("allow"), "POST, OPTIONS");
  client.get("/v1/chat/completions", {}, "OPTIONS");
  EXPECT_EQ(client.receive().status, 204);
  client.post("/v1/chat/completions", "{");
  EXPECT_EQ(client.receive().status, 400);
  client.get("/ready", "Origin: http://elsewhere.example\r\n");
  EXPECT_EQ(client.receive().status, 403);
}

TEST_F(RelayTest, AClientThatLeavesEndsItsAnswerBehind) {
  const auto model = models.add("fake", {.pace = 1ms, .endless = true});
  start_both();
  {
    TestClient client(port);
    client.post("/v1/chat/completions", chat_body(R"("stream":true)"));
    ASSERT_EQ(client.receive_head().status, 200);
  }
  EXPECT_TRUE(soon([&] { return model->running() == 0; }));
}

TEST_F(RelayTest, AStreamThatBreaksOffEndsWithAnErrorEvent) {
  start_relay();
  const std::string events = "data: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: {\"ha";
  const auto behind =
      answer_with({kStreamHead + fmt::format("{:x}\r\n{}\r\n", events.size(), events),
                   kStreamHead + fmt::format("{:x}\r\n{}", events.size() + 100, events),  // within a chunk
                   kStreamHead + fmt::format("{:x}\r\n{}\r\nnonsense", events.size(), events), kStreamHead});
  for (const char* before :
       {"data: {\"a\":1}\n\ndata: {\"b\":2}\n\n", "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n",
        "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n", ""}) {
    const ClientResponse answer = get("/v1/stream");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("x-request-id"), "req_behind");
    EXPECT_TRUE(answer.whole);
    ASSERT_TRUE(answer.body.starts_with(before)) << answer.body;
    const std::string last = answer.body.substr(std::strlen(before));
    ASSERT_TRUE(last.starts_with("data: {\"error\":{\"message\":")) << answer.body;
    EXPECT_EQ(last.find("\n\n"), last.size() - 2);
    EXPECT_EQ(answer.body.find("[DONE]"), std::string::npos);
  }
}

TEST_F(RelayTest, AnAnswerThatBreaksOffOtherwiseIs503) {
  start_relay();
  const auto behind =
      answer_with({"", "HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "nonsense"});
  for (int i = 0; i < 4; ++i) {
    const ClientResponse answer = get("/v1/models");
    EXPECT_EQ(answer.status, 503);
    EXPECT_FALSE(answer.header("retry-after").empty());
    EXPECT_FALSE(answer.header("x-request-id").empty());
    EXPECT_TRUE(answer.json().contains("error"));
  }
}

TEST_F(RelayTest, TheProcessBehindLearnsWhoAsks) {
  start_relay();
  auto behind = answer_with({"HTTP/1.1 204 No Content\r\n\r\n"});
  EXPECT_EQ(get("/v1/models?a=b", "X-Forwarded-For: 6.6.6.6\r\nOrigin: http://localhost\r\nTE: trailers\r\n")
                .status,
            204);
  behind.join();
  EXPECT_TRUE(last_request.starts_with("GET /v1/models?a=b HTTP/1.1\r\n"));
  EXPECT_NE(last_request.find("X-Forwarded-For: 6.6.6.6, 127.0.0.1\r\n"), std::string::npos);
  for (const char* left_out : {"Origin", "TE:"}) EXPECT_EQ(last_request.find(left_out), std::string::npos);
}

TEST_F(RelayTest, RequestsWaitForAProcessThatStartsAndAreToldWhereNoneDoes) {
  models.add("fake");
  start_relay();
  TestClient early(port);
  early.post("/v1/chat/completions", chat_body());
  relay->set_available(false);
  EXPECT_TRUE(soon([&] { return get("/ready").status == 503; }));
  relay->set_available(true);
  options.inherited_socket = ::dup(upstream.descriptor());
  options.supervised = true;
  start();
  EXPECT_EQ(get("/ready").status, 200);
  const int status = early.receive().status;
  EXPECT_TRUE(status == 200 || status == 503) << status;  // as it came before or after that was known
}

TEST_F(RelayTest, StoppingEndsWhatTheProcessBehindDoesNotEnd) {
  relay_options.live.limits.drain_time = 10ms;
  models.add("fake", {.pace = 1ms, .endless = true});
  start_both();
  TestClient client(port);
  client.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  ASSERT_EQ(client.receive_head().status, 200);
  std::jthread stopping([&] { relay->stop(); });
  std::string all;
  for (std::string chunk; client.receive_chunk(chunk) && !chunk.empty();) all += chunk;
  EXPECT_NE(all.rfind("data: {\"error\""), std::string::npos);
}

}  // namespace
}  // namespace hearth::server
