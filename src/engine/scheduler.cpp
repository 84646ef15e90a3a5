#include "engine/scheduler.h"

#include <algorithm>
#include <bit>
#include <exception>
#include <optional>
#include <utility>

#include "base/log.h"
#include "engine/model.h"

namespace hearth::engine {
namespace {

Error as_error(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorKind::kOutOfMemory, "memory ran out while generating", "choose a smaller context");
  } catch (const std::exception& error) {
    return Error(ErrorKind::kInternal, fmt::format("generating failed: {}", error.what()));
  }
}

// FNV-1a over the bits of each number: a different row has a different digest, but by a rare chance.
std::uint64_t digest_of(std::span<const float> logits) {
  std::uint64_t digest = 0xcbf29ce484222325;
  for (const float logit : logits) digest = (digest ^ std::bit_cast<std::uint32_t>(logit)) * 0x100000001b3;
  return digest;
}

}  // namespace

Scheduler::Scheduler(std::shared_ptr<Compute> compute, kernels::ExecutionContext& context,
                     models::Decoder& decoder, const text::Tokenizer& tokenizer, const EngineOptions& options)
    : compute_(std::move(compute)),
      context_(context),
      decoder_(decoder),
      tokenizer_(tokenizer),
      options_(options),
      cache_(decoder.configuration(), options.numerics.key_value_cache, cache_size(options)),
      samplers_(static_cast<std::size_t>(compute_->team().size())) {
  load_.total_pages = load_.free_pages = cache_.total_pages();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Scheduler::~Scheduler() = default;

void Scheduler::submit(GenerationRequest request, GenerationCallback callback) {
  // Built before the lock is taken and spliced in: the lock is held for a moment only.
  std::list<Sequence> one;
  one.emplace_back(std::move(request), std::move(callback), tokenizer_, options_.context_tokens);
  {
    const std::lock_guard lock(mutex_);
    if (static_cast<std::int32_t>(waiting_.size()) >= options_.queue_limit)
      throw Error(ErrorKind::kOverloaded, fmt::format("{} requests wait already", waiting_.size()),
                  "try again in some seconds");
    waiting_.splice(waiting_.end(), one);
    load_.waiting = static_cast<std::int32_t>(waiting_.size());
  }
  wake_.notify_one();
}

Engine::Load Scheduler::load() const {
  const std::lock_guard lock(mutex_);
  return load_;
}

void Scheduler::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (running_.empty()) wake_.wait(lock, stop, [this] { return !waiting_.empty(); });
    }
    admit_waiting();
    drop_finished();
    const std::vector<Part> parts = choose_parts();
    if (parts.empty()) continue;
    try {
      const std::lock_guard turn(compute_->turn());
      step(parts);
    } catch (...) {
      const Error error = as_error(std::current_exception());
      log_error("a step of the engine failed: {}", error.log_text());
      fail_running(error);
    }
  }
  const Error ending(ErrorKind::kCancelled, "the server is stopping or unloading this model",
                     "send the request again");
  fail_running(ending);
  std::list<Sequence> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
  }
  for (Sequence& sequence : waiting) sequence.fail(ending);
}

void Scheduler::admit_waiting() {
  std::list<Sequence> ended;  // their callbacks run without the lock
  {
    const std::lock_guard lock(mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      const auto next = std::next(it);
      const bool has_place = static_cast<std::int32_t>(running_.size()) < options_.parallel_sequences &&
                             SequencePages::fits(cache_, it->most_tokens());
      if (it->is_cancelled()) {
        ended.splice(ended.end(), waiting_, it);
      } else if (has_place &&
                 it == waiting_.begin()) {  // strictly in turn: a long prompt is not overtaken for ever
        it->admit(cache_, options_.speculation);
        running_.splice(running_.end(), waiting_, it);
      }
      it = next;
    }
    load_.waiting = static_cast<std::int32_t>(waiting_.size());
    load_.running = static_cast<std::int32_t>(running_.size());
    load_.free_pages = cache_.free_pages();
  }
  for (Sequence& sequence : ended) sequence.end_if_cancelled();
}

void Scheduler::drop_finished() {
  for (Sequence& sequence : running_) sequence.end_if_cancelled();
  running_.remove_if([](const Sequence& sequence) { return sequence.finished(); });
  const std::lock_guard lock(mutex_);
  load_.running = static_cast<std::int32_t>(running_.size());
  load_.free_pages = cache_.free_pages();
}

std::vector<Scheduler::Part> Scheduler::choose_parts() {
  std::vector<Part> parts;
  std::int64_t room = options_.batch_rows;
  for (Sequence& sequence : running_) {
    if (sequence.pending() == 1 && room > 0) {
      parts.push_back({&sequence, 1, 0, true});
      --room;
    }
  }
  room -= draft(parts, std::min<std::int64_t>(room, options_.speculation.draft_tokens));
  for (Sequence& sequence : running_) {
    if (sequence.pending() > 1 && room > 0) {
      const std::int64_t rows = std::min(room, sequence.pending());
      parts.push_back({&sequence, rows, 0, rows == sequence.pending()});
      room -= rows;
    }
  }
  return parts;
}

// Drafts at most `most` rows in all, evenly; returns how many.
std::int64_t Scheduler::draft(std::vector<Part>& decoding, std::int64_t most) {
  const float least_chance = least_chance_worth_a_row(decoding.size());
  std::int64_t drafted = 0;
  auto left = static_cast<std::int64_t>(decoding.size());
  for (Part& part : decoding) {
    part.drafted = part.sequence->draft((most - drafted) / left--, least_chance);
    drafted += part.drafted;
  }
  return drafted;
}

void Scheduler::step(const std::vector<Part>& parts) {
  rows_.clear();
  std::size_t sampled = 0;
  for (const Part& part : parts) {
    const std::int64_t first = part.sequence->computed();
    const std::int64_t rows = part.rows + part.drafted;
    part.sequence->pages().prepare(first, first + rows);
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t position = first + i;
      rows_.push_back({.token = part.sequence->tokens_and_draft()[static_cast<std::size_t>(position)],
                       .position = static_cast<std::int32_t>(position),
                       .page_tables = part.sequence->pages().tables(),
                       .wants_logits = part.wants_logits && i + 1 >= part.rows});
    }
    sampled += part.wants_logits ? static_cast<std::size_t>(1 + part.drafted) : 0;
  }
  const MatrixView<float> logits =
      logits_.resize(sampled, static_cast<std::size_t>(decoder_.configuration().vocabulary));
  decoder_.forward(context_, rows_, cache_.layers(), logits);
  for (const Part& part : parts) part.sequence->mark_computed(part.rows);
  {
    const std::lock_guard lock(mutex_);
    ++load_.steps;
  }
  sample(parts, logits);
}

void Scheduler::sample(const std::vector<Part>& parts, MatrixView<float> logits) {
  struct Sampled {
    Sequence* sequence;
    const models::BatchRow* row;
    std::int64_t drafted;  // tokens of the draft that its history holds
    std::int32_t token = 0;
    std::exception_ptr failure;
    std::uint64_t digest = 0;  // of the logits, where somebody observes them
  };
  std::vector<Sampled> sampled;
  const models::BatchRow* row = rows_.data();
  for (const Part& part : parts) {
    row += part.rows;
    if (part.wants_logits)
      for (std::int64_t i = 0; i <= part.drafted; ++i)
        sampled.push_back({part.sequence, row + i - 1, i, 0, {}, 0});
    row += part.drafted;
  }
  compute_->team().for_each_part(sampled.size(), 1, [&](int member, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const Sequence& sequence = *sampled[i].sequence;
      const GenerationRequest& request = sequence.request();
      const std::size_t history = sequence.tokens().size() + static_cast<std::size_t>(sampled[i].drafted);
      if (request.observe_logits) sampled[i].digest = digest_of(logits.row_span(i));
      try {
        sampled[i].token = samplers_[static_cast<std::size_t>(member)].sample(
            logits.row_span(i), {sequence.tokens_and_draft().first(history), request.prompt.size()},
            request.sampling, request.seed, request.choice);
      } catch (...) {
        sampled[i].failure = std::current_exception();
      }
    }
  });
  bool as_drafted = true;  // what was sampled before, in the same sequence
  std::int64_t drafted = 0, accepted = 0;
  for (const Sampled& one : sampled) {
    Sequence& sequence = *one.sequence;
    if (one.drafted == 0) {
      as_drafted = true;
    } else {
      ++drafted;
      sequence.end_if_cancelled();  // as between steps
    }
    if (!as_drafted || sequence.finished()) continue;
    if (one.failure) {
      sequence.fail(where_it_failed(as_error(one.failure), *one.row));
    } else {
      if (sequence.request().observe_logits) sequence.request().observe_logits(one.digest);
      as_drafted = sequence.accept(one.token);
      accepted += as_drafted ? 1 : 0;
    }
  }
  const std::lock_guard lock(mutex_);
  load_.drafted_tokens += drafted;
  load_.accepted_tokens += accepted;
}

// A model that gives what is not a number: the error says where that begins.
Error Scheduler::where_it_failed(const Error& error, const models::BatchRow& row) {
  if (error.kind() != ErrorKind::kInternal) return error;
  const std::string place = decoder_.find_not_finite(context_, row, cache_.layers());
  return Error(ErrorKind::kInternal, fmt::format("the model's values stop being finite numbers in {}", place),
               error.hint());
}

void Scheduler::fail_running(const Error& error) {
  for (Sequence& sequence : running_)
    if (!sequence.finished()) sequence.fail(error);
  running_.clear();
}

}  // namespace hearth::engine
