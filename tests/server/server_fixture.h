// A server on a free port with scripted models.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "base/log.h"
#include "server/fake_model.h"
#include "server/server.h"
#include "server/test_client.h"

namespace hearth::server {

class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture() {
    set_log_level(LogLevel::kOff);
    options.port = 0;
  }
  // After the models and options are set.
  void start() { server.emplace(models, options); }
  TestClient client() { return TestClient(server->port()); }
  ClientResponse post(const std::string& path, const std::string& body) {
    TestClient one(server->port());
    one.post(path, body);
    return one.receive();
  }
  ClientResponse chat(const std::string& rest = {}) { return post("/v1/chat/completions", chat_body(rest)); }
  static std::string chat_body(const std::string& rest = {}) {
    return R"({"model":"fake","messages":[{"role":"user","content":"hi there"}])" +
           (rest.empty() ? "" : "," + rest) + "}";
  }
  // The issue's bound is one step; this one only keeps a failing test from hanging.
  static bool soon(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  FakeProvider models;
  ServerOptions options;
  std::optional<Server> server;
};

}  // namespace hearth::server
