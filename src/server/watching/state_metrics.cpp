#include "server/watching/state_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "kernels/isa.h"

namespace hearth::server {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  void gauge(const char* name, const char* help) { begin(name, help, MetricType::Gauge); }
  void counter(const char* name, const char* help) { begin(name, help, MetricType::Counter); }
  // Of the family begun last.
  void add(double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (families_.back().type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
    families_.back().metric.push_back(std::move(metric));
  }
  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  void begin(const char* name, const char* help, MetricType type) {
    families_.push_back({name, help, type, {}});
  }
  std::vector<MetricFamily> families_;
};

void add_models(Families& to, const std::vector<ModelActivity>& models) {
  const auto of_loaded = [&](const auto& figure) {
    for (const ModelActivity& model : models)
      if (model.state == ModelState::kLoaded)
        to.add(static_cast<double>(figure(model)), {{"model", model.id}});
  };
  to.gauge("hearth_models_loaded", "Models in memory.");
  to.add(static_cast<double>(std::count_if(models.begin(), models.end(), [](const ModelActivity& model) {
    return model.state == ModelState::kLoaded;
  })));
  to.counter("hearth_model_loads_total", "Loads of a model that ended, by result.");
  for (const ModelActivity& model : models) {
    to.add(static_cast<double>(model.loads), {{"model", model.id}, {"result", "success"}});
    to.add(static_cast<double>(model.failed_loads), {{"model", model.id}, {"result", "failure"}});
  }
  to.counter("hearth_model_load_seconds_total", "Time spent loading a model.");
  for (const ModelActivity& model : models) to.add(model.load_seconds, {{"model", model.id}});
  to.gauge("hearth_memory_planned_bytes", "The most memory that a loaded model takes, by its plan.");
  of_loaded([](const ModelActivity& model) { return model.planned_bytes; });
  to.gauge("hearth_sequences_running", "Sequences in the batch.");
  of_loaded([](const ModelActivity& model) { return model.load.running; });
  to.gauge("hearth_sequences_waiting", "Sequences that wait for a place in the batch.");
  of_loaded([](const ModelActivity& model) { return model.load.waiting; });
  to.gauge("hearth_cache_pages", "Pages of the key/value cache.");
  of_loaded([](const ModelActivity& model) { return model.load.total_pages; });
  to.gauge("hearth_cache_pages_in_use", "Pages of the key/value cache that sequences hold.");
  of_loaded([](const ModelActivity& model) { return model.load.total_pages - model.load.free_pages; });
  to.counter("hearth_engine_steps_total", "Forward passes.");
  of_loaded([](const ModelActivity& model) { return model.load.steps; });
  to.counter("hearth_engine_rows_total", "Rows of all forward passes; divided by the steps: the batch size.");
  of_loaded([](const ModelActivity& model) { return model.load.rows; });
  to.counter("hearth_preemptions_total", "Sequences whose pages another one needed.");
  of_loaded([](const ModelActivity& model) { return model.load.preemptions; });
  to.counter("hearth_drafted_tokens_total", "Tokens that speculation ran ahead of their turn.");
  of_loaded([](const ModelActivity& model) { return model.load.drafted_tokens; });
  to.counter("hearth_accepted_tokens_total", "Drafted tokens that became part of an answer.");
  of_loaded([](const ModelActivity& model) { return model.load.accepted_tokens; });
}

void add_disk_cache(Families& to, const engine::DiskCache::Figures& figures) {
  const auto gauge = [&to](const char* name, const char* help, auto value) {
    to.gauge(name, help);
    to.add(static_cast<double>(value));
  };
  const auto counter = [&to](const char* name, const char* help, std::int64_t value) {
    to.counter(name, help);
    to.add(static_cast<double>(value));
  };
  gauge("hearth_disk_cache_bytes", "What the prefix cache's files take.", figures.bytes);
  gauge("hearth_disk_cache_limit_bytes", "The most that they may take.", figures.most_bytes);
  gauge("hearth_disk_cache_files", "Files of the prefix cache, a page each.", figures.files);
  gauge("hearth_disk_cache_writing", "1, or 0 for a while after the disk took nothing.",
        figures.is_writing ? 1 : 0);
  counter("hearth_disk_cache_hits_total", "Pages that were read back instead of computed.",
          figures.pages_read);
  counter("hearth_disk_cache_writes_total", "Pages written.", figures.pages_written);
  counter("hearth_disk_cache_dropped_total", "Pages not written, as the disk was slow or took nothing.",
          figures.pages_dropped);
  counter("hearth_disk_cache_refused_total", "Files that were not what had been written, and were removed.",
          figures.pages_refused);
}

std::optional<double> resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double pages = 0, resident = 0;
  if (!(file >> pages >> resident)) return std::nullopt;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// The names that Prometheus' own client libraries give to these.
void add_process(Families& to) {
  if (const auto bytes = resident_bytes()) {
    to.gauge("process_resident_memory_bytes", "Memory that the process holds.");
    to.add(*bytes);
  }
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    to.counter("process_cpu_seconds_total", "Processor time of all threads, in user and system mode.");
    to.add(seconds(used.ru_utime) + seconds(used.ru_stime));
  }
  std::error_code error;
  double open = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error))
    ++open;
  if (error) return;
  to.gauge("process_open_fds", "Open file descriptors.");
  to.add(open);
}

void add_disk(Families& to, std::filesystem::path home) {
  // Before the first pull the folder is not there; the disk is.
  std::error_code error;
  while (!home.empty() && !std::filesystem::exists(home, error) && home != home.parent_path())
    home = home.parent_path();
  const auto space = std::filesystem::space(home, error);
  if (error) return;
  to.gauge("hearth_home_disk_free_bytes", "What the server may still write on the disk of HEARTH_HOME.");
  to.add(static_cast<double>(space.available));
  to.gauge("hearth_home_disk_bytes", "The size of the disk of HEARTH_HOME.");
  to.add(static_cast<double>(space.capacity));
}

}  // namespace

std::vector<MetricFamily> state_metrics(const ServerStateFigures& state) {
  Families families;
  families.gauge("hearth_build_info", "Always 1; the labels name the build.");
  families.add(1, {{"version", HEARTH_VERSION},
                   {"instruction_set", std::string(kernels::name_of(kernels::selected_isa()))}});
  families.gauge("hearth_ready", "1 where the server takes requests, 0 where it is starting or stopping.");
  families.add(state.ready ? 1 : 0);
  families.gauge("hearth_connections_open", "Connections, by listener.");
  families.add(static_cast<double>(state.public_connections), {{"listener", "public"}});
  families.add(static_cast<double>(state.admin_connections), {{"listener", "admin"}});
  add_models(families, state.models);
  families.gauge("hearth_idempotency_bytes",
                 "Memory of the answers that are kept for their Idempotency-Key.");
  families.add(static_cast<double>(state.idempotency_bytes));
  if (state.stored_response_bytes) {
    families.gauge("hearth_stored_response_bytes", "Files of the answers that the Responses API has stored.");
    families.add(static_cast<double>(*state.stored_response_bytes));
  }
  if (state.response_cache_bytes) {
    families.gauge("hearth_response_cache_bytes", "Memory of the answers that the response cache keeps.");
    families.add(static_cast<double>(*state.response_cache_bytes));
  }
  if (state.disk_cache) add_disk_cache(families, *state.disk_cache);
  add_process(families);
  add_disk(families, state.home);
  return families.take();
}

}  // namespace hearth::server
