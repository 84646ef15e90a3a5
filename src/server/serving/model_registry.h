// The store's models, loaded on first use by one loader thread, and unloaded when another needs the room or
// nobody used them for a while.
//
// Every load is planned first: the plans of all loaded models stay within the memory budget, the least
// recently used model that nobody holds goes first, one in use or pinned never. A load that fails is told to
// those who wait for it and changes nothing else. Who asks soon after is told the same, without another try;
// the time grows with each failure, and ends where the model is pulled again or only memory was short. Names
// come from the network, so they are matched against the store's list and never taken for paths.
// Thread-safety: all functions are safe from any thread; destruction waits for the loader, which gives up a
// load in progress.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "server/serving/encoder_model.h"
#include "store/store.h"

namespace hearth::server {

// 90% of what the machine, or the container, can give now.
std::size_t default_memory_budget();

struct RegistryOptions {
  // The model for requests that name none: a name in the store, or the path of a model file or folder, which
  // is served under its last part. Empty: the catalogue's default if it is there, else the first.
  std::string preferred;
  // For every model, but for a draft model or draft layers: these are the preferred one's. Its load_progress
  // is not used.
  engine::EngineOptions engine;
  models::EncoderPrecision encoder_precision = models::EncoderPrecision::kEightBits;
  std::vector<std::string> public_texts;  // engine::Engine::set_public_texts
  std::size_t memory_budget = default_memory_budget();
  std::vector<std::string> pinned;         // names in the store; once loaded, never unloaded
  std::chrono::milliseconds idle_time{0};  // unused so long, a model is unloaded; 0: never for that
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;  // tests
};

class ModelRegistry : public ModelProvider {
 public:
  // Throws as Store::find for a preferred or pinned model that is not there. Loads nothing yet.
  ModelRegistry(store::Store store, std::shared_ptr<engine::Compute> compute, RegistryOptions options);
  ~ModelRegistry() override;

  std::vector<ModelStatus> models() override;
  std::vector<ModelActivity> activity() override;
  std::optional<engine::DiskCache::Figures> disk_cache() override;
  Forgotten forget_tenant(const std::string& tenant) override;
  std::string default_model() override;
  std::string default_encoder() override;
  void acquire(const std::string& id, Acquired callback) override;

  // In place of RegistryOptions::public_texts, of all models. One that cannot have them goes without, which
  // the log says.
  void set_public_texts(std::vector<std::string> texts);

  // The ids of RegistryOptions::pinned. Whoever starts the server loads them.
  const std::set<std::string>& pinned() const { return pinned_; }
  // Also called by the loader thread, four times in an idle time.
  void unload_idle();

  // A loaded model that writes text, for tests; null when it is not loaded.
  std::shared_ptr<EngineModel> loaded(const std::string& id) const;

 private:
  struct Entry {
    ModelState state = ModelState::kAvailable;
    std::atomic<double> progress{0};
    std::string error;
    std::shared_ptr<LoadedModel> model;
    std::size_t planned = 0;
    std::uint64_t last_use = 0;                    // the count of uses
    std::chrono::steady_clock::time_point in_use;  // when it was last seen so
    std::optional<Error> verdict;                  // of the last load, where trying at once again is no use
    std::string failed_pull;                       // of what was tried: ModelRecord::pulled_at
    std::chrono::steady_clock::time_point retry;
    std::int32_t failures_in_a_row = 0;
    std::vector<Acquired> waiting;
    std::int64_t loads = 0, failed_loads = 0;
    double load_seconds = 0;
  };

  store::ModelRecord find(const std::string& id) const;
  std::vector<store::ModelRecord> records() const;
  std::string default_of(bool encoders) const;
  void run_loader();
  void load(const store::ModelRecord& record, const std::string& id, Entry& entry);
  std::vector<std::shared_ptr<EngineModel>> loaded_engines() const;
  void share_public_texts(EngineModel& model) const;
  static std::shared_ptr<LoadedModel> unload(Entry& entry);  // to be let go outside the lock
  void make_room(const std::string& id, std::size_t needed);
  void note_failure(Entry& entry, const Error& failure, const std::string& pulled_at) const;

  const store::Store store_;
  const std::shared_ptr<engine::Compute> compute_;
  const RegistryOptions options_;
  std::string preferred_id_;
  std::set<std::string> pinned_;
  std::optional<store::ModelRecord> by_path_;  // where `preferred` is a path

  std::mutex public_mutex_;  // before mutex_; guards the texts, and who has them
  std::vector<std::string> public_texts_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::map<std::string, Entry> entries_;  // never shrinks, so references stay
  std::deque<std::string> to_load_;
  std::uint64_t uses_ = 0;
  std::atomic<bool> stopping_{false};

  std::jthread loader_;  // last: joined before what it uses is gone
};

}  // namespace hearth::server
