// Idempotency-Key: the same answer for the same request, while it is given and afterwards.
#include "server/serving/idempotency_store.h"

#include "server/server_fixture.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class IdempotencyTest : public ServerFixture {
 protected:
  static std::string key(const std::string& value) { return "Idempotency-Key: " + value + "\r\n"; }
  ClientResponse ask(const std::string& value, const std::string& body,
                     const std::string& path = "/v1/chat/completions") {
    TestClient one(server->port());
    one.post(path, body, key(value));
    return one.receive();
  }
};

TEST_F(IdempotencyTest, ReplaysByteForByte) {
  const auto model = models.add("fake");
  start();
  for (const std::string& rest : {std::string(), std::string(R"("stream":true)")}) {
    const std::string name = "k" + std::to_string(rest.size());
    const int before = model->steps();
    const auto first = ask(name, chat_body(rest));
    const auto again = ask(name, chat_body(rest));
    ASSERT_EQ(first.status, 200) << first.body;
    EXPECT_TRUE(first.whole && again.whole);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(first.header("idempotent-replayed"), "");
    EXPECT_EQ(again.header("idempotent-replayed"), "true");
    EXPECT_EQ(again.header("x-hearth-seed"), first.header("x-hearth-seed"));
    EXPECT_EQ(again.header("content-type"), first.header("content-type"));
    EXPECT_EQ(model->steps() - before, 4);
  }
  // Another route, key or none: another answer.
  EXPECT_EQ(ask("k0", R"({"model":"fake","prompt":"hi"})", "/v1/completions").status, 200);
  EXPECT_EQ(ask("k1", chat_body()).header("idempotent-replayed"), "");
  EXPECT_EQ(chat().header("idempotent-replayed"), "");
}

TEST_F(IdempotencyTest, AnotherBodyIsAConflict) {
  models.add("fake");
  start();
  EXPECT_EQ(ask("k", chat_body()).status, 200);
  const auto other = ask("k", chat_body(R"("seed":1)"));
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.json()["error"]["param"], "Idempotency-Key");
  const std::string body = R"({"model":"fake","max_tokens":5,"messages":[{"role":"user","content":"hi"}]})";
  EXPECT_EQ(ask("k", body, "/v1/messages").status, 200);
  const auto anthropic = ask("k", body + " ", "/v1/messages");
  EXPECT_EQ(anthropic.status, 409);
  EXPECT_EQ(anthropic.json()["type"], "error");
}

TEST_F(IdempotencyTest, KeysHaveBounds) {
  models.add("fake");
  start();
  EXPECT_EQ(ask(std::string(255, 'a'), chat_body()).status, 200);
  for (const std::string& bad : {std::string(256, 'a'), std::string("a b"), std::string("\xc3\xa9"),
                                 std::string(), std::string("a\r\nIdempotency-Key: b")}) {
    const auto response = ask(bad, chat_body());
    EXPECT_EQ(response.status, 400) << bad;
    EXPECT_EQ(response.json()["error"]["param"], "Idempotency-Key");
  }
}

TEST_F(IdempotencyTest, WhatFailedIsNotKept) {
  models.add("refusing", {.refuses = Error(ErrorKind::kOverloaded, "full")});
  const auto breaking = models.add("breaking", {.fails_after = Error(ErrorKind::kInternal, "broken")});
  models.add("fake");
  start();
  EXPECT_EQ(ask("a", R"({"model":"fake"})").status, 400);
  EXPECT_EQ(ask("a", chat_body()).status, 200);  // another body: nothing was kept
  const std::string refused = R"({"model":"refusing","messages":[{"role":"user","content":"hi"}]})";
  for (int i = 0; i < 2; ++i) {
    const auto response = ask("b", refused);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.header("idempotent-replayed"), "");
    EXPECT_NE(response.header("retry-after"), "");
  }
  for (const std::string& rest : {std::string("}"), std::string(R"(,"stream":true})")}) {
    const std::string broken = R"({"model":"breaking","messages":[{"role":"user","content":"hi"}])" + rest;
    const int before = breaking->steps();
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(ask("c" + rest.substr(0, 1), broken).header("idempotent-replayed"), "");
    EXPECT_EQ(breaking->steps() - before, 8);
  }
}

TEST_F(IdempotencyTest, JoinsWhatRunsFromItsBeginning) {
  const auto model = models.add("fake", {.pieces = std::vector<std::string>(20, "word "), .pace = 20ms});
  start();
  TestClient first(server->port());
  first.post("/v1/chat/completions", chat_body(R"("stream":true)"), key("k"));
  ASSERT_EQ(first.receive_head().status, 200);
  std::string chunk;
  ASSERT_TRUE(soon([&] { return model->steps() > 2; }));
  TestClient second(server->port());
  second.post("/v1/chat/completions", chat_body(R"("stream":true)"), key("k"));
  const auto joined = second.receive();
  EXPECT_EQ(joined.header("idempotent-replayed"), "true");
  std::string all;
  while (first.receive_chunk(chunk) && !chunk.empty()) all += chunk;
  EXPECT_EQ(joined.body, all);
  EXPECT_NE(all.find("[DONE]"), std::string::npos);
  EXPECT_EQ(model->steps(), 20);
}

TEST_F(IdempotencyTest, GoesOnAsLongAsAnybodyListens) {
  const auto model = models.add("fake", {.pieces = std::vector<std::string>(20, "word "), .pace = 20ms});
  start();
  const std::string body = chat_body(R"("stream":true)");
  std::optional<TestClient> first(std::in_place, server->port());
  first->post("/v1/chat/completions", body, key("k"));
  ASSERT_EQ(first->receive_head().status, 200);
  TestClient second(server->port());
  second.post("/v1/chat/completions", body, key("k"));
  ASSERT_EQ(second.receive_head().status, 200);
  first.reset();
  std::string all, chunk;
  while (second.receive_chunk(chunk) && !chunk.empty()) all += chunk;
  EXPECT_NE(all.find("[DONE]"), std::string::npos);
  EXPECT_EQ(model->steps(), 20);
}

TEST_F(IdempotencyTest, EndsWhenTheLastListenerLeaves) {
  const auto model = models.add("fake", {.pace = 1ms, .endless = true});
  start();
  for (int i = 0; i < 2; ++i) {
    std::optional<TestClient> alone(std::in_place, server->port());
    alone->post("/v1/chat/completions", chat_body(R"("stream":true)"), key("k"));
    const auto head = alone->receive_head();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("idempotent-replayed"), "") << "what was given up is not given";
    ASSERT_TRUE(soon([&] { return model->running() == 1; }));
    alone.reset();
    ASSERT_TRUE(soon([&] { return model->running() == 0; }));
  }
}

// An answer of so many bytes, kept.
std::shared_ptr<RecordedAnswer> keep(IdempotencyStore& store, const std::string& id, std::size_t bytes,
                                     IdempotencyStore::Time now, const std::string& tenant = "t") {
  const auto found = store.find(
      tenant, id, "r", [] {}, now);
  EXPECT_TRUE(found && found->is_new);
  found->answer->begin({});
  found->answer->add(std::string(bytes, 'x'));
  found->answer->end(nullptr);
  store.finish(id, found->answer, now);
  found->answer->leave(found->listener);
  return found->answer;
}

TEST(IdempotencyStore, IsBoundedInBytesAndTime) {
  IdempotencyStore store({.bytes = 10'000, .time = 10s});
  const IdempotencyStore::Time now{};
  const auto is_known = [&](const std::string& id, IdempotencyStore::Time when) {
    const auto found = store.find(
        "t", id, "r", [] {}, when);
    if (found->is_new) {
      found->answer->end(nullptr);  // without an answer: forgotten
      store.finish(id, found->answer, when);
    }
    return !found->is_new;
  };
  keep(store, "a", 3000, now);
  keep(store, "b", 3000, now + 1s);
  EXPECT_LE(store.bytes(), 10'000u);
  EXPECT_GT(store.bytes(), 6000u);
  EXPECT_TRUE(is_known("a", now + 2s));
  keep(store, "c", 3000, now + 3s);  // the oldest goes
  EXPECT_FALSE(is_known("a", now + 3s));
  EXPECT_TRUE(is_known("b", now + 3s));
  keep(store, "huge", 20'000, now + 4s);
  EXPECT_FALSE(is_known("huge", now + 4s));
  EXPECT_TRUE(is_known("b", now + 10s));
  EXPECT_FALSE(is_known("b", now + 11s));
  EXPECT_EQ(*store.expire(now + 11s), now + 13s);
  EXPECT_FALSE(store.expire(now + 13s));
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(IdempotencyStore, RemovesATenants) {
  IdempotencyStore store({.bytes = 100'000, .time = 10s});
  const IdempotencyStore::Time now{};
  keep(store, "a", 10, now, "one");
  keep(store, "b", 10, now, "two");
  const auto running = store.find(
      "one", "c", "r", [] {}, now);
  EXPECT_EQ(store.remove_tenant("one"), 1);
  running->answer->begin({});
  running->answer->end(nullptr);
  store.finish("c", running->answer, now);
  EXPECT_TRUE(store
                  .find(
                      "one", "c", "r", [] {}, now)
                  ->is_new);
  EXPECT_FALSE(store
                   .find(
                       "two", "b", "r", [] {}, now)
                   ->is_new);
  EXPECT_FALSE(store.find(
      "two", "b", "other", [] {}, now));
}

}  // namespace
}  // namespace hearth::server
