// A key exchanged for a session's cookie, and what the cookie is good for; over HTTP, with a scripted model.
#include "access/key_file.h"
#include "base/hidden_socket.h"
#include "server/access/doorkeeper.h"
#include "server/server_fixture.h"
#include "server/supervision/relay.h"
#include "support/temporary_directory.h"

namespace hearth::server {
namespace {

using access::Scope;

class SessionsTest : public ServerFixture {
 protected:
  SessionsTest() {
    options.key_file = folder / "keys.json";
    options.admin.port = 0;
    model = models.add("fake");
  }
  access::NewKey make(std::vector<Scope> scopes = {Scope::kInference}) {
    return access::KeyFile(options.key_file).create("legal", std::move(scopes), std::nullopt);
  }
  static std::string bearer(const access::NewKey& key) {
    return "Authorization: Bearer " + key.text + "\r\n";
  }
  ClientResponse send(const std::string& method, const std::string& path, const std::string& headers = {}) {
    TestClient one(port ? *port : server->port());
    const bool has_body = path.starts_with("/v1/chat");
    if (has_body)
      one.post(path, chat_body(), headers);
    else
      one.get(path, headers, method);
    return one.receive(method == "HEAD");
  }
  struct Session {
    std::string cookie, csrf;  // headers
    std::string both() const { return cookie + csrf; }
  };
  Session sign_in(const access::NewKey& key, const std::string& headers = {}) {
    const ClientResponse answer = send("POST", "/session", bearer(key) + headers);
    EXPECT_EQ(answer.status, 201) << answer.body;
    const std::string set = answer.header("set-cookie");
    return {"Cookie: theme=dark; " + set.substr(0, set.find(';')) + "\r\n",
            "X-CSRF-Token: " + answer.json().value("csrf_token", "") + "\r\n"};
  }
  int ask(const std::string& headers) { return send("POST", "/v1/chat/completions", headers).status; }

  const test::TemporaryDirectory folder;
  std::shared_ptr<FakeModel> model;
  std::optional<std::uint16_t> port;  // of a front
};

TEST_F(SessionsTest, AKeyBecomesACookieThatNoScriptCanRead) {
  const access::NewKey key = make();
  start();
  const ClientResponse answer = send("POST", "/session", bearer(key));
  EXPECT_EQ(answer.status, 201);
  const std::string set = answer.header("set-cookie");
  EXPECT_TRUE(set.starts_with("hearth_session=")) << set;
  EXPECT_TRUE(set.ends_with("; Path=/; HttpOnly; SameSite=Strict")) << set;
  EXPECT_EQ(answer.header("cache-control"), "no-store");
  EXPECT_EQ(answer.json()["tenant"], "legal");
  EXPECT_EQ(answer.json()["key_id"], key.key.id);
  EXPECT_EQ(answer.body.find(key.text), std::string::npos);
  EXPECT_EQ(set.find(key.text.substr(30)), std::string::npos);
  for (const char* origin : {"https://localhost", "http://localhost"}) {
    const std::string other =
        send("POST", "/session", bearer(key) + "Origin: " + origin + "\r\n").header("set-cookie");
    const bool secure = std::string_view(origin).starts_with("https");
    EXPECT_EQ(other.starts_with("__Host-hearth_session="), secure) << other;
    EXPECT_EQ(other.ends_with("; Secure"), secure) << other;
  }
}

TEST_F(SessionsTest, TheCookieStandsForTheKey) {
  const access::NewKey key = make();
  start();
  const Session session = sign_in(key);
  EXPECT_EQ(send("GET", "/v1/models", session.cookie).status, 200);
  EXPECT_EQ(send("HEAD", "/v1/models", session.cookie).status, 200);
  EXPECT_EQ(ask(session.both()), 200);
  EXPECT_EQ(model->last_request().context->principal.tenant, "legal");
  EXPECT_EQ(model->last_request().context->principal.key_id, key.key.id);
  const nlohmann::json own = send("GET", "/session", session.cookie).json();
  EXPECT_EQ("X-CSRF-Token: " + own["csrf_token"].get<std::string>() + "\r\n", session.csrf);
  EXPECT_EQ(own["scopes"], nlohmann::json({"inference"}));
  // Scopes are those of the key.
  EXPECT_EQ(send("DELETE", "/admin/tenants/legal/cache", session.both()).status, 403);
}

TEST_F(SessionsTest, WhatChangesSomethingNeedsItsToken) {
  const access::NewKey key = make();
  start();
  const Session session = sign_in(key), other = sign_in(key);
  for (const std::string& headers :
       {session.cookie, session.cookie + other.csrf, session.cookie + "X-CSRF-Token: \r\n",
        session.both() + session.csrf, session.csrf})
    EXPECT_EQ(ask(headers), 401) << headers;
  for (const char* method : {"DELETE", "POST", "PUT", "PATCH", "OPTIONS"})
    EXPECT_EQ(send(method, "/session", session.cookie).status, 401) << method;
  EXPECT_EQ(ask(session.both()), 200);
}

TEST_F(SessionsTest, ItEndsAtSignOut) {
  const access::NewKey key = make();
  start();
  const Session session = sign_in(key), other = sign_in(key);
  const ClientResponse out = send("DELETE", "/session", session.both());
  EXPECT_EQ(out.status, 204);
  EXPECT_NE(out.header("set-cookie").find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(send("GET", "/v1/models", session.cookie).status, 401);
  EXPECT_EQ(send("GET", "/v1/models", other.cookie).status, 200);
}

TEST_F(SessionsTest, ItEndsWithItsKeyAndWithTheServer) {
  const access::NewKey key = make(), other = make();
  start();
  const Session session = sign_in(key), lasting = sign_in(other);
  access::KeyFile(options.key_file).revoke(key.key.id);
  EXPECT_EQ(send("GET", "/v1/models", session.cookie).status, 401);
  EXPECT_EQ(ask(lasting.both()), 200);
  server.reset();
  start();
  EXPECT_EQ(send("GET", "/v1/models", lasting.cookie).status, 401);
  EXPECT_EQ(ask(bearer(other)), 200);
}

TEST_F(SessionsTest, AKeyBesideACookieMustBeTheSame) {
  const access::NewKey key = make(), other = make();
  start();
  const Session session = sign_in(key);
  EXPECT_EQ(ask(session.both() + bearer(other)), 401);
  EXPECT_EQ(ask(session.cookie + bearer(key)), 200) << "a page elsewhere cannot send a key";
  EXPECT_EQ(ask(session.both() + "x-api-key: wrong\r\n"), 401);
  // A cookie that is over says nothing: else nobody could sign in again.
  EXPECT_EQ(send("DELETE", "/session", session.both()).status, 204);
  EXPECT_EQ(ask(session.cookie + bearer(other)), 200);
  sign_in(other, session.cookie);
}

TEST_F(SessionsTest, TwoCookiesThatDifferAreNone) {
  const access::NewKey key = make();
  start();
  const Session session = sign_in(key), other = sign_in(key);
  EXPECT_EQ(send("GET", "/v1/models", session.cookie + session.cookie).status, 200);
  EXPECT_EQ(send("GET", "/v1/models", session.cookie + other.cookie).status, 401);
}

TEST_F(SessionsTest, WrongKeysAreLimitedWhereSessionsBegin) {
  const access::NewKey key = make();
  start();
  std::string wrong = key.text;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  int refused = 0;
  for (int i = 0; i < 2 * kSignInsPerMinute && refused == 0; ++i) {
    const int status = send("POST", "/session", "x-api-key: " + wrong + "\r\n").status;
    refused += status == 429;
    EXPECT_EQ(status, refused ? 429 : 401);
  }
  EXPECT_EQ(refused, 1);
  const ClientResponse late = send("POST", "/session", bearer(key));
  EXPECT_EQ(late.status, 429);
  EXPECT_EQ(late.header("retry-after"), "5");
  EXPECT_EQ(ask(bearer(key)), 200) << "who sends keys is not kept out";
}

TEST_F(SessionsTest, WithoutKeysThereIsNothingToSignInTo) {
  start();
  EXPECT_EQ(send("GET", "/session").json(), nlohmann::json({{"needs_key", false}}));
  EXPECT_EQ(send("POST", "/session").status, 409);
  EXPECT_EQ(send("DELETE", "/session").status, 204);
}

TEST_F(SessionsTest, TheFrontAsksAndTheProcessBehindBelievesIt) {
  const HiddenSocket upstream{SOCK_STREAM};
  const access::NewKey key = make(), admin = make({Scope::kAdmin});
  ServerOptions front = options;
  front.port = 0;
  front.admin.port.reset();
  options.inherited_socket = ::dup(upstream.descriptor());
  options.supervised = true;
  start();
  Relay relay(front, upstream.path());
  port = static_cast<std::uint16_t>(std::stoi(relay.address().substr(relay.address().rfind(':') + 1)));
  const Session session = sign_in(key);
  EXPECT_EQ(ask(session.both()), 200);
  EXPECT_EQ(model->last_request().context->principal.key_id, key.key.id);
  EXPECT_EQ(ask(session.cookie), 401);
  EXPECT_EQ(ask(bearer(key)), 200);
  // What only a front may say.
  const std::string forged = "X-Hearth-Key: " + admin.key.id + "\r\n";
  EXPECT_EQ(ask(forged), 401);
  EXPECT_EQ(ask(session.both() + forged), 200);
  EXPECT_EQ(model->last_request().context->principal.key_id, key.key.id);
  EXPECT_EQ(send("DELETE", "/session", session.both()).status, 204);
  EXPECT_EQ(ask(session.both()), 401);
  access::KeyFile(options.key_file).revoke(key.key.id);
  EXPECT_EQ(ask(bearer(key)), 401);
  // Nor does the port of administration, which no front stands before, believe it.
  const std::string address = server->admin_address();
  TestClient one(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  one.get("/metrics", forged);
  EXPECT_EQ(one.receive().status, 401);
}

}  // namespace
}  // namespace hearth::server
