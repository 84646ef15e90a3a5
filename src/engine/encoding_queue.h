// The requests that an embedder has, the thread that works on them, and what it does next.
// Thread-safety: submit() and load() are safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>

#include "engine/embedder.h"
#include "engine/fair_share.h"
#include "engine/queue_drain.h"

namespace hearth::engine {

class EncodingQueue {
 public:
  EncodingQueue(std::shared_ptr<Compute> compute, kernels::ExecutionContext& context,
                models::Encoder& encoder, const EmbedderOptions& options);

  void submit(EncodingRequest request, EncodingCallback callback);
  Engine::Load load() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Job {
    EncodingRequest request;
    EncodingCallback callback;
    EncodingResult result;
    std::int64_t tokens = 0;  // of all its inputs
    std::size_t begun = 0;    // inputs that were put into a batch
    std::size_t done = 0;     // and that were run
    Clock::time_point arrived = Clock::now();
    std::unique_ptr<FairShare::Claim> claim{};

    const EncoderInput& next() const { return request.inputs[begun]; }
    bool all_begun() const { return begun == request.inputs.size(); }
  };
  struct Part {  // an input in a batch
    Job* job;
    std::size_t input;
  };

  void run(const std::stop_token& stop);
  void take_waiting();
  void drop_ended();
  std::vector<Part> choose_parts();
  void run_batch(const std::vector<Part>& parts);
  static std::optional<Error> why_it_ends(const Job& job);
  void finish(std::list<Job>::iterator job, std::optional<Error> error);
  void fail_all(const Error& error);

  const std::shared_ptr<Compute> compute_;
  kernels::ExecutionContext& context_;
  models::Encoder& encoder_;
  const EmbedderOptions options_;
  FairShare shares_;
  std::list<Job> jobs_;  // the thread's own; after the shares that its claims are in
  MatrixBuffer outputs_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any wake_;
  std::list<Job> waiting_;
  std::int64_t jobs_count_ = 0, tokens_ = 0;  // waiting and in work
  Engine::Load load_;
  QueueDrain drain_;

  std::jthread thread_;  // last: stops before anything it uses is gone
};

}  // namespace hearth::engine
