// The HTTP layer over a real socket: limits, framing, keeping alive, who may ask.
#include <gtest/gtest.h>

#include <list>

#include "server/access/access.h"
#include "server/network/http_message.h"
#include "server/routes/router.h"
#include "server/server_fixture.h"

namespace hearth::server {
namespace {

using namespace std::chrono_literals;

class HttpTest : public ServerFixture {
 protected:
  HttpTest() { models.add("fake"); }
  ClientResponse raw(const std::string& bytes) {
    TestClient one = client();
    one.send(bytes);
    return one.receive();
  }
};

TEST_F(HttpTest, ServesThePageWithAStrictPolicy) {
  start();
  TestClient one = client();
  one.get("/?any=query");
  const auto page = one.receive();
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.header("content-security-policy").find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.header("content-security-policy").find("unsafe"), std::string::npos);
  EXPECT_EQ(page.header("x-content-type-options"), "nosniff");
  EXPECT_FALSE(page.headers.contains("access-control-allow-origin"));
  one.get("/", "If-None-Match: " + page.header("etag") + "\r\n");
  EXPECT_EQ(one.receive().status, 304);
  one.get("/web/../server.h");
  EXPECT_EQ(one.receive().status, 404);
  one.get("/web/%2e%2e%2fserver.h");
  EXPECT_EQ(one.receive().status, 404);
}

TEST_F(HttpTest, KnowsItsRoutesAndMethods) {
  start();
  TestClient one = client();  // all on one connection
  one.get("/nothing");
  const auto missing = one.receive();
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.json()["error"]["type"], "invalid_request_error");
  EXPECT_FALSE(missing.header("x-request-id").empty());
  one.get("/v1/chat/completions");
  const auto wrong = one.receive();
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("allow"), "POST, OPTIONS");
  one.get("/health", "", "DELETE");
  EXPECT_EQ(one.receive().header("allow"), "GET, HEAD, OPTIONS");
  one.get("/health", "", "OPTIONS");
  const auto options_answer = one.receive();
  EXPECT_EQ(options_answer.status, 204);
  EXPECT_EQ(options_answer.header("allow"), "GET, HEAD, OPTIONS");
  EXPECT_FALSE(options_answer.headers.contains("content-length"));
  one.get("/health", "", "HEAD");
  const auto head = one.receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.header("content-length"), "0");
  one.get("/health");
  EXPECT_EQ(one.receive().json()["status"], "ok");
}

TEST_F(HttpTest, ListsAndShowsModels) {
  models.add("other:1.5b");
  start();
  TestClient one = client();
  one.get("/v1/models");
  const auto list = one.receive().json();
  EXPECT_EQ(list["object"], "list");
  ASSERT_EQ(list["data"].size(), 2u);
  EXPECT_EQ(list["data"][0]["id"], "fake");
  EXPECT_EQ(list["data"][0]["object"], "model");
  EXPECT_EQ(list["data"][0]["state"], "loaded");
  one.get("/v1/models/other%3A1.5b");
  EXPECT_EQ(one.receive().json()["id"], "other:1.5b");
  one.get("/v1/models/absent");
  const auto absent = one.receive();
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.json()["error"]["code"], "model_not_found");
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  TestClient one = client();
  std::string body = chat_body();
  const std::string chat_request =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  const std::string health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::string all;
  for (int i = 0; i < 20; ++i) all += chat_request + health;
  one.send(all);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(one.receive().json()["object"], "chat.completion");
    EXPECT_EQ(one.receive().json()["status"], "ok");
  }
}

TEST_F(HttpTest, RequestsArriveInAnyPieces) {
  start();
  TestClient one = client();
  const std::string body = chat_body();
  const std::string request = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body;
  for (const char c : request) one.send({&c, 1});
  EXPECT_EQ(one.receive().status, 200);
}

TEST_F(HttpTest, ChunkedBodiesAndExpectContinueWork) {
  start();
  TestClient one = client();
  const std::string body = chat_body();
  one.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char c : body) one.send(std::string("1\r\n") + c + "\r\n");
  one.send("0\r\n\r\n");
  EXPECT_EQ(one.receive().status, 200);
  one.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_EQ(one.receive_head().status, 100);
  one.send(body);
  EXPECT_EQ(one.receive().status, 200);
}

TEST_F(HttpTest, Http10GetsNoChunksAndAClosedConnection) {
  start();
  const std::string body = chat_body(R"("stream":true)");
  TestClient one = client();
  one.send("POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body);
  const auto response = one.receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.headers.contains("transfer-encoding"));
  EXPECT_TRUE(response.body.ends_with("data: [DONE]\n\n"));
}

TEST_F(HttpTest, LimitsAreAnsweredWithTheirStatus) {
  options.live.limits.header_bytes = 2048;
  options.live.limits.body_bytes = 10'000;
  options.live.limits.header_time = 150ms;
  options.live.limits.body_time = 150ms;
  start();
  EXPECT_EQ(raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(5000, 'x') + "\r\n\r\n").status,
            431);
  EXPECT_EQ(raw("GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 431);
  EXPECT_EQ(raw("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10001\r\n\r\n").status,
            413);
  // A body beyond the limit that is sent all the same: the answer still reaches its sender.
  EXPECT_EQ(raw("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" +
                std::string(1'000'000, 'x'))
                .status,
            413);
  EXPECT_EQ(raw("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
                std::string("4000\r\n") + std::string(0x4000, 'x') + "\r\n0\r\n\r\n")
                .status,
            413);
  EXPECT_EQ(raw("GET / HTTP/1.1\r\nHost: loc").status, 408);
  EXPECT_EQ(raw("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc").status,
            408);
  // Slow but steady does not help: the limit is for the whole head.
  TestClient slow = client();
  slow.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
  for (int i = 0; i < 100; ++i) {
    slow.send("X: y\r\n");
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(slow.receive().status, 408);
}

TEST_F(HttpTest, IdleConnectionsAreClosedAndTooManyRefused) {
  options.live.limits.idle_time = 100ms;
  options.live.limits.connections = 3;
  start();
  std::list<TestClient> idle;
  for (int i = 0; i < 3; ++i) idle.emplace_back(server->port());
  ASSERT_TRUE(soon([&] { return server->connections() == 3; }));
  EXPECT_EQ(client().receive().status, 503);
  for (TestClient& one : idle) EXPECT_TRUE(one.at_end());
  EXPECT_TRUE(soon([&] { return server->connections() == 0; }));
}

TEST_F(HttpTest, AmbiguousMessagesAreRefusedAndTheConnectionEnds) {
  start();
  const std::string post = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n";
  const std::vector<std::string> smuggled = {
      post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
      post + "Content-Length: -1\r\n\r\n",
      post + "Content-Length: 5, 5\r\n\r\nabcde",
      post + "Content-Length: 18446744073709551617\r\n\r\n",
      post + "Content-Length: +5\r\n\r\nabcde",
      post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
      post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\n0\r\nOrigin: http://localhost\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(20'000, 'x'),
      post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(20'000, 'x'),
      "POST /v1/completions HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
      "GET / HTTP/3.7\r\nHost: localhost\r\n\r\n",
      "\x16\x03\x01\x02\x01 hello TLS\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      std::string("GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 37),
  };
  for (const std::string& bytes : smuggled) {
    TestClient one = client();
    one.send(bytes);
    const auto response = one.receive();
    EXPECT_EQ(response.status, 400) << bytes;
    EXPECT_EQ(response.header("connection"), "close") << bytes;
    EXPECT_TRUE(response.whole && one.receive().status == 0) << "a second answer to: " << bytes;
  }
  TestClient next = client();
  next.get("/health");
  EXPECT_EQ(next.receive().status, 200);
}

TEST_F(HttpTest, OtherHostsAndOriginsAreRefusedOnLoopback) {
  start();
  const std::string here = std::to_string(server->port());
  const auto status = [&](const std::string& headers) {
    return raw("GET /health HTTP/1.1\r\n" + headers + "\r\n").status;
  };
  EXPECT_EQ(status("Host: localhost:" + here + "\r\n"), 200);
  EXPECT_EQ(status("Host: 127.0.0.1:" + here + "\r\n"), 200);
  EXPECT_EQ(status("Host: [::1]:" + here + "\r\n"), 200);
  EXPECT_EQ(status("Host: evil.example\r\n"), 403);
  EXPECT_EQ(status("Host: localhost.evil.example\r\n"), 403);
  EXPECT_EQ(status("Host: 10.0.0.1\r\n"), 403);
  EXPECT_EQ(status("Host: \r\n"), 403);
  EXPECT_EQ(status("Host: localhost:" + here + "\r\nOrigin: http://localhost:" + here + "\r\n"), 200);
  EXPECT_EQ(status("Host: localhost:" + here + "\r\nOrigin: http://localhost:1\r\n"), 403);
  EXPECT_EQ(status("Host: localhost:" + here + "\r\nOrigin: https://evil.example\r\n"), 403);
  EXPECT_EQ(status("Host: localhost:" + here + "\r\nOrigin: null\r\n"), 403);
  const std::string body = chat_body();
  EXPECT_EQ(raw("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: "
                "cross-site\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body)
                .status,
            403);
}

TEST_F(HttpTest, APortInUseIsNamed) {
  start();
  ServerOptions second = options;
  second.port = server->port();
  try {
    Server other(models, second);
    FAIL() << "bound twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kConflict);
    EXPECT_NE(std::string(error.what()).find(std::to_string(second.port)), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("--port"), std::string::npos);
  }
}

TEST_F(HttpTest, BeyondLoopbackMustBeSaid) {
  options.host = "0.0.0.0";
  EXPECT_THROW(start(), Error);
  options.allow_unauthenticated = true;
  start();
  EXPECT_EQ(raw("GET /health HTTP/1.1\r\nHost: chat.example\r\n\r\n").status, 200);
  EXPECT_EQ(raw("GET /health HTTP/1.1\r\nHost: chat.example\r\nOrigin: https://chat.example\r\n\r\n").status,
            200);
  EXPECT_EQ(raw("GET /health HTTP/1.1\r\nHost: chat.example\r\nOrigin: http://evil.example\r\n\r\n").status,
            403);
}

TEST_F(HttpTest, ManyClientsAtOnce) {
  start();
  std::vector<std::jthread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const auto response = chat(t % 2 ? "\"stream\":true" : "");
        good += response.status == 200 && response.whole;
      }
    });
  threads.clear();
  EXPECT_EQ(good, 160);
}

TEST(HttpMessage, AHeaderValueCannotBreakOut) {
  EXPECT_EQ(serialize_head(200, {{"A", "x\r\nEvil: 1"}}), "HTTP/1.1 200 OK\r\nA: x  Evil: 1\r\n\r\n");
}

TEST(HttpMessage, DatesLookAsTheyShould) {
  EXPECT_TRUE(
      ::testing::internal::RE::FullMatch(http_date(), "[A-Z][a-z]+, [0-9]+ [A-Z][a-z]+ [0-9]+ [0-9:]+ GMT"));
}

TEST(Router, DecodesPercentEscapes) {
  EXPECT_EQ(percent_decode("a%3Ab"), "a:b");
  EXPECT_EQ(percent_decode("a%3"), std::nullopt);
  EXPECT_EQ(percent_decode("a%zz"), std::nullopt);
  EXPECT_EQ(percent_decode("a%+1"), std::nullopt);
}

}  // namespace
}  // namespace hearth::server
