// Whether a server still gets on with its work: what a watchdog asks.
//
// The executors must run what is handed to them, and where a model has work, some model must have made a
// step: models take turns at the same processors, so one that waits for its turn is not stuck. Thread-safety:
// one caller.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "server/serving/model_provider.h"

namespace hearth::server {

class Liveness {
 public:
  // `activity` may be empty: there are no models.
  Liveness(std::vector<boost::asio::any_io_executor> executors,
           std::function<std::vector<ModelActivity>()> activity);

  // Since the last call; true the first time.
  bool got_on();

 private:
  bool executors_answer();
  bool models_step();

  const std::vector<boost::asio::any_io_executor> executors_;
  const std::function<std::vector<ModelActivity>()> activity_;
  const std::shared_ptr<std::atomic<std::size_t>> unanswered_ = std::make_shared<std::atomic<std::size_t>>(0);
  bool had_work_ = false;
  std::int64_t steps_ = 0;
};

}  // namespace hearth::server
