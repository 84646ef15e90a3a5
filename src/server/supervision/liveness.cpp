#include "server/supervision/liveness.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace hearth::server {

Liveness::Liveness(std::vector<boost::asio::any_io_executor> executors,
                   std::function<std::vector<ModelActivity>()> activity)
    : executors_(std::move(executors)), activity_(std::move(activity)) {}

bool Liveness::got_on() {
  const bool answer = executors_answer(), step = models_step();
  return answer && step;
}

bool Liveness::executors_answer() {
  if (*unanswered_ > 0) return false;
  *unanswered_ = executors_.size();
  for (const auto& executor : executors_)
    boost::asio::post(executor, [unanswered = unanswered_] { --*unanswered; });
  return true;
}

bool Liveness::models_step() {
  bool has_work = false;
  std::int64_t steps = 0;
  if (activity_)
    for (const ModelActivity& model : activity_()) {
      has_work = has_work || model.load.running + model.load.waiting > 0;
      steps += model.load.steps;
    }
  const bool stuck = std::exchange(had_work_, has_work) && has_work && steps == steps_;
  steps_ = steps;
  return !stuck;
}

}  // namespace hearth::server
