// The store, the engine and the server together, with a real model. Needs SmolLM2 in HEARTH_TEST_MODELS,
// which
// ./test sets.
#include "server/serving/model_registry.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <thread>

#include "base/log.h"
#include "server/server.h"
#include "server/test_client.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::server {
namespace {

namespace fs = std::filesystem;

class ModelRegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::kOff);
    const char* directory = std::getenv("HEARTH_TEST_MODELS");
    if (directory == nullptr) GTEST_SKIP() << "HEARTH_TEST_MODELS is not set: ./test sets it";
    file_ = fs::path(directory) / "smollm2-135m-q4_1.gguf";
    if (!fs::exists(file_)) GTEST_SKIP() << file_ << " is not there";
    options_.engine.context_tokens = 256;
    options_.engine.parallel_sequences = 2;
    planned_ = planned_bytes(file_, options_.engine);
    // Three names, one file.
    store::Store store(home_.path());
    for (const char* name : {"river:a", "river:b", "stone:a"}) {
      store::PullOptions pull;
      pull.name = name;
      store.pull(file_.string(), pull, [](const store::PullProgress&) { return true; });
    }
  }

  ModelRegistry registry() { return {store::Store(home_.path()), compute_, options_}; }

  // Waits for acquire().
  static std::shared_ptr<ServedModel> get(ModelRegistry& registry, const std::string& id) {
    std::promise<std::shared_ptr<ServedModel>> promise;
    registry.acquire(id, [&](std::shared_ptr<ServedModel> model, std::optional<Error> error) {
      if (error)
        promise.set_exception(std::make_exception_ptr(*error));
      else
        promise.set_value(std::move(model));
    });
    return promise.get_future().get();
  }
  static ModelStatus status(ModelRegistry& registry, const std::string& id) {
    for (const ModelStatus& status : registry.models())
      if (status.id == id) return status;
    ADD_FAILURE() << id << " is not listed";
    return {};
  }

  fs::path file_;
  std::size_t planned_ = 0;
  test::TemporaryDirectory home_;
  std::shared_ptr<engine::Compute> compute_ = std::make_shared<engine::Compute>(2);
  RegistryOptions options_;
};

TEST_F(ModelRegistryTest, LoadsOnFirstUseAndOnlyOnce) {
  ModelRegistry registry = this->registry();
  EXPECT_EQ(registry.models().size(), 3u);
  EXPECT_EQ(status(registry, "river:a").state, ModelState::kAvailable);
  EXPECT_EQ(status(registry, "river:a").size_bytes, fs::file_size(file_));
  EXPECT_GT(status(registry, "river:a").created, 1'700'000'000);
  const auto model = get(registry, "river:a");
  EXPECT_EQ(model->id(), "river:a");
  EXPECT_EQ(status(registry, "river:a").state, ModelState::kLoaded);
  EXPECT_EQ(status(registry, "river:a").context_tokens, 256);
  EXPECT_EQ(status(registry, "river:b").state, ModelState::kAvailable);
  EXPECT_EQ(get(registry, "river:a"), model);
}

TEST_F(ModelRegistryTest, TheDraftModelIsThePreferredModelsAlone) {
  options_.preferred = "river:a";
  options_.engine.speculation.draft_model = file_;
  ModelRegistry registry = this->registry();
  get(registry, "river:a");
  get(registry, "river:b");
  EXPECT_GT(registry.loaded("river:a")->engine().memory_plan().draft_model, planned_ / 2);
  EXPECT_EQ(registry.loaded("river:b")->engine().memory_plan().draft_model, 0u);
}

TEST_F(ModelRegistryTest, ANameWithoutItsTagMeansTheOnlyOne) {
  ModelRegistry registry = this->registry();
  EXPECT_EQ(get(registry, "stone")->id(), "stone:a");
  test::expect_error(ErrorKind::kNotFound, {"river", "river:a, river:b, stone:a"},
                     [&] { get(registry, "river"); });
}

TEST_F(ModelRegistryTest, NamesAreNeverPaths) {
  ModelRegistry registry = this->registry();
  for (const std::string& name : {file_.string(), std::string("../river:a"), std::string("/etc/passwd"),
                                  std::string("."), std::string("river:a/"), std::string("\x1b[2J")})
    test::expect_error(ErrorKind::kNotFound, {"There is no model", "river:a"}, [&] { get(registry, name); });
}

TEST_F(ModelRegistryTest, MakesRoomByUnloadingTheLeastRecentlyUsedIdleModel) {
  options_.memory_budget = 2 * planned_ + planned_ / 2;
  ModelRegistry registry = this->registry();
  get(registry, "river:a");
  get(registry, "river:b");
  get(registry, "river:a");  // now river:b is the older one
  get(registry, "stone:a");
  EXPECT_EQ(status(registry, "river:a").state, ModelState::kLoaded);
  EXPECT_EQ(status(registry, "river:b").state, ModelState::kAvailable);
  EXPECT_EQ(status(registry, "stone:a").state, ModelState::kLoaded);
}

TEST_F(ModelRegistryTest, AModelInUseIsNeverUnloaded) {
  options_.memory_budget = planned_ + planned_ / 2;
  ModelRegistry registry = this->registry();
  auto held = get(registry, "river:a");
  test::expect_error(ErrorKind::kOutOfMemory, {"river:b needs", "in use"}, [&] { get(registry, "river:b"); });
  EXPECT_EQ(status(registry, "river:a").state, ModelState::kLoaded);
  EXPECT_EQ(status(registry, "river:b").state, ModelState::kFailed);
  EXPECT_FALSE(held->tokenize_prompt("still works").empty());
  held.reset();
  EXPECT_EQ(get(registry, "river:b")->id(), "river:b");  // a failure is no verdict
}

TEST_F(ModelRegistryTest, AFailingLoadIsToldAndHarmsNoOther) {
  const fs::path damaged = home_ / "damaged.gguf";
  std::ofstream(damaged) << std::string("GGUF\3\0\0\0", 8) + std::string(100, '\x7f');
  options_.preferred = damaged.string();
  ModelRegistry registry = this->registry();
  EXPECT_EQ(registry.default_model(), "damaged.gguf");
  test::expect_error(ErrorKind::kCorruptData, {"damaged.gguf"}, [&] { get(registry, "damaged.gguf"); });
  EXPECT_EQ(status(registry, "damaged.gguf").state, ModelState::kFailed);
  EXPECT_FALSE(status(registry, "damaged.gguf").error.empty());
  EXPECT_EQ(get(registry, "river:a")->id(), "river:a");
}

// A model of the store whose file went bad after it was pulled.
TEST_F(ModelRegistryTest, AFileThatWentBadIsTriedAgainAfterAWhileAndNotAtEveryRequest) {
  auto now = std::make_shared<std::atomic<std::chrono::seconds>>(std::chrono::seconds(1000));
  options_.now = [now] { return std::chrono::steady_clock::time_point(now->load()); };
  const fs::path good = home_ / "good.gguf", bad = home_ / "served.gguf";
  fs::copy_file(file_, good);
  fs::copy_file(file_, bad);
  fs::resize_file(bad, fs::file_size(bad) / 2);
  options_.preferred = bad.string();
  ModelRegistry registry = this->registry();
  const auto failed_loads = [&] {
    for (const ModelActivity& one : registry.activity())
      if (one.id == "served.gguf") return one.failed_loads;
    return std::int64_t{0};
  };
  const auto fails = [&] {
    EXPECT_THROW(get(registry, "served.gguf"), Error);
    return failed_loads();
  };
  auto other = get(registry, "river:a");
  EXPECT_EQ(fails(), 1);
  EXPECT_EQ(fails(), 1);  // told at once, not tried
  *now = now->load() + std::chrono::seconds(3);
  EXPECT_EQ(fails(), 2);
  *now = now->load() + std::chrono::seconds(3);
  EXPECT_EQ(fails(), 2);  // the second wait is longer
  EXPECT_EQ(status(registry, "served.gguf").state, ModelState::kFailed);
  EXPECT_EQ(get(registry, "river:a"), other);
  EXPECT_FALSE(other->tokenize_prompt("unharmed").empty());
  fs::rename(good, bad);
  *now = now->load() + std::chrono::hours(1);
  EXPECT_EQ(get(registry, "served.gguf")->id(), "served.gguf");
  EXPECT_TRUE(status(registry, "served.gguf").error.empty());
}

TEST_F(ModelRegistryTest, AnIdleModelIsUnloadedAndOneInUseOrPinnedIsNot) {
  auto now = std::make_shared<std::atomic<std::chrono::hours>>(std::chrono::hours(1000));
  options_.now = [now] { return std::chrono::steady_clock::time_point(now->load()); };
  options_.idle_time = std::chrono::hours(8);
  options_.pinned = {"stone"};
  ModelRegistry registry = this->registry();
  EXPECT_EQ(registry.pinned(), (std::set<std::string>{"stone:a"}));
  // The thread that loads has its own hold on a model for a moment.
  const auto get_alone = [&](const char* id) {
    auto model = get(registry, id);
    while (model.use_count() > 2) std::this_thread::yield();
    return model;
  };
  get_alone("stone:a");
  get_alone("river:a");
  auto held = get_alone("river:b");
  const auto after = [&](int hours) {
    *now = now->load() + std::chrono::hours(hours);
    registry.unload_idle();
    std::string loaded;
    for (const char* id : {"river:a", "river:b", "stone:a"})
      if (status(registry, id).state == ModelState::kLoaded) loaded += std::string(id) + " ";
    return loaded;
  };
  EXPECT_EQ(after(7), "river:a river:b stone:a ");
  EXPECT_EQ(after(2), "river:b stone:a ");
  EXPECT_EQ(after(100), "river:b stone:a ");
  held.reset();
  EXPECT_EQ(after(1), "river:b stone:a ");  // not idle for long
  EXPECT_EQ(after(8), "stone:a ");
  EXPECT_EQ(get(registry, "river:a")->id(), "river:a");  // and comes back
}

TEST_F(ModelRegistryTest, APinnedModelMakesNoRoomForAnother) {
  options_.memory_budget = planned_ + planned_ / 2;
  options_.pinned = {"river:a"};
  ModelRegistry registry = this->registry();
  get(registry, "river:a");
  test::expect_error(ErrorKind::kOutOfMemory, {"river:b needs", "pinned"}, [&] { get(registry, "river:b"); });
  EXPECT_EQ(status(registry, "river:a").state, ModelState::kLoaded);
  options_.pinned = {"absent:1b"};
  test::expect_error(ErrorKind::kNotFound, {"absent:1b"}, [&] { this->registry(); });
}

// Reported while it loads, from nothing to all, and never backwards.
TEST_F(ModelRegistryTest, ProgressIsSeenWhileAModelLoads) {
  ModelRegistry registry = this->registry();
  std::promise<void> done;
  registry.acquire("river:a", [&](auto, auto) { done.set_value(); });
  const auto loaded = done.get_future();
  std::set<double> seen;
  double last = 0;
  while (loaded.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    const ModelStatus one = status(registry, "river:a");
    if (one.state != ModelState::kLoading) continue;
    EXPECT_GE(one.progress, last);
    EXPECT_LE(one.progress, 1);
    seen.insert(last = one.progress);
  }
  EXPECT_GT(seen.size(), 2u);
}

TEST_F(ModelRegistryTest, APreferredModelMustBeThere) {
  options_.preferred = "absent:1b";
  test::expect_error(ErrorKind::kNotFound, {"absent:1b"}, [&] { registry(); });
}

TEST_F(ModelRegistryTest, EndingWhileLoadingAnswersWhoWaits) {
  std::promise<bool> failed;
  {
    ModelRegistry registry = this->registry();
    for (const char* id : {"river:a", "river:b", "stone:a"})
      registry.acquire(id, [&, last = std::string(id) == "stone:a"](auto, std::optional<Error> error) {
        if (last) failed.set_value(error.has_value());
      });
  }
  EXPECT_TRUE(failed.get_future().get());
}

// Through HTTP to the engine: who leaves frees the sequence, streamed or not.
TEST_F(ModelRegistryTest, AClientThatLeavesStopsItsSequence) {
  ModelRegistry registry = this->registry();
  ServerOptions options;
  options.port = 0;
  Server server(registry, options);
  for (const std::string stream : {"true", "false"}) {
    TestClient client(server.port());
    client.post("/v1/chat/completions", R"({"model":"river:a","ignore_eos":true,"stream":)" + stream +
                                            R"(,"messages":[{"role":"user","content":"Tell a story."}]})");
    const auto running = [&] {
      const auto model = registry.loaded("river:a");
      return model ? model->engine().load().running : -1;
    };
    for (int i = 0; i < 3000 && running() < 1; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_EQ(running(), 1);
    const auto steps = registry.loaded("river:a")->engine().load().steps;
    client.close();
    for (int i = 0; i < 3000 && running() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(running(), 0);
    // Far fewer steps than the 200 and more that the answer would have had.
    EXPECT_LT(registry.loaded("river:a")->engine().load().steps - steps, 100);
  }
}

}  // namespace
}  // namespace hearth::server
