#include "server/serving/model_download.h"

#include <algorithm>

#include "base/log.h"

namespace hearth::server {

std::vector<const store::CatalogueModel*> ModelDownload::offers() const {
  std::vector<const store::CatalogueModel*> all;
  for (const store::CatalogueModel& model : catalogue_.models())
    if (model.runnable && model.purpose == "chat") all.push_back(&model);
  return all;
}

void ModelDownload::start(const std::string& name) {
  const auto all = offers();
  if (std::ranges::none_of(all, [&name](const auto* model) { return model->name.text() == name; }))
    throw Error(ErrorKind::kNotFound, "There is no such model in the built-in list.",
                "GET /admin/downloads names them; `hearth pull` fetches others");
  const std::lock_guard lock(mutex_);
  if (state_ && state_->is_running)
    throw Error(ErrorKind::kConflict, "Another model is being downloaded.", "wait for it, or stop it");
  state_ = State{.model = name, .progress = {}, .is_running = true, .error = {}};
  is_stopped_ = false;
  thread_ = std::jthread([this, name] { run(name); });
}

std::optional<ModelDownload::State> ModelDownload::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void ModelDownload::run(const std::string& name) {
  log_info("the download of {} begins", name);
  std::string problem;
  try {
    pull_(name, [this](const store::PullProgress& progress) {
      const std::lock_guard lock(mutex_);
      state_->progress = progress;
      return !is_stopped_;
    });
    log_info("the download of {} is complete", name);
  } catch (const Error& error) {
    problem = error.what();
    log_warning("the download of {} ended early: {}", name, error.log_text());
  } catch (const std::exception&) {
    problem = "The download failed.";
    log_error("the download of {} ended early, unexpectedly", name);
  }
  const std::lock_guard lock(mutex_);
  state_->is_running = false;
  state_->error = std::move(problem);
}

}  // namespace hearth::server
