// Who gets in, and as whom; over HTTP, with scripted models.
#include <boost/asio/local/stream_protocol.hpp>
#include <fstream>

#include "access/key_file.h"
#include "base/sha256.h"
#include "server/server_fixture.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::server {
namespace {

using access::Scope;

class KeysTest : public ServerFixture {
 protected:
  KeysTest() {
    options.key_file = folder / "keys.json";
    options.admin.port = 0;
    model = models.add("fake");
  }
  access::NewKey make(const std::string& tenant = "legal", std::vector<Scope> scopes = {Scope::kInference}) {
    return access::KeyFile(options.key_file).create(tenant, std::move(scopes), std::nullopt);
  }
  static std::string bearer(const access::NewKey& key) {
    return "Authorization: Bearer " + key.text + "\r\n";
  }
  ClientResponse get(const std::string& path, const std::string& headers = {}, const char* method = "GET") {
    TestClient one = client();
    one.get(path, headers, method);
    return one.receive(std::string_view(method) == "HEAD");
  }
  ClientResponse ask(const std::string& headers, const std::string& rest = {}) {
    TestClient one = client();
    one.post("/v1/chat/completions", chat_body(rest), headers);
    return one.receive();
  }
  std::uint16_t admin_port() const {
    const std::string address = server->admin_address();
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  int admin_status(const std::string& path, const std::string& headers = {}, const char* method = "GET") {
    TestClient one(admin_port());
    one.get(path, headers, method);
    return one.receive().status;
  }

  const test::TemporaryDirectory folder;
  std::shared_ptr<FakeModel> model;
};

TEST_F(KeysTest, NobodyIsAskedUntilThereIsAKey) {
  start();
  EXPECT_EQ(ask("Authorization: Bearer none\r\n").status, 200);
  EXPECT_EQ(model->last_request().context->principal.tenant, "default");
  const access::NewKey key = make();
  EXPECT_EQ(ask("").status, 401);
  EXPECT_EQ(ask(bearer(key)).status, 200);
}

TEST_F(KeysTest, WithoutAKeyOnlyThePagesAndHealthAnswer) {
  make();
  start();
  for (const char* path : {"/", "/live", "/favicon.ico", "/web/app.js", "/health", "/ready"}) {
    EXPECT_EQ(get(path).status, 200) << path;
    EXPECT_EQ(get(path, {}, "HEAD").status, 200) << path;
    EXPECT_EQ(get(path, {}, "OPTIONS").status, 401) << path;
    EXPECT_EQ(get(path, {}, "POST").status, 401) << path;
  }
  EXPECT_EQ(get("/web/absent").status, 404);
  EXPECT_EQ(get("/health").json(), nlohmann::json({{"status", "ok"}}));
  EXPECT_EQ(get("/ready").json(), nlohmann::json({{"status", "ready"}}));
  for (const char* path : {"/v1/models", "/v1/models/fake", "/v1/chat/completions", "/v1/completions",
                           "/api/status", "/metrics", "/admin/tenants/legal/cache", "/nothing", "/health/",
                           "/web", "//", "/live/x", "/v1/../health", "/%2e", "*"})
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
      EXPECT_EQ(get(path, {}, method).status, 401) << method << " " << path;
  for (const char* path : {"/metrics", "/api/status", "/admin/tenants/legal/cache", "/nothing"})
    for (const char* method : {"GET", "POST", "DELETE", "OPTIONS"})
      EXPECT_EQ(admin_status(path, {}, method), 401) << method << " " << path;
  for (const char* path : {"/live", "/web/live.js", "/health", "/ready"})
    EXPECT_EQ(admin_status(path), 200) << path;
}

TEST_F(KeysTest, PreflightsOfTheOwnOriginNeedNone) {
  make();
  start();
  const std::string wish = "Access-Control-Request-Method: POST\r\n";
  const std::string own = fmt::format("Origin: http://localhost:{}\r\n", server->port());
  TestClient one = client();
  one.send(fmt::format("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost:{}\r\n{}{}\r\n",
                       server->port(), own, wish));
  EXPECT_EQ(one.receive().status, 204);
  EXPECT_EQ(get("/v1/chat/completions", "Origin: http://elsewhere.example\r\n" + wish, "OPTIONS").status,
            403);
}

TEST_F(KeysTest, ErrorsHaveTheShapeOfTheApi) {
  const access::NewKey key = make(), watcher = make("ops", {Scope::kMetrics});
  start();
  const ClientResponse none = ask("");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.header("www-authenticate"), "Bearer realm=\"hearth\"");
  EXPECT_EQ(none.json()["error"]["type"], "invalid_request_error");
  EXPECT_EQ(none.json()["error"]["code"], "invalid_api_key");
  EXPECT_TRUE(none.header("x-request-id").starts_with("req_"));
  const ClientResponse forbidden = ask(bearer(watcher));
  EXPECT_EQ(forbidden.status, 403);
  EXPECT_EQ(forbidden.header("www-authenticate"), "Bearer realm=\"hearth\", error=\"insufficient_scope\"");
  EXPECT_EQ(forbidden.json()["error"]["code"], "missing_scope");
  EXPECT_NE(forbidden.json()["error"]["message"].get<std::string>().find("inference"), std::string::npos);
  TestClient theirs = client();
  theirs.post("/v1/messages", "{}");
  const ClientResponse anthropic = theirs.receive();
  EXPECT_EQ(anthropic.status, 401);
  EXPECT_EQ(anthropic.json()["error"]["type"], "authentication_error");
  EXPECT_EQ(anthropic.header("www-authenticate"), "Bearer realm=\"hearth\"");
  std::string wrong = key.text;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  const ClientResponse refused = ask("x-api-key: " + wrong + "\r\n");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.body.find("hearth_"), std::string::npos);
}

TEST_F(KeysTest, EitherHeaderWillDoAndTwoThatDifferWillNot) {
  const access::NewKey key = make(), other = make();
  start();
  EXPECT_EQ(ask(bearer(key)).status, 200);
  EXPECT_EQ(ask("x-api-key: " + key.text + "\r\n").status, 200);
  EXPECT_EQ(ask(bearer(key) + "X-Api-Key: " + key.text + "\r\n").status, 200);
  EXPECT_EQ(ask(bearer(key) + "x-api-key: " + other.text + "\r\n").status, 401);
  EXPECT_EQ(ask(bearer(key) + bearer(other)).status, 401);
  EXPECT_EQ(ask("Authorization: Basic YTpi\r\nx-api-key: " + key.text + "\r\n").status, 401);
  EXPECT_EQ(get("/v1/models?key=" + key.text).status, 401);
}

TEST_F(KeysTest, ScopesAreHeldAtBothListeners) {
  const access::NewKey user = make("a", {Scope::kInference}), admin = make("a", {Scope::kAdmin}),
                       watcher = make("a", {Scope::kMetrics});
  start();
  const auto statuses = [&](auto&& status) {
    return std::vector{status(bearer(user)), status(bearer(admin)), status(bearer(watcher))};
  };
  EXPECT_EQ(statuses([&](const std::string& key) { return get("/v1/models", key).status; }),
            (std::vector{200, 403, 403}));
  EXPECT_EQ(statuses([&](const std::string& key) { return ask(key).status; }), (std::vector{200, 403, 403}));
  EXPECT_EQ(statuses([&](const std::string& key) { return get("/api/status", key).status; }),
            (std::vector{200, 403, 200}));
  EXPECT_EQ(statuses([&](const std::string& key) { return admin_status("/metrics", key); }),
            (std::vector{403, 403, 200}));
  EXPECT_EQ(
      statuses([&](const std::string& key) { return admin_status("/admin/tenants/a/cache", key, "DELETE"); }),
      (std::vector{403, 200, 403}));
}

TEST_F(KeysTest, AUnixSocketOfAdministrationHasItsFilesPermissionsInstead) {
  make();
  options.admin.port.reset();
  options.admin.socket = folder / "admin.sock";
  start();
  boost::asio::io_context io;
  boost::asio::local::stream_protocol::socket socket(io);
  socket.connect(boost::asio::local::stream_protocol::endpoint((folder / "admin.sock").string()));
  boost::asio::write(socket,
                     boost::asio::buffer(std::string("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")));
  std::string answer;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(answer), "\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
}

TEST_F(KeysTest, ARevokedKeyIsRefusedAtTheNextRequestOfItsConnection) {
  const access::NewKey key = make();
  make();
  start();
  TestClient one = client();
  one.get("/v1/models", bearer(key));
  EXPECT_EQ(one.receive().status, 200);
  access::KeyFile(options.key_file).revoke(key.key.id);
  one.get("/v1/models", bearer(key));
  EXPECT_EQ(one.receive().status, 401);
}

TEST_F(KeysTest, ABodyIsNotReadForWhoIsRefused) {
  make();
  start();
  TestClient one = client();
  // Neither is the body asked for, nor does the server wait for it.
  one.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n"
      "Expect: 100-continue\r\n\r\n");
  const ClientResponse refused = one.receive();
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("connection"), "close");
  one.half_close();
  EXPECT_TRUE(one.at_end());
}

TEST_F(KeysTest, TheKeysTenantAndNameGoWithTheRequest) {
  const access::NewKey key = make("lab", {Scope::kInference, Scope::kMetrics});
  start();
  EXPECT_EQ(ask(bearer(key)).status, 200);
  const engine::Principal principal = model->last_request().context->principal;
  EXPECT_EQ(principal.tenant, "lab");
  EXPECT_EQ(principal.key_id, key.key.id);
  EXPECT_EQ(principal.scopes, (std::vector<std::string>{"inference", "metrics"}));
}

TEST_F(KeysTest, KeptAnswersAreNobodyElses) {
  options.response_cache_bytes = 1 << 20;
  const access::NewKey a = make("a"), also_a = make("a"), b = make("b");
  start();
  const std::string seed = R"("seed":7)";
  EXPECT_EQ(ask(bearer(a), seed).header("x-hearth-cache"), "miss");
  EXPECT_EQ(ask(bearer(a), seed).header("x-hearth-cache"), "hit");
  EXPECT_EQ(ask(bearer(also_a), seed).header("x-hearth-cache"), "hit");
  EXPECT_EQ(ask(bearer(b), seed).header("x-hearth-cache"), "miss");
}

TEST_F(KeysTest, LimitsAreOfEachKey) {
  options.live.caller_limits.requests_per_minute = 1;
  const access::NewKey a = make("a"), also_a = make("a");
  start();
  EXPECT_EQ(ask(bearer(a)).status, 200);
  EXPECT_EQ(ask(bearer(a)).status, 429);
  EXPECT_EQ(ask(bearer(also_a)).status, 200);
}

TEST_F(KeysTest, WhileTheFileCannotBeReadNobodyGetsIn) {
  const access::NewKey key = make();
  start();
  EXPECT_EQ(ask(bearer(key)).status, 200);
  std::ofstream(options.key_file) << "{";
  EXPECT_EQ(ask(bearer(key)).status, 500);
  EXPECT_EQ(ask("").status, 401);
  EXPECT_EQ(get("/health").status, 200);
  std::filesystem::remove(options.key_file);
  EXPECT_EQ(ask("").status, 401);
}

TEST_F(KeysTest, ListeningBeyondThisMachineNeedsAKeyOrTheOperatorsWord) {
  options.host = "0.0.0.0";
  test::expect_error(ErrorKind::kInvalidArgument, {"0.0.0.0", "hearth key create", "--allow-unauthenticated"},
                     [this] { validate(options); });
  const access::NewKey key = make();
  validate(options);
  start();
  EXPECT_EQ(ask("").status, 401);
  EXPECT_EQ(ask(bearer(key)).status, 200);
  server.reset();
  // A revoked key opens nothing, and leaves nothing open.
  access::KeyFile(options.key_file).revoke(key.key.id);
  options.allow_unauthenticated = true;
  start();
  EXPECT_EQ(ask("").status, 401);
}

TEST_F(KeysTest, EveryAnswerHasTheHeadersThatBrowsersHeed) {
  const access::NewKey key = make();
  start();
  for (const ClientResponse& response :
       {get("/"), get("/live"), get("/web/app.js"), get("/health"), get("/nothing"),
        get("/v1/models", bearer(key)), ask(bearer(key)), ask(bearer(key), R"("stream":true)"), ask("")}) {
    EXPECT_EQ(response.header("x-content-type-options"), "nosniff");
    EXPECT_EQ(response.header("referrer-policy"), "no-referrer");
    const std::string policy = response.header("content-security-policy");
    EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  }
  EXPECT_NE(get("/").header("content-security-policy").find("script-src 'self'"), std::string::npos);
  EXPECT_EQ(get("/health").header("content-security-policy").find("script-src"), std::string::npos);
}

}  // namespace
}  // namespace hearth::server
