// Watching the server: health and readiness, the listener for administration, what is counted.
#include <sys/stat.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <fstream>

#include "server/server_fixture.h"
#include "server/supervision/admin_client.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::server {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class WatchingTest : public ServerFixture {
 protected:
  WatchingTest() {
    model = models.add("fake");
    options.admin.port = 0;
  }
  ClientResponse get(std::uint16_t port, const std::string& path, const std::string& headers = {}) {
    TestClient one(port);
    one.get(path, headers);
    return one.receive();
  }
  ClientResponse admin(const std::string& path, const std::string& headers = {}) {
    return get(admin_port(), path, headers);
  }
  std::uint16_t admin_port() const {
    const std::string address = server->admin_address();
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  // The value of the line that begins with this name and labels; nothing when there is none.
  static std::optional<double> value(const std::string& metrics, const std::string& series) {
    const auto found = ("\n" + metrics).find("\n" + series + " ");
    if (found == std::string::npos) return std::nullopt;
    return std::stod(metrics.substr(found + series.size() + 1));
  }
  std::optional<double> value(const std::string& series) { return value(admin("/metrics").body, series); }

  // An answer's bytes arrive before its request is counted.
  ::testing::AssertionResult becomes(const std::string& series, double expected) {
    if (soon([&] { return value(series) == expected; })) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << series << " is not " << expected << " in\n"
                                         << admin("/metrics").body;
  }

  std::shared_ptr<FakeModel> model;
};

TEST_F(WatchingTest, TheListenersShareHealthAndReadinessAndTheLivePage) {
  start();
  for (const std::string path : {"/health", "/ready", "/live", "/web/live.js", "/api/status"}) {
    EXPECT_EQ(get(server->port(), path).status, 200) << path;
    EXPECT_EQ(admin(path).status, 200) << path;
  }
  EXPECT_EQ(get(server->port(), "/metrics").status, 404);
  EXPECT_EQ(admin("/metrics").status, 200);
  EXPECT_EQ(admin("/metrics").header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const std::string path :
       {"/", "/web/page.js", "/v1/models", "/v1/models/fake", "/v1/chat/completions"})
    EXPECT_EQ(admin(path).status, 404) << path;
  TestClient one(admin_port());
  one.post("/v1/chat/completions", chat_body());
  EXPECT_EQ(one.receive().status, 413);  // it takes no bodies at all
}

TEST_F(WatchingTest, AnotherSiteCannotReachTheMetricsThroughABrowser) {
  start();
  EXPECT_EQ(admin("/metrics", "Origin: https://evil.example\r\n").status, 403);
  TestClient one(admin_port());
  one.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(one.receive().status, 403);
}

TEST_F(WatchingTest, ATenantsCacheIsClearedByAdministrationAlone) {
  options.response_cache_bytes = 1 << 20;
  start();
  ASSERT_EQ(chat(R"("temperature":0)").status, 200);
  const auto remove = [&](std::uint16_t port, const std::string& path, const std::string& headers = {}) {
    TestClient one(port);
    one.get(path, headers, "DELETE");
    return one.receive();
  };
  EXPECT_EQ(remove(server->port(), "/admin/tenants/default/cache").status, 404);
  EXPECT_EQ(remove(admin_port(), "/admin/tenants/default").status, 404);
  EXPECT_EQ(remove(admin_port(), "/admin/tenants//cache").status, 404);
  EXPECT_EQ(remove(admin_port(), "/admin/tenants/default/cache", "Origin: https://evil.example\r\n").status,
            403);
  EXPECT_EQ(admin("/admin/tenants/default/cache").status, 405);
  EXPECT_TRUE(models.forgotten_tenants.empty());
  const auto removed = remove(admin_port(), "/admin/tenants/default/cache");
  EXPECT_EQ(removed.status, 200);
  EXPECT_EQ(removed.json(),
            nlohmann::json::parse(R"({"pages": 3, "files": 2, "answers": 1, "responses": 0})"));
  AdminOptions at;
  at.port = admin_port();
  EXPECT_EQ(clear_tenant_cache(at, "a b/ü%")["answers"], 0);
  EXPECT_EQ(models.forgotten_tenants, (std::vector<std::string>{"default", "a b/ü%"}));
  server.reset();
  test::expect_error(ErrorKind::kNetwork, {"127.0.0.1", "--admin-port"},
                     [&] { clear_tenant_cache(at, "a"); });
}

TEST_F(WatchingTest, BeyondThisMachineOnlyAdministrationShowsTheFigures) {
  options.host = "0.0.0.0";
  options.allow_unauthenticated = true;
  start();
  EXPECT_EQ(get(server->port(), "/live").status, 200);  // says where they are
  EXPECT_EQ(get(server->port(), "/api/status").status, 404);
  EXPECT_EQ(admin("/api/status").status, 200);
}

TEST_F(WatchingTest, TheStatusIsThatOfTheMetrics) {
  ModelActivity activity{.id = "fake", .state = ModelState::kLoaded, .planned_bytes = 1000, .loads = 2};
  activity.load = {.running = 3, .waiting = 4, .free_pages = 10, .total_pages = 32, .steps = 5, .rows = 60};
  ModelActivity second = activity;
  second.id = "second";
  models.scripted_activity = {activity, second};
  options.admin.port.reset();  // nor is one needed for it
  options.response_cache_bytes = 1 << 20;
  start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(chat(R"("temperature":0)").status, 200);
  const auto status = get(server->port(), "/api/status").json();
  const std::pair<const char*, double> expected[] = {{"running", 6},
                                                     {"waiting", 8},
                                                     {"steps", 10},
                                                     {"rows", 120},
                                                     {"pages", 64},
                                                     {"pages_in_use", 44},
                                                     {"prompt_tokens", 6},
                                                     {"completion_tokens", 12},
                                                     {"cached_tokens", 4},
                                                     {"first_tokens", 3},
                                                     {"response_cache_hits", 2},
                                                     {"response_cache_misses", 1},
                                                     {"planned_bytes", 2000}};
  for (const auto& [name, number] : expected) EXPECT_EQ(status[name], number) << name;
  EXPECT_EQ(status["ready"], true);
  EXPECT_GT(status["first_token_seconds"], 0.0);
  EXPECT_GT(status["resident_bytes"], 1e6);
  ASSERT_EQ(status["models"].size(), 1u);
  EXPECT_EQ(status["models"][0]["id"], "fake");
  EXPECT_EQ(status["models"][0]["state"], "loaded");
  EXPECT_EQ(status["models"][0]["running"], 3);
  const auto listed = get(server->port(), "/v1/models").json()["data"][0];
  EXPECT_EQ(listed["running"], 3);
  EXPECT_EQ(listed["waiting"], 4);
  EXPECT_EQ(get(server->port(), "/api/status", "Origin: https://evil.example\r\n").status, 403);
}

TEST_F(WatchingTest, ReadyOnlyBetweenStartingAndStopping) {
  options.starts_ready = false;
  models.add("slow", {.pace = 20ms, .endless = true});
  options.live.limits.drain_time = 60s;  // ended by the client's leaving
  start();
  EXPECT_EQ(get(server->port(), "/health").status, 200);
  EXPECT_EQ(get(server->port(), "/ready").status, 503);
  EXPECT_EQ(get(server->port(), "/ready").json()["status"], "starting");
  EXPECT_EQ(value("hearth_ready"), 0);
  server->become_ready();
  EXPECT_EQ(get(server->port(), "/ready").json()["status"], "ready");
  EXPECT_EQ(value("hearth_ready"), 1);

  // While an answer is drained, administration still says so.
  TestClient busy = client();
  busy.post("/v1/chat/completions",
            R"({"model":"slow","stream":true,"messages":[{"role":"user","content":"x"}]})");
  ASSERT_EQ(busy.receive_head().status, 200);
  const std::uint16_t port = admin_port();
  std::jthread stopping([&] { server->stop(); });
  ClientResponse last;
  EXPECT_TRUE(soon([&] { return last = get(port, "/ready"), last.status == 503; }));
  EXPECT_EQ(last.json()["status"], "stopping");
  EXPECT_EQ(get(port, "/health").status, 200);
  busy.close();
}

TEST_F(WatchingTest, CountsRequestsByPatternAndNeverByWhatTheClientWrote) {
  start();
  EXPECT_EQ(chat().status, 200);
  EXPECT_EQ(
      post("/v1/chat/completions", R"({"model":"secret-name","messages":[{"role":"user","content":"x"}]})")
          .status,
      404);
  EXPECT_EQ(get(server->port(), "/v1/models/secret-name").status, 404);
  EXPECT_EQ(get(server->port(), "/secret-path?secret-query=1").status, 404);
  TestClient one = client();
  one.send("SECRET-METHOD /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(one.receive().status, 405);
  TestClient two = client();
  two.send("GET  /secret HTTP/1.1\r\n\r\n");
  EXPECT_EQ(two.receive().status, 400);

  const std::string chats = R"(hearth_requests_total{method="POST",route="/v1/chat/completions",status=)";
  EXPECT_TRUE(becomes(chats + R"("200"})", 1));
  EXPECT_TRUE(becomes(chats + R"("404"})", 1));
  EXPECT_TRUE(becomes(R"(hearth_requests_total{method="GET",route="/v1/models/*",status="404"})", 1));
  EXPECT_TRUE(becomes(R"(hearth_requests_total{method="GET",route="other",status="404"})", 1));
  EXPECT_TRUE(becomes(R"(hearth_requests_total{method="other",route="/health",status="405"})", 1));
  EXPECT_TRUE(becomes(R"(hearth_requests_total{method="other",route="other",status="400"})", 1));
  const std::string all = admin("/metrics").body;
  EXPECT_EQ(all.find("ecret"), std::string::npos) << all;
  EXPECT_EQ(all.find("ECRET"), std::string::npos) << all;
}

TEST_F(WatchingTest, CountsTokensOnceAndTimesOfEveryAnswer) {
  start();
  // Two words of prompt, four pieces of answer; the prompt of two choices counts once, as in their usage.
  EXPECT_EQ(chat().json()["usage"]["total_tokens"], 6);
  EXPECT_EQ(chat(R"("n":2)").json()["usage"]["total_tokens"], 10);
  EXPECT_EQ(chat(R"("stream":true)").status, 200);
  EXPECT_TRUE(becomes(R"(hearth_prompt_tokens_total{model="fake"})", 6));
  EXPECT_TRUE(becomes(R"(hearth_completion_tokens_total{model="fake"})", 16));
  EXPECT_TRUE(becomes(R"(hearth_first_token_seconds_count{model="fake"})", 3));
  EXPECT_TRUE(becomes(R"(hearth_output_token_seconds_count{model="fake"})", 4));
  EXPECT_TRUE(becomes(R"(hearth_queue_seconds_count{model="fake"})", 4));
  EXPECT_TRUE(becomes(R"(hearth_request_duration_seconds_count{route="/v1/chat/completions"})", 3));
  // The scrape itself is in progress.
  EXPECT_TRUE(becomes("hearth_requests_in_progress", 1));
}

TEST_F(WatchingTest, CountsConnectionsAndThoseTurnedAway) {
  options.live.limits.connections = 1;
  start();
  TestClient first = client();
  EXPECT_TRUE(becomes(R"(hearth_connections_open{listener="public"})", 1));
  EXPECT_EQ(value("hearth_connections_refused_total"), 0);
  const auto refused = client().receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.header("x-request-id").empty());
  EXPECT_EQ(value("hearth_connections_refused_total"), 1);
  first.close();
  EXPECT_TRUE(becomes(R"(hearth_connections_open{listener="public"})", 0));
}

TEST_F(WatchingTest, TokensOfAClientThatLeavesAreCounted) {
  models.add("slow", {.pace = 5ms, .endless = true});
  start();
  {
    TestClient one = client();
    one.post("/v1/chat/completions",
             R"({"model":"slow","stream":true,"messages":[{"role":"user","content":"x"}]})");
    ASSERT_EQ(one.receive_head().status, 200);
    for (std::string chunk; chunk.find("Rivers") == chunk.npos;) ASSERT_TRUE(one.receive_chunk(chunk));
    EXPECT_TRUE(becomes("hearth_requests_in_progress", 2));
    one.close();
  }
  EXPECT_TRUE(becomes("hearth_requests_in_progress", 1));
  EXPECT_TRUE(soon([&] { return value(R"(hearth_completion_tokens_total{model="slow"})").value_or(0) > 0; }));
}

TEST_F(WatchingTest, TellsWhatModelsDoAndHowTheMachineIs) {
  test::TemporaryDirectory home;
  options.home = home.path() / "not" / "made";
  ModelActivity activity{.id = "fake", .state = ModelState::kLoaded, .planned_bytes = 1000, .loads = 2};
  activity.failed_loads = 1;
  activity.load_seconds = 1.5;
  activity.load = {.running = 3, .waiting = 4, .free_pages = 10, .total_pages = 32, .steps = 5, .rows = 60};
  activity.load.drafted_tokens = 7;
  activity.load.accepted_tokens = 6;
  models.scripted_activity = {activity, {.id = "gone", .loads = 1}};
  start();
  const std::string all = admin("/metrics").body;
  const std::pair<const char*, double> expected[] = {
      {"hearth_models_loaded", 1},
      {R"(hearth_model_loads_total{model="fake",result="success"})", 2},
      {R"(hearth_model_loads_total{model="fake",result="failure"})", 1},
      {R"(hearth_model_loads_total{model="gone",result="success"})", 1},
      {R"(hearth_model_load_seconds_total{model="fake"})", 1.5},
      {R"(hearth_memory_planned_bytes{model="fake"})", 1000},
      {R"(hearth_sequences_running{model="fake"})", 3},
      {R"(hearth_sequences_waiting{model="fake"})", 4},
      {R"(hearth_cache_pages{model="fake"})", 32},
      {R"(hearth_cache_pages_in_use{model="fake"})", 22},
      {R"(hearth_engine_steps_total{model="fake"})", 5},
      {R"(hearth_engine_rows_total{model="fake"})", 60},
      {R"(hearth_drafted_tokens_total{model="fake"})", 7},
      {R"(hearth_accepted_tokens_total{model="fake"})", 6},
      {R"(hearth_connections_open{listener="admin"})", 1},
      {R"(hearth_connections_open{listener="public"})", 0},
  };
  for (const auto& [series, number] : expected) EXPECT_EQ(value(all, series), number) << series;
  EXPECT_EQ(all.find(R"(hearth_cache_pages{model="gone"})"), std::string::npos);
  for (const char* series : {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
                             "process_start_time_seconds", "hearth_home_disk_bytes"})
    EXPECT_GT(value(all, series).value_or(0), 0) << series;
  EXPECT_LE(value(all, "hearth_home_disk_free_bytes").value_or(1e300), value(all, "hearth_home_disk_bytes"));
  EXPECT_NE(all.find("hearth_build_info{"), std::string::npos);
}

TEST_F(WatchingTest, BeyondLoopbackIsRefusedByName) {
  options.allow_unauthenticated = true;  // says nothing about administration
  for (const char* host : {"0.0.0.0", "10.0.0.1", "::"}) {
    options.admin.host = host;
    try {
      start();
      FAIL() << host;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
      EXPECT_EQ(error.field(), "admin-host");
      EXPECT_NE(error.message().find(host), std::string::npos) << error.message();
    }
  }
}

TEST_F(WatchingTest, APortInUseIsNamed) {
  start();
  ServerOptions second = options;
  second.port = 0;
  second.admin.port = admin_port();
  try {
    Server other(models, second);
    FAIL() << "bound twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kConflict);
    EXPECT_NE(error.hint().find("--admin-port"), std::string::npos) << error.hint();
  }
}

class AdminSocketTest : public WatchingTest {
 protected:
  AdminSocketTest() {
    options.admin.port.reset();
    options.admin.socket = folder.path() / "admin.sock";
  }
  std::string over_socket(const std::string& request) {
    boost::asio::io_context io;
    boost::asio::local::stream_protocol::socket socket(io);
    socket.connect({options.admin.socket.string()});
    boost::asio::write(socket, boost::asio::buffer(request));
    std::string answer;
    boost::system::error_code end;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), end);
    return answer;
  }
  test::TemporaryDirectory folder;
};

TEST_F(AdminSocketTest, AnswersItsOwnerAloneAndIsRemovedAtTheEnd) {
  start();
  EXPECT_EQ(server->admin_address(), "unix:" + options.admin.socket.string());
  struct stat status {};
  ASSERT_EQ(::stat(options.admin.socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::string close = "Host: localhost\r\nConnection: close\r\n\r\n";
  EXPECT_NE(over_socket("GET /metrics HTTP/1.1\r\n" + close).find("\nhearth_ready 1"), std::string::npos);
  EXPECT_TRUE(over_socket("GET /v1/models HTTP/1.1\r\n" + close).starts_with("HTTP/1.1 404"));
  server->stop();
  EXPECT_FALSE(fs::exists(options.admin.socket));
}

TEST_F(AdminSocketTest, ReplacesWhatAKilledServerLeftAndNothingElse) {
  {
    boost::asio::io_context io;
    boost::asio::local::stream_protocol::acceptor left(io, {options.admin.socket.string()});
  }
  ASSERT_TRUE(fs::is_socket(options.admin.socket));
  start();
  ServerOptions second = options;
  second.port = 0;
  test::expect_error(ErrorKind::kConflict, {"admin.sock"}, [&] { Server other(models, second); });
  EXPECT_TRUE(over_socket("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                  .starts_with("HTTP/1.1 200"));

  second.admin.socket = folder.path() / "notes.txt";
  std::ofstream(second.admin.socket) << "mine";
  test::expect_error(ErrorKind::kConflict, {"notes.txt"}, [&] { Server other(models, second); });
  EXPECT_EQ(fs::file_size(second.admin.socket), 4u);
  second.admin.socket = folder.path() / std::string(200, 'x');
  test::expect_error(ErrorKind::kInvalidArgument, {"xxx"}, [&] { Server other(models, second); });
  second.admin.socket = folder.path() / "absent" / "admin.sock";
  test::expect_error(ErrorKind::kNotFound, {"absent"}, [&] { Server other(models, second); });
}

}  // namespace
}  // namespace hearth::server
