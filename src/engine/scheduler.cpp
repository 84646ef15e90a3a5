#include "engine/scheduler.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <utility>

#include "base/log.h"
#include "engine/model.h"

namespace hearth::engine {
namespace {

// For writing the prefix cache to disk when the model goes: a stop shall not take long.
constexpr std::chrono::seconds kSaveTime{5};

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

std::int64_t prompt_tokens(const Sequence& sequence) {
  return static_cast<std::int64_t>(sequence.request().prompt.size());
}

std::uint64_t arrival_of(const Sequence& sequence) { return sequence.claim().arrival(); }

}  // namespace

Scheduler::Scheduler(std::shared_ptr<Compute> compute, kernels::ExecutionContext& context,
                     models::Decoder& decoder, const text::Tokenizer& tokenizer, const EngineOptions& options,
                     std::string fingerprint, models::Decoder* draft)
    : compute_(std::move(compute)),
      context_(context),
      decoder_(decoder),
      tokenizer_(tokenizer),
      options_(options),
      cache_(decoder.configuration(), options.numerics.key_value_cache, cache_size(options)),
      sampler_(compute_->team(), decoder.configuration().vocabulary) {
  if (options_.prefix_cache)
    prefixes_.emplace(cache_, std::move(fingerprint), options_.disk_cache, &public_prefixes_);
  if (prefixes_ && options_.disk_cache) disk_reader_.emplace(*options_.disk_cache, cache_, *prefixes_);
  if (draft != nullptr || options_.speculation.draft_layers > 0)
    draft_model_.emplace(context_, decoder_, cache_, draft, options_, sampler_);
  load_.total_pages = load_.free_pages = free_pages();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Scheduler::~Scheduler() = default;

std::chrono::seconds Scheduler::time_to_room() const {
  return drain_.estimate(QueueDrain::Clock::now(), std::ssize(waiting_));
}

// REQUIRES: mutex_ is held.
void Scheduler::check_place() const {
  if (static_cast<std::int32_t>(waiting_.size()) >= options_.queue_limit)
    throw QueueFull(fmt::format("{} requests wait already", waiting_.size()), time_to_room());
}

void Scheduler::check_room() const {
  const std::lock_guard lock(mutex_);
  check_place();
}

void Scheduler::submit(GenerationRequest request, GenerationCallback callback) {
  // Built before the lock is taken and spliced in: the lock is held for a moment only.
  std::list<Sequence> one;
  one.emplace_back(std::move(request), std::move(callback), tokenizer_, options_.context_tokens);
  const std::int64_t tokens = prompt_tokens(one.front());
  {
    const std::lock_guard lock(mutex_);
    check_place();
    if (!waiting_.empty() && waiting_tokens_ + tokens > options_.queued_tokens)
      throw QueueFull(
          fmt::format("prompts of {} tokens wait already; with this one's {} they would be more than {}",
                      waiting_tokens_, tokens, options_.queued_tokens),
          time_to_room());
    waiting_.splice(waiting_.end(), one);
    waiting_tokens_ += tokens;
    load_.waiting = static_cast<std::int32_t>(waiting_.size());
  }
  wake_.notify_one();
}

std::int64_t Scheduler::free_pages() const {
  return cache_.available_pages() + (draft_model_ ? draft_model_->free_pages() : 0);
}

Engine::Load Scheduler::load() const {
  const std::lock_guard lock(mutex_);
  return load_;
}

void Scheduler::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (running_.empty())
        wake_.wait(lock, stop, [this] { return !waiting_.empty() || !forgetting_.empty(); });
    }
    drop_finished();  // whose places and pages the next may have
    forget_tenants();
    admit_waiting();
    if (running_.empty()) continue;
    try {
      if (disk_reader_ && disk_reader_->proceed(running_)) continue;
      const std::lock_guard turn(compute_->turn());
      step(choose_parts());
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
  forget_tenants();
  if (prefixes_) prefixes_->save_all(DiskCache::Clock::now() + kSaveTime);
}

std::int64_t Scheduler::forget_tenant(std::string tenant) {
  std::future<std::int64_t> pages;
  {
    const std::lock_guard lock(mutex_);
    pages = forgetting_.emplace_back(std::move(tenant), std::promise<std::int64_t>()).pages.get_future();
  }
  wake_.notify_one();
  return pages.get();
}

void Scheduler::forget_tenants() {
  std::vector<Forgetting> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(forgetting_);
  }
  for (Forgetting& one : all) {
    const auto forgotten = prefixes_ ? prefixes_->forget(one.tenant) : PrefixCache::Forgotten{};
    std::set<std::uint64_t> owners{forgotten.owner};
    for (const Sequence& sequence : running_)
      if (sequence.request().context->principal.tenant == one.tenant) owners.insert(sequence.pages().owner());
    for (const std::uint64_t owner : owners) {
      cache_.forget(owner);
      if (draft_model_) draft_model_->forget(owner);
    }
    one.pages.set_value(forgotten.pages);
  }
}

void Scheduler::admit_waiting() {
  std::list<Sequence> ended;  // their callbacks run without the lock
  {
    const std::lock_guard lock(mutex_);
    ended = take_cancelled();
    for (Sequence& sequence : waiting_) sequence.enter(shares_);
    while (!waiting_.empty() && static_cast<std::int32_t>(running_.size()) < options_.parallel_sequences) {
      const auto oldest = std::ranges::min_element(waiting_, {}, arrival_of);
      const auto next = place_patience_.is_over() ? oldest : next_waiting();
      if (!has_pages_for(*next)) break;  // strictly in turn: a long prompt is not overtaken for ever
      place_patience_.observe(next == oldest);
      admit(next);
    }
    load_.waiting = static_cast<std::int32_t>(waiting_.size());
    load_.running = static_cast<std::int32_t>(running_.size());
    load_.free_pages = free_pages();
  }
  for (Sequence& sequence : ended) sequence.end_if_cancelled();
}

// Whose caller gave up or whose time is over.
std::list<Sequence> Scheduler::take_cancelled() {
  std::list<Sequence> cancelled;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto next = std::next(it);
    if (it->is_cancelled()) {
      waiting_tokens_ -= prompt_tokens(*it);
      cancelled.splice(cancelled.end(), waiting_, it);
    }
    it = next;
  }
  return cancelled;
}

std::list<Sequence>::iterator Scheduler::next_waiting() {
  return std::ranges::min_element(waiting_, {},
                                  [](const Sequence& sequence) { return sequence.claim().place_rank(); });
}

void Scheduler::admit(std::list<Sequence>::iterator next) {
  next->admit(cache_, prefixes_ ? &*prefixes_ : nullptr, options_.speculation);
  if (draft_model_) draft_model_->admit(*next);
  waiting_tokens_ -= prompt_tokens(*next);
  running_.splice(running_.end(), waiting_, next);
  drain_.observe(QueueDrain::Clock::now(), std::ssize(waiting_));
}

// Those that run come first, for what they have so far and their next token.
bool Scheduler::has_pages_for(const Sequence& sequence) const {
  for (std::int32_t g = 0; g < cache_.group_count(); ++g) {
    std::int64_t wanted = cache_.pages_needed(g, static_cast<std::int64_t>(sequence.tokens().size()) + 1);
    for (const Sequence& running : running_)
      wanted += running.pages().pages_wanted(g, static_cast<std::int64_t>(running.tokens().size()) + 1);
    if (wanted > cache_.available_pages(g)) return false;
  }
  return true;
}

void Scheduler::drop_finished() {
  for (Sequence& sequence : running_) sequence.end_if_cancelled();
  running_.remove_if([](const Sequence& sequence) { return sequence.finished(); });
  const std::lock_guard lock(mutex_);
  load_.running = static_cast<std::int32_t>(running_.size());
  load_.free_pages = free_pages();
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
  const std::vector<Sequence*> reading = sequences_reading();
  if (reading.empty())
    draft(parts, std::min<std::int64_t>(room, options_.speculation.draft_tokens));
  else
    add_prompts(reading, parts, room);
  return parts;
}

std::vector<Sequence*> Scheduler::sequences_reading() {
  std::vector<Sequence*> reading;
  for (Sequence& sequence : running_)
    if (sequence.pending() > 1 && !sequence.is_reading()) reading.push_back(&sequence);
  return reading;
}

void Scheduler::add_prompts(std::vector<Sequence*> reading, std::vector<Part>& parts, std::int64_t room) {
  room = budget_.prompt_rows(std::ssize(parts), std::ssize(reading), room);
  if (room <= 0) return;
  std::ranges::sort(reading, {}, [](const Sequence* sequence) { return sequence->claim().row_rank(); });
  const auto first =
      std::ranges::min_element(reading, {}, [](const Sequence* sequence) { return arrival_of(*sequence); });
  const Sequence* const longest_here = *first;
  if (row_patience_.is_over()) std::rotate(reading.begin(), first, std::next(first));
  // Each that runs may have the logits of one row; who measures its prompt has those of drafted rows, too.
  std::int64_t spare = options_.parallel_sequences + options_.speculation.draft_tokens - std::ssize(running_);
  bool has_rows = false;
  for (Sequence* sequence : reading) {
    std::int64_t rows = std::min(room, sequence->pending());
    if (rows == 0) break;
    if (sequence->measures_prompt()) {
      rows = std::min(rows, 1 + spare);
      spare -= rows - 1;
    }
    parts.push_back({sequence, rows, 0, rows == sequence->pending()});
    room -= rows;
    has_rows = has_rows || sequence == longest_here;
  }
  row_patience_.observe(has_rows);
}

// Drafts at most `most` rows in all, evenly.
void Scheduler::draft(std::vector<Part>& decoding, std::int64_t most) {
  if (most <= 0) return;
  const float least_chance = least_chance_worth_a_row(decoding.size());
  std::vector<Sequence*> by_model;
  std::int64_t room = most;
  auto left = static_cast<std::int64_t>(decoding.size());
  for (Part& part : decoding) {
    const std::int64_t share = room / left--;
    const float look_up_chance = part.sequence->look_up();
    if (draft_model_ && draft_model_->pays(*part.sequence, least_chance, look_up_chance)) {
      by_model.push_back(part.sequence);  // shares what the others leave
      room -= share;
      continue;
    }
    part.sequence->draft_by_look_up(share, least_chance);
    room -= part.sequence->drafted();
  }
  for (const Part& part : decoding) most -= part.sequence->drafted();
  if (draft_model_) draft_model_->draft(by_model, most, least_chance);
  for (Part& part : decoding) part.drafted = part.sequence->drafted();
}

// Pages for all rows of the step; parts of sequences that have to give theirs up are left out.
void Scheduler::prepare_pages(std::vector<Part>& parts) {
  std::vector<const Sequence*> preempted;
  const auto gave_up = [&preempted](const Part& part) {
    return std::ranges::find(preempted, part.sequence) != preempted.end();
  };
  for (Part& part : parts) {
    Sequence& sequence = *part.sequence;
    const auto prepare = [&] {
      return sequence.pages().prepare(sequence.computed(), sequence.computed() + part.rows + part.drafted);
    };
    while (!gave_up(part) && !prepare()) {
      if (part.drafted > 0) {
        sequence.drop_draft();
        part.drafted = 0;
      } else {
        preempted.push_back(preempt_one());
      }
    }
  }
  std::erase_if(parts, gave_up);
}

// Of the lowest priority, of the caller that was served most, the one that came last; returns it.
const Sequence* Scheduler::preempt_one() {
  assert(running_.size() > 1 && "one sequence alone always has its whole context");
  const auto first = std::ranges::min_element(running_, {}, arrival_of);
  auto last = running_.end();
  for (auto it = running_.begin(); it != running_.end(); ++it)
    if (it != first && (last == running_.end() || it->claim().row_rank() > last->claim().row_rank()))
      last = it;
  last->preempt();
  const std::lock_guard lock(mutex_);
  waiting_tokens_ += prompt_tokens(*last);
  waiting_.splice(waiting_.begin(), running_, last);
  load_.waiting = static_cast<std::int32_t>(waiting_.size());
  load_.running = static_cast<std::int32_t>(running_.size());
  ++load_.preemptions;
  return &*last;
}

bool Scheduler::wants_logits(const Part& part, std::int64_t row) {
  return (part.wants_logits && row + 1 >= part.rows) ||
         part.sequence->measures(part.sequence->computed() + row);
}

void Scheduler::step(std::vector<Part> parts) {
  prepare_pages(parts);
  rows_.clear();
  std::size_t sampled = 0;
  for (const Part& part : parts) {
    const std::int64_t first = part.sequence->computed();
    const std::int64_t rows = part.rows + part.drafted;
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t position = first + i;
      rows_.push_back({.token = part.sequence->tokens_and_draft()[static_cast<std::size_t>(position)],
                       .position = static_cast<std::int32_t>(position),
                       .page_tables = part.sequence->pages().tables(),
                       .wants_logits = wants_logits(part, i)});
      sampled += rows_.back().wants_logits ? 1 : 0;
    }
  }
  const auto start = std::chrono::steady_clock::now();
  decoder_.forward(context_, rows_, cache_.layers(), sampler_.logits(sampled));
  learn_time(parts, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  for (const Part& part : parts) {
    part.sequence->mark_computed(part.rows);
    part.sequence->claim().charge(part.rows + part.drafted);
    if (prefixes_) part.sequence->share_pages(*prefixes_);
  }
  {
    const std::lock_guard lock(mutex_);
    ++load_.steps;
    load_.rows += static_cast<std::int64_t>(rows_.size());
  }
  sample(parts);
}

void Scheduler::learn_time(const std::vector<Part>& parts, double seconds) {
  std::int64_t decoding = 0, prompt = 0;
  for (const Part& part : parts)
    (part.sequence->pending() == 1 ? decoding : prompt) += part.rows + part.drafted;
  budget_.observe(decoding, prompt, seconds);
}

void Scheduler::sample(const std::vector<Part>& parts) {
  std::vector<BatchSampler::Row> sampled;
  const models::BatchRow* row = rows_.data();
  for (const Part& part : parts)
    for (const models::BatchRow* const end = row + part.rows + part.drafted; row != end; ++row)
      if (row->wants_logits)
        sampled.push_back({.sequence = part.sequence,
                           .history = static_cast<std::size_t>(row->position) + 1,
                           .is_known = part.sequence->measures(row->position),
                           .is_ranked = true});
  sampler_.sample(sampled);

  std::int64_t drafted = 0, accepted = 0;
  std::span<const BatchSampler::Row> rest = sampled;
  row = rows_.data();
  for (const Part& part : parts) {
    rest = rest.subspan(take_measured(*part.sequence, rest, row));
    row += part.rows;
    if (part.wants_logits) {
      const auto own = static_cast<std::size_t>(1 + part.drafted);
      accepted += accept(*part.sequence, rest.first(own), row - 1);
      rest = rest.subspan(own);
    }
    row += part.drafted;
    drafted += part.drafted;
  }
  const std::lock_guard lock(mutex_);
  load_.drafted_tokens += drafted;
  load_.accepted_tokens += accepted;
}

// Gives a sequence what the first of `sampled` say of its prompt; returns how many they are.
std::size_t Scheduler::take_measured(Sequence& sequence, std::span<const BatchSampler::Row> sampled,
                                     const models::BatchRow* rows) {
  std::size_t taken = 0;
  for (; taken < sampled.size() && sampled[taken].is_known && sampled[taken].sequence == &sequence; ++taken) {
    const BatchSampler::Row& row = sampled[taken];
    if (sequence.finished()) continue;
    if (row.failure)
      sequence.fail(where_it_failed(as_error(row.failure),
                                    rows[static_cast<std::int32_t>(row.history) - 1 - rows->position]));
    else
      sequence.add_measured(*row.ranking);
  }
  return taken;
}

// Gives a sequence what was sampled after each of its `rows`, as long as the draft holds; returns how much of
// it held.
std::int64_t Scheduler::accept(Sequence& sequence, std::span<const BatchSampler::Row> sampled,
                               const models::BatchRow* rows) {
  for (std::size_t i = 0;; ++i) {
    if (i > 0) sequence.end_if_cancelled();  // as between steps
    if (sequence.finished()) return static_cast<std::int64_t>(i);
    if (sampled[i].failure) {
      sequence.fail(where_it_failed(as_error(sampled[i].failure), rows[i]));
    } else {
      if (sequence.request().observe_logits) sequence.request().observe_logits(sampled[i].digest);
      if (!sequence.accept(sampled[i].token, sampled[i].ranking)) return static_cast<std::int64_t>(i);
    }
  }
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
