#include "server/serving/model_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

#include "base/log.h"
#include "base/memory_limit.h"
#include "base/printable.h"

namespace hearth::server {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds kShortestSweep{10};
// Long enough that a model that cannot be loaded keeps nobody else waiting for the loader.
constexpr milliseconds kFirstRetry{2'000}, kLongestRetry{300'000};

std::string gigabytes(std::size_t bytes) {
  return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9);
}

// A path has a separator or exists as it is written; a name of the store is neither.
bool is_path(const std::string& text) {
  std::error_code ignored;
  return text.find('/') != text.npos || std::filesystem::exists(text, ignored);
}

std::int64_t seconds_since_1970(const std::string& utc) {
  std::istringstream in(utc);
  std::tm parts{};
  in >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%SZ");
  return in.fail() ? 0 : static_cast<std::int64_t>(::timegm(&parts));
}

}  // namespace

std::size_t default_memory_budget() {
  const std::size_t available = memory_limit().available_bytes;
  return available > 0 ? available / 10 * 9 : std::size_t{8} << 30;
}

ModelRegistry::ModelRegistry(store::Store store, std::shared_ptr<engine::Compute> compute,
                             RegistryOptions options)
    : store_(std::move(store)),
      compute_(std::move(compute)),
      options_(std::move(options)),
      public_texts_(options_.public_texts) {
  if (!options_.preferred.empty()) {
    if (is_path(options_.preferred)) {
      by_path_ = store_.find(options_.preferred);
      std::filesystem::path path = std::filesystem::absolute(options_.preferred).lexically_normal();
      if (!path.has_filename()) path = path.parent_path();
      preferred_id_ = path.filename().string();
    } else {
      preferred_id_ = store_.find(options_.preferred).name.text();
    }
  }
  for (const std::string& name : options_.pinned)
    pinned_.insert(by_path_ && name == options_.preferred ? preferred_id_ : store_.find(name).name.text());
  loader_ = std::jthread([this] { run_loader(); });
}

ModelRegistry::~ModelRegistry() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

std::vector<store::ModelRecord> ModelRegistry::records() const {
  std::vector<store::ModelRecord> usable;
  for (store::ModelRecord& record : store_.list())
    if (record.runnable) usable.push_back(std::move(record));
  return usable;
}

std::vector<ModelStatus> ModelRegistry::models() {
  std::vector<ModelStatus> all;
  const auto add = [&](const std::string& id, const store::ModelRecord& record) {
    ModelStatus status;
    status.id = id;
    status.size_bytes = record.size();
    status.created = seconds_since_1970(record.pulled_at);
    status.error = record.problem;
    status.is_encoder = is_encoder(record);
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(id); found != entries_.end()) {
      const Entry& entry = found->second;
      status.state = entry.state;
      status.progress = entry.progress;
      if (entry.model) status.context_tokens = entry.model->context_tokens();
      if (!entry.error.empty()) status.error = entry.error;
    } else if (!record.problem.empty()) {
      status.state = ModelState::kFailed;
    }
    all.push_back(std::move(status));
  };
  if (by_path_) add(preferred_id_, *by_path_);
  for (const store::ModelRecord& record : records()) add(record.name.text(), record);
  return all;
}

std::vector<ModelActivity> ModelRegistry::activity() {
  std::vector<ModelActivity> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_)
    all.push_back({.id = id,
                   .state = entry.state,
                   .load = entry.model ? entry.model->load() : engine::Engine::Load{},
                   .planned_bytes = entry.planned,
                   .loads = entry.loads,
                   .failed_loads = entry.failed_loads,
                   .load_seconds = entry.load_seconds});
  return all;
}

std::optional<engine::DiskCache::Figures> ModelRegistry::disk_cache() {
  if (!options_.engine.disk_cache) return std::nullopt;
  return options_.engine.disk_cache->figures();
}

// The disk first: from then on nothing that is in memory now comes to it any more.
ModelRegistry::Forgotten ModelRegistry::forget_tenant(const std::string& tenant) {
  Forgotten forgotten;
  if (const auto& disk = options_.engine.disk_cache)
    forgotten.files = static_cast<std::int64_t>(disk->remove_tenant(tenant));
  for (const auto& model : loaded_engines()) forgotten.pages += model->engine().forget_tenant(tenant);
  return forgotten;
}

std::string ModelRegistry::default_model() { return default_of(/*encoders=*/false); }
std::string ModelRegistry::default_encoder() { return default_of(/*encoders=*/true); }

std::string ModelRegistry::default_of(bool encoders) const {
  if (!preferred_id_.empty() && is_encoder(find(preferred_id_)) == encoders) return preferred_id_;
  static constexpr std::string_view kDefault = "smollm2:135m";
  std::string first;
  for (const store::ModelRecord& record : records()) {
    if (is_encoder(record) != encoders) continue;
    if (record.name.text() == kDefault) return std::string(kDefault);
    if (first.empty()) first = record.name.text();
  }
  return first;
}

// By its whole name, or by its name alone where only one tag of it is there.
store::ModelRecord ModelRegistry::find(const std::string& id) const {
  if (by_path_ && id == preferred_id_) return *by_path_;
  std::vector<store::ModelRecord> same_name;
  std::string names = by_path_ ? preferred_id_ : "";
  for (store::ModelRecord& record : records()) {
    if (record.name.text() == id) return record;
    names += (names.empty() ? "" : ", ") + record.name.text();
    if (record.name.name == id) same_name.push_back(std::move(record));
  }
  if (same_name.size() == 1) return same_name.front();
  throw Error(ErrorKind::kNotFound,
              fmt::format("There is no model `{}`. {}", printable(id),
                          names.empty() ? "The store is empty." : fmt::format("Available: {}.", names)),
              "`hearth pull NAME` gets one")
      .with_field("model");
}

void ModelRegistry::acquire(const std::string& id, Acquired callback) {
  std::shared_ptr<LoadedModel> model;
  try {
    std::string name = id, pulled_at;
    bool known = false;
    {
      const std::lock_guard lock(mutex_);
      const auto found = entries_.find(id);
      known = found != entries_.end() && found->second.state == ModelState::kLoaded;
    }
    if (!known) {
      const store::ModelRecord record = find(id);
      if (!record.problem.empty())
        throw Error(ErrorKind::kCorruptData,
                    fmt::format("The model {} cannot be used: {}", id, record.problem),
                    fmt::format("`hearth pull {}` repairs it", record.reference))
            .with_field("model");
      name = by_path_ && id == preferred_id_ ? id : record.name.text();
      pulled_at = record.pulled_at;
    }
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[name];
    if (entry.verdict && entry.failed_pull == pulled_at && options_.now() < entry.retry)
      throw Error(*entry.verdict);
    entry.last_use = ++uses_;
    entry.in_use = options_.now();
    if (entry.model) {
      model = entry.model;
    } else {
      entry.waiting.push_back(std::move(callback));
      if (entry.state == ModelState::kLoading) return;
      entry.state = ModelState::kLoading;
      entry.progress = 0;
      entry.error.clear();
      to_load_.push_back(name);
      wake_.notify_all();
      return;
    }
  } catch (const Error& error) {
    return callback(nullptr, error);
  }
  callback(std::move(model), std::nullopt);
}

std::shared_ptr<EngineModel> ModelRegistry::loaded(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : std::dynamic_pointer_cast<EngineModel>(found->second.model);
}

void ModelRegistry::run_loader() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto is_wanted = [this] { return stopping_ || !to_load_.empty(); };
    if (options_.idle_time.count() == 0) {
      wake_.wait(lock, is_wanted);
    } else if (!wake_.wait_for(lock, std::max(options_.idle_time / 4, kShortestSweep), is_wanted)) {
      lock.unlock();
      unload_idle();
      lock.lock();
      continue;
    }
    if (to_load_.empty()) return;
    const std::string id = std::move(to_load_.front());
    to_load_.pop_front();
    Entry& entry = entries_[id];
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    std::optional<Error> failure;
    std::string pulled_at;
    try {
      if (stopping_) throw Error(ErrorKind::kOverloaded, "The server is stopping.");
      const store::ModelRecord record = find(id);
      pulled_at = record.pulled_at;
      load(record, id, entry);
    } catch (const Error& error) {
      failure = error;
    } catch (const std::bad_alloc&) {
      failure.emplace(ErrorKind::kOutOfMemory, fmt::format("There is not enough memory to load {}.", id));
    } catch (const std::exception& error) {
      failure.emplace(ErrorKind::kInternal, fmt::format("Loading {} failed: {}", id, error.what()));
    }
    if (failure) log_error("loading {} failed: {}", id, failure->log_text());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    lock.lock();
    ++(failure ? entry.failed_loads : entry.loads);
    entry.load_seconds += took.count();
    entry.state = failure ? ModelState::kFailed : ModelState::kLoaded;
    entry.error = failure ? failure->what() : "";
    entry.in_use = options_.now();
    entry.verdict.reset();
    if (failure)
      note_failure(entry, *failure, pulled_at);
    else
      entry.failures_in_a_row = 0;
    const auto waiting = std::exchange(entry.waiting, {});
    const std::shared_ptr<LoadedModel> model = entry.model;
    lock.unlock();
    for (const Acquired& callback : waiting) callback(model, failure);
    lock.lock();
  }
}

// Memory that was short may be there the next moment.
void ModelRegistry::note_failure(Entry& entry, const Error& failure, const std::string& pulled_at) const {
  if (failure.kind() == ErrorKind::kOutOfMemory || failure.kind() == ErrorKind::kOverloaded) return;
  const auto wait = std::min(kLongestRetry, kFirstRetry * (1 << std::min(entry.failures_in_a_row++, 8)));
  entry.verdict = failure;
  entry.failed_pull = pulled_at;
  entry.retry = options_.now() + wait;
}

void ModelRegistry::unload_idle() {
  std::vector<std::shared_ptr<LoadedModel>> unloaded;  // ends outside the lock
  const std::lock_guard lock(mutex_);
  const auto now = options_.now();
  for (auto& [id, entry] : entries_) {
    if (!entry.model || pinned_.contains(id)) continue;
    if (entry.model.use_count() > 1) entry.in_use = now;
    if (now - entry.in_use < options_.idle_time) continue;
    log_info("unloading {}: nobody used it for {:.0f} s", id,
             std::chrono::duration<double>(now - entry.in_use).count());
    unloaded.push_back(unload(entry));
  }
}

void ModelRegistry::load(const store::ModelRecord& record, const std::string& id, Entry& entry) {
  const auto begin = std::chrono::steady_clock::now();
  engine::EngineOptions options = options_.engine;
  options.load_progress = [this, &entry](std::size_t done, std::size_t total) {
    if (stopping_) throw Error(ErrorKind::kOverloaded, "The server is stopping.");
    entry.progress = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  };
  if (id != preferred_id_) {  // a draft is of one model's making
    options.speculation.draft_model.clear();
    options.speculation.draft_layers = 0;
  }
  std::size_t planned = 0;
  std::shared_ptr<LoadedModel> model;
  if (is_encoder(record)) {
    const engine::EmbedderOptions embedder = embedder_options(options, options_.encoder_precision);
    planned = engine::planned_bytes(formats::ModelFiles::open(record.path), embedder);
    make_room(id, planned);
    model = std::make_shared<EncoderModel>(id, record.digest, compute_, record.path, embedder);
  } else {
    planned = planned_bytes(record.path, options);
    make_room(id, planned);
    model = std::make_shared<EngineModel>(id, record.digest, compute_, record.path, options);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  log_info("loaded {} in {:.1f} s: at most {}, context {}, fingerprint {}", id, took.count(),
           gigabytes(planned), model->context_tokens(), model->fingerprint());
  const std::lock_guard public_lock(public_mutex_);
  if (auto* engine = dynamic_cast<EngineModel*>(model.get())) share_public_texts(*engine);
  const std::lock_guard lock(mutex_);
  entry.model = std::move(model);
  entry.planned = planned;
}

std::vector<std::shared_ptr<EngineModel>> ModelRegistry::loaded_engines() const {
  std::vector<std::shared_ptr<EngineModel>> models;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_)
    if (auto model = std::dynamic_pointer_cast<EngineModel>(entry.model)) models.push_back(std::move(model));
  return models;
}

void ModelRegistry::set_public_texts(std::vector<std::string> texts) {
  const std::lock_guard lock(public_mutex_);
  public_texts_ = std::move(texts);
  for (const auto& model : loaded_engines()) share_public_texts(*model);
}

// REQUIRES: public_mutex_.
void ModelRegistry::share_public_texts(EngineModel& model) const {
  try {
    model.engine().set_public_texts(public_texts_);
  } catch (const Error& error) {
    log_error("{} shares no public prefixes: {}", model.id(), error.log_text());
  }
}

std::shared_ptr<LoadedModel> ModelRegistry::unload(Entry& entry) {
  entry.state = ModelState::kAvailable;
  entry.planned = 0;
  return std::exchange(entry.model, nullptr);
}

void ModelRegistry::make_room(const std::string& id, std::size_t needed) {
  std::vector<std::shared_ptr<LoadedModel>> unloaded;  // ends outside the lock
  const std::lock_guard lock(mutex_);
  for (;;) {
    std::size_t used = 0;
    std::pair<const std::string, Entry>* idlest = nullptr;
    for (auto& named : entries_) {
      Entry& entry = named.second;
      if (!entry.model) continue;
      used += entry.planned;
      // Nobody but this list holds it, and none can come to while the mutex is held.
      if (entry.model.use_count() == 1 && !pinned_.contains(named.first) &&
          (!idlest || entry.last_use < idlest->second.last_use))
        idlest = &named;
    }
    if (used + needed <= options_.memory_budget) return;
    if (!idlest)
      throw Error(
          ErrorKind::kOutOfMemory,
          fmt::format("{} needs {} of memory; of {} that the server may use, {} are taken by models in use "
                      "or pinned.",
                      id, gigabytes(needed), gigabytes(options_.memory_budget), gigabytes(used)),
          used == 0
              ? "a smaller --context or --parallel takes less, a larger inference.memory_fraction allows more"
              : "try again later")
          .with_field("model");
    log_info("unloading {} to make room for {}", idlest->first, id);
    unloaded.push_back(unload(idlest->second));
  }
}

}  // namespace hearth::server
