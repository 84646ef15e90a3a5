#include "engine/encoding_queue.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace hearth::engine {

EncodingQueue::EncodingQueue(std::shared_ptr<Compute> compute, kernels::ExecutionContext& context,
                             models::Encoder& encoder, const EmbedderOptions& options)
    : compute_(std::move(compute)), context_(context), encoder_(encoder), options_(options) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EncodingQueue::submit(EncodingRequest request, EncodingCallback callback) {
  std::list<Job> one;
  Job& job =
      one.emplace_back(Job{.request = std::move(request), .callback = std::move(callback), .result = {}});
  for (const EncoderInput& input : job.request.inputs) job.tokens += std::ssize(input.tokens);
  job.result.values.resize(job.request.inputs.size() *
                           static_cast<std::size_t>(encoder_.configuration().output_width()));
  const auto time_to_room = [this] { return drain_.estimate(Clock::now(), jobs_count_); };
  {
    const std::lock_guard lock(mutex_);
    if (jobs_count_ >= options_.queue_limit)
      throw QueueFull(fmt::format("{} requests wait already", jobs_count_), time_to_room());
    if (jobs_count_ > 0 && tokens_ + job.tokens > options_.queued_tokens)
      throw QueueFull(
          fmt::format("texts of {} tokens wait already; with this one's {} they would be more than {}",
                      tokens_, job.tokens, options_.queued_tokens),
          time_to_room());
    ++jobs_count_;
    tokens_ += job.tokens;
    ++load_.waiting;
    waiting_.splice(waiting_.end(), one);
  }
  wake_.notify_one();
}

Engine::Load EncodingQueue::load() const {
  const std::lock_guard lock(mutex_);
  return load_;
}

void EncodingQueue::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (jobs_.empty()) wake_.wait(lock, stop, [this] { return !waiting_.empty(); });
    }
    take_waiting();
    drop_ended();
    try {
      run_batch(choose_parts());
    } catch (const std::bad_alloc&) {
      fail_all(Error(ErrorKind::kOutOfMemory, "memory ran out while texts were encoded"));
    } catch (const std::exception& error) {
      log_error("encoding failed: {}", error.what());
      fail_all(Error(ErrorKind::kInternal, fmt::format("encoding failed: {}", error.what())));
    }
  }
  take_waiting();
  fail_all(Error(ErrorKind::kCancelled, "the server is stopping or unloading this model",
                 "send the request again"));
}

void EncodingQueue::take_waiting() {
  const std::lock_guard lock(mutex_);
  for (Job& job : waiting_) {
    GenerationRequest as_request;  // what a share is asked for with
    as_request.context = job.request.context;
    as_request.priority = job.request.priority;
    job.claim = shares_.enter(as_request);
  }
  jobs_.splice(jobs_.end(), waiting_);
}

std::optional<Error> EncodingQueue::why_it_ends(const Job& job) {
  const RequestContext& context = *job.request.context;
  const Clock::time_point now = Clock::now();
  if (context.cancelled.load(std::memory_order_relaxed))
    return Error(ErrorKind::kCancelled, "the request was cancelled");
  if (context.deadline && now >= *context.deadline)
    return Error(ErrorKind::kDeadlineExceeded,
                 "the request's time limit passed before the answer was complete",
                 "send fewer or shorter texts");
  if (job.begun == 0 && context.queue_deadline && now >= *context.queue_deadline)
    return Error(ErrorKind::kOverloaded, "the server was too busy to begin this answer in time",
                 "try again later");
  return std::nullopt;
}

void EncodingQueue::drop_ended() {
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    const auto here = job++;
    if (auto error = why_it_ends(*here)) finish(here, std::move(error));
  }
}

// Text by text for whoever ranks first, as long as the next one fits.
std::vector<EncodingQueue::Part> EncodingQueue::choose_parts() {
  std::vector<Part> parts;
  std::int64_t room = options_.batch_tokens;
  for (;;) {
    Job* best = nullptr;
    for (Job& job : jobs_)
      if (!job.all_begun() && (best == nullptr || job.claim->row_rank() < best->claim->row_rank()))
        best = &job;
    if (best == nullptr) return parts;
    const std::int64_t tokens = std::ssize(best->next().tokens);
    if (tokens > room && !parts.empty()) return parts;
    if (best->begun == 0)
      best->result.queue_seconds = std::chrono::duration<double>(Clock::now() - best->arrived).count();
    best->claim->charge(tokens);
    parts.push_back({best, best->begun++});
    room -= tokens;
  }
}

void EncodingQueue::run_batch(const std::vector<Part>& parts) {
  if (parts.empty()) return;
  std::vector<models::EncoderText> texts;
  std::int64_t tokens = 0;
  for (const Part& part : parts) {
    const EncoderInput& input = part.job->request.inputs[part.input];
    texts.push_back({input.tokens, input.second});
    tokens += std::ssize(input.tokens);
  }
  {
    const std::lock_guard lock(mutex_);
    load_.running = static_cast<std::int32_t>(jobs_.size());
    load_.waiting = static_cast<std::int32_t>(jobs_count_) - load_.running;
    ++load_.steps;
    load_.rows += tokens;
  }
  const auto width = static_cast<std::size_t>(encoder_.configuration().output_width());
  const MatrixView<float> outputs = outputs_.resize(parts.size(), width);
  {
    const std::lock_guard turn(compute_->turn());
    encoder_.run(context_, texts, outputs);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Job& job = *parts[i].job;
    std::ranges::copy(outputs.row_span(i),
                      job.result.values.begin() + static_cast<std::ptrdiff_t>(parts[i].input * width));
    job.result.tokens += std::ssize(job.request.inputs[parts[i].input].tokens);
    ++job.done;
  }
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    const auto here = job++;
    if (here->done < here->request.inputs.size()) continue;
    std::optional<Error> error;
    if (!kernels::is_finite({here->result.values.data(), here->request.inputs.size(), width}))
      error.emplace(ErrorKind::kInternal, "the model's outputs are not finite numbers",
                    "its file may be damaged: fetch it again");
    finish(here, std::move(error));
  }
}

void EncodingQueue::finish(std::list<Job>::iterator job, std::optional<Error> error) {
  std::list<Job> ended;
  ended.splice(ended.end(), jobs_, job);
  {
    const std::lock_guard lock(mutex_);
    --jobs_count_;
    tokens_ -= ended.front().tokens;
    drain_.observe(Clock::now(), jobs_count_);
    load_.running = static_cast<std::int32_t>(jobs_.size());
    load_.waiting = static_cast<std::int32_t>(jobs_count_) - load_.running;
  }
  EncodingResult& result = ended.front().result;
  if (error) result.values.clear();
  result.error = std::move(error);
  ended.front().callback(std::move(result));
}

void EncodingQueue::fail_all(const Error& error) {
  while (!jobs_.empty()) finish(jobs_.begin(), error);
}

}  // namespace hearth::engine
