// A model of the built-in list on its way into the store while the server runs, for the page: one at a time,
// on a thread of its own. Digests, room on the disk and going on after an interruption are the store's
// (store/store.h). Non-goals: other sources than the list; `hearth pull` has them. Thread-safety: all
// functions are safe from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "store/store.h"

namespace hearth::server {

class ModelDownload {
 public:
  // Throws as store::Store::pull().
  using Pull = std::function<void(const std::string& name, const store::ProgressCallback& progress)>;
  explicit ModelDownload(Pull pull, const store::Catalogue& catalogue = store::Catalogue::builtin())
      : pull_(std::move(pull)), catalogue_(catalogue) {}
  // Stops it; what has come is kept for the next time.
  ~ModelDownload() { stop(); }

  struct State {
    std::string model;
    store::PullProgress progress;
    bool is_running = false;
    std::string error;  // why the last one ended early; empty: it did not
  };

  // Throws kNotFound for a name that is not one of offers(), kConflict while another runs.
  void start(const std::string& name);
  void stop() { is_stopped_ = true; }
  std::optional<State> state() const;  // of the last one
  // What the list has to chat with, and this program can run.
  std::vector<const store::CatalogueModel*> offers() const;

 private:
  void run(const std::string& name);

  const Pull pull_;
  const store::Catalogue& catalogue_;
  mutable std::mutex mutex_;  // guards state_ and thread_
  std::optional<State> state_;
  std::atomic<bool> is_stopped_ = false;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace hearth::server
