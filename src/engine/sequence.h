// One request while it runs: its tokens, its pages and the text on its way out.
// Thread-safety: none; the scheduler's thread owns it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "constraint/matcher.h"
#include "engine/engine_options.h"
#include "engine/fair_share.h"
#include "engine/key_value_cache.h"
#include "engine/model_speculation.h"
#include "engine/prefix_cache.h"
#include "engine/request.h"
#include "engine/speculation.h"
#include "text/detokenizer.h"
#include "text/stop_matcher.h"
#include "text/tokenizer.h"

namespace hearth::engine {

class Sequence {
 public:
  Sequence(GenerationRequest request, GenerationCallback callback, const text::Tokenizer& tokenizer,
           std::int32_t context_tokens);

  const GenerationRequest& request() const { return request_; }
  // Positions that it can come to hold: what is reserved at admission.
  std::int64_t most_tokens() const {
    return static_cast<std::int64_t>(request_.prompt.size()) + maximum_output_;
  }

  // Where it stands among others: from when the scheduler first sees it to its end.
  void enter(FairShare& shares) {
    if (!claim_) claim_ = shares.enter(request_);
  }
  FairShare::Claim& claim() { return *claim_; }
  const FairShare::Claim& claim() const { return *claim_; }

  // `prefixes`: where it may begin behind what is known; null: from the start. To be called again after
  // preempt().
  void admit(KeyValueCache& cache, PrefixCache* prefixes, const SpeculationOptions& speculation);
  // `own_cache`: see ModelSpeculation.
  void use_draft_model(KeyValueCache* own_cache);
  SequencePages& pages() { return *pages_; }
  const SequencePages& pages() const { return *pages_; }
  // Whether the disk may have more of its beginning: then it is not computed yet (engine/disk_reader.h).
  bool is_reading() const { return disk_wait_.has_value(); }
  struct DiskWait {
    std::shared_ptr<DiskCache::Read> read;  // null: waits for its turn
    std::chrono::steady_clock::time_point since;
  };
  DiskWait& disk_wait() { return *disk_wait_; }
  void end_reading(PrefixCache& prefixes);
  const PrefixCache::Path& path() const { return *path_; }
  // As admit() did: somebody may have brought more in the meantime. REQUIRES: nothing was computed.
  void find_again(KeyValueCache& cache, PrefixCache& prefixes);
  // The next page is complete, and was not computed.
  void take_read_page(PrefixCache& prefixes);

  // Makes the pages that are complete known to others.
  void share_pages(PrefixCache& prefixes);
  // Gives up its pages; all tokens so far are to be run again, or found again.
  void preempt();

  // Prompt and output.
  std::span<const std::int32_t> tokens() const { return tokens_and_draft().first(size_); }
  // Tokens whose keys and values are in the cache; the others are to be run.
  std::int64_t computed() const { return computed_; }
  std::int64_t pending() const { return static_cast<std::int64_t>(size_) - computed_; }
  void mark_computed(std::int64_t count) { computed_ += count; }

  // The draft: tokens that are likely to follow tokens(). It lasts until the next accept() that differs from
  // it.
  std::span<const std::int32_t> tokens_and_draft() const { return tokens_; }
  std::int64_t drafted() const { return static_cast<std::int64_t>(tokens_.size() - size_); }
  void drop_draft();
  // How many more it may hold: the last token of all is sampled, never run.
  std::int64_t most_drafted() const { return most_tokens() - static_cast<std::int64_t>(tokens_.size()) - 1; }
  // Takes in what is new in tokens(); returns the chance that the next token is as looked up.
  float look_up();
  // Drafts at most `most` tokens, and as long as all of them hold with at least this chance. REQUIRES:
  // look_up().
  void draft_by_look_up(std::int64_t most, float least_chance);
  void draft_by_model(std::int32_t token);
  ModelSpeculation* model_speculation() { return model_speculation_ ? &*model_speculation_ : nullptr; }
  // What may come behind the first `history` of tokens_and_draft(); null: anything, or a draft that cannot
  // hold.
  std::shared_ptr<const constraint::TokenMask> mask(std::size_t history) const;
  constraint::TokensLeft tokens_left(std::size_t history) const {
    return {most_tokens() - static_cast<std::int64_t>(history), maximum_output_};
  }
  bool ends_with(std::int32_t token) const;  // where the token comes

  // Takes the sampled token, sends what text became certain and ends where a stop string, an end token or the
  // limit says so. True where the token is the next of the draft: what was sampled after it counts then.
  // `ranking`: where the request wants log probabilities.
  bool accept(std::int32_t token, const std::optional<Ranking>& ranking = std::nullopt);
  bool measures_prompt() const { return request_.prompt_log_probabilities; }
  // Whether the logits of the token at `position` are wanted for how likely the prompt's next one was.
  bool measures(std::int64_t position) const {
    const auto next = static_cast<std::size_t>(position) + 1;
    return measures_prompt() && next >= measured_ && next < request_.prompt.size();
  }
  void add_measured(const Ranking& ranking);
  void fail(const Error& error);
  bool is_cancelled() const;  // by its caller or by a deadline
  void end_if_cancelled();    // sends the last event
  bool finished() const { return finished_; }

 private:
  void begin_measuring();
  void send_token(std::int32_t token, const std::optional<Ranking>& ranking);
  TokenLogProbabilities described(const Ranking& ranking, const text::IncrementalDetokenizer& text) const;
  // What of a text is answer; the rest waits in reasoning_ for the next event.
  std::string part(std::string text, bool is_last = false);
  void copy_part(PrefixCache& prefixes);
  bool waited_too_long() const;
  void finish(FinishReason reason, std::string text, std::vector<std::int32_t> tokens = {},
              std::optional<Error> error = {});
  void send(GenerationEvent event);
  Usage usage() const;

  GenerationRequest request_;
  GenerationCallback callback_;
  std::unique_ptr<FairShare::Claim> claim_;
  const text::Tokenizer& tokenizer_;
  std::int32_t maximum_output_;
  text::IncrementalDetokenizer detokenizer_;
  std::optional<text::ThinkingReader> thinking_reader_;
  text::StopMatcher stop_matcher_;
  text::IncrementalDetokenizer prompt_detokenizer_;  // of the tokens that were measured
  HeldLogProbabilities held_;
  std::size_t measured_ = 0;                     // tokens of the prompt
  std::size_t text_bytes_ = 0, sent_bytes_ = 0;  // that are certain; of them those sent
  bool is_shortened_ = false;
  std::optional<constraint::Matcher> matcher_;  // behind tokens()
  std::vector<std::int32_t> tokens_;            // the draft at their end
  std::size_t size_;                            // without the draft
  std::int64_t computed_ = 0;
  std::optional<LookUpSpeculation> look_up_speculation_;
  std::optional<ModelSpeculation> model_speculation_;
  bool draft_is_the_models_ = false;
  std::vector<std::int32_t> proposed_;
  std::int32_t drafted_ = 0, accepted_ = 0;
  std::string reasoning_;
  std::int32_t reasoning_tokens_ = 0;
  std::int64_t cached_ = 0;  // tokens of the prompt that were known
  std::optional<SequencePages> pages_;
  std::optional<PrefixCache::Path> path_;
  std::optional<DiskWait> disk_wait_;
  bool is_first_run_ = true;  // was not preempted
  bool finished_ = false;
  std::chrono::steady_clock::time_point submitted_, admitted_{}, first_token_{};
};

}  // namespace hearth::engine
