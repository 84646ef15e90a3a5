// Continuous batching (Yu et al. 2022, "Orca") with prompts in chunks (Agrawal et al. 2023, "Sarathi"): each
// step runs one row of every decoding sequence, and then prompts: as many rows as there is room and time for
// (engine/step_budget.h). Where no prompt waits, its room is for drafted rows (engine/speculation.h): a guess
// shall not keep anybody waiting for a first token. Who is admitted next, whose prompt is read first and who
// goes on where pages run out is a matter of priorities and fair shares (engine/fair_share.h); a place is
// left when an answer ends, never taken away.
//
// A sequence is admitted once there are pages for its prompt, and takes more as it grows. Where none is left,
// the sequence that ranks last gives up its own and waits again; what it had is read again, and nothing of
// its answer is lost or different. The one that came first of all keeps its pages, so that something always
// advances to its end. Thread-safety: submit() and load() are safe from any thread. Destruction cancels
// everything and joins the thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/batch_sampler.h"
#include "engine/disk_reader.h"
#include "engine/draft_model.h"
#include "engine/engine.h"
#include "engine/fair_share.h"
#include "engine/key_value_cache.h"
#include "engine/prefix_cache.h"
#include "engine/queue_drain.h"
#include "engine/sequence.h"
#include "engine/step_budget.h"
#include "models/decoder.h"

namespace hearth::engine {

class Scheduler {
 public:
  // `fingerprint`: of all that keys and values depend on (Model::fingerprint). `draft`: the second model of
  // SpeculationOptions.
  Scheduler(std::shared_ptr<Compute> compute, kernels::ExecutionContext& context, models::Decoder& decoder,
            const text::Tokenizer& tokenizer, const EngineOptions& options, std::string fingerprint,
            models::Decoder* draft = nullptr);
  ~Scheduler();

  void check_room() const;  // as Engine's
  void submit(GenerationRequest request, GenerationCallback callback);
  Engine::Load load() const;
  // As Engine::forget_tenant.
  std::int64_t forget_tenant(std::string tenant);
  // Of what begins from now on (engine/public_prefixes.h).
  void set_public_prefixes(std::vector<PublicPrefixes::Tokens> prefixes) {
    public_prefixes_.replace(std::move(prefixes));
  }

 private:
  struct Part {  // what one sequence has in a step
    Sequence* sequence;
    std::int64_t rows;     // of its pending tokens
    std::int64_t drafted;  // rows after them
    bool wants_logits;     // of the last pending token and of what is drafted after it
  };

  void run(const std::stop_token& stop);
  void forget_tenants();
  void admit_waiting();
  std::list<Sequence> take_cancelled();
  std::list<Sequence>::iterator next_waiting();
  void admit(std::list<Sequence>::iterator next);
  void drop_finished();
  bool has_pages_for(const Sequence& sequence) const;
  std::vector<Part> choose_parts();
  std::vector<Sequence*> sequences_reading();
  void add_prompts(std::vector<Sequence*> reading, std::vector<Part>& parts, std::int64_t room);
  void prepare_pages(std::vector<Part>& parts);
  const Sequence* preempt_one();
  void draft(std::vector<Part>& decoding, std::int64_t most);
  std::int64_t free_pages() const;
  std::chrono::seconds time_to_room() const;
  void check_place() const;
  static bool wants_logits(const Part& part, std::int64_t row);
  void step(std::vector<Part> parts);
  void learn_time(const std::vector<Part>& parts, double seconds);
  void sample(const std::vector<Part>& parts);
  std::size_t take_measured(Sequence& sequence, std::span<const BatchSampler::Row> sampled,
                            const models::BatchRow* rows);
  std::int64_t accept(Sequence& sequence, std::span<const BatchSampler::Row> sampled,
                      const models::BatchRow* rows);
  Error where_it_failed(const Error& error, const models::BatchRow& row);
  void fail_running(const Error& error);

  std::shared_ptr<Compute> compute_;
  kernels::ExecutionContext& context_;
  models::Decoder& decoder_;
  const text::Tokenizer& tokenizer_;
  const EngineOptions options_;  // resolved
  KeyValueCache cache_;
  PublicPrefixes public_prefixes_;
  std::optional<PrefixCache> prefixes_;
  std::optional<DiskReader> disk_reader_;
  BatchSampler sampler_;
  std::optional<DraftModel> draft_model_;
  FairShare shares_;
  Patience place_patience_, row_patience_;
  std::list<Sequence> running_;  // after the caches that its pages are of
  StepBudget budget_;
  std::vector<models::BatchRow> rows_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any wake_;
  std::list<Sequence> waiting_;
  std::int64_t waiting_tokens_ = 0;  // of their prompts
  QueueDrain drain_;
  struct Forgetting {
    std::string tenant;
    std::promise<std::int64_t> pages;
  };
  std::vector<Forgetting> forgetting_;
  Engine::Load load_;

  std::jthread thread_;  // last: stops before anything it uses is gone
};

}  // namespace hearth::engine
