#include "engine/sequence.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace hearth::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kError:
      return "error";
  }
  return "error";
}

Sequence::Sequence(GenerationRequest request, GenerationCallback callback, const text::Tokenizer& tokenizer,
                   std::int32_t context_tokens)
    : request_(std::move(request)),
      callback_(std::move(callback)),
      tokenizer_(tokenizer),
      detokenizer_(tokenizer, {.continues_text = request_.continues_text}),
      stop_matcher_(request_.stop_strings),
      prompt_detokenizer_(tokenizer),
      tokens_(request_.prompt),
      size_(tokens_.size()),
      submitted_(Clock::now()) {
  if (request_.thinking) thinking_reader_.emplace(*request_.thinking);
  if (measures_prompt()) begin_measuring();
  if (request_.constraint) matcher_.emplace(request_.constraint->start());
  const auto room = context_tokens - static_cast<std::int32_t>(request_.prompt.size());
  maximum_output_ = request_.maximum_tokens == 0 ? room : std::min(room, request_.maximum_tokens);
}

void Sequence::admit(KeyValueCache& cache, PrefixCache* prefixes, const SpeculationOptions& speculation) {
  if (prefixes == nullptr || measures_prompt()) {
    pages_.emplace(cache, cache.new_owner());  // nobody reads what it leaves
  } else {
    find_again(cache, *prefixes);
    if (prefixes->disk() != nullptr)
      disk_wait_ = {.read = nullptr, .since = Clock::now()};
    else
      copy_part(*prefixes);
  }
  claim_->promise(pending());
  if (admitted_ != Clock::time_point{}) return;
  if (speculation.draft_tokens > 0 && request_.look_up)
    look_up_speculation_.emplace(static_cast<std::size_t>(most_tokens()));
  admitted_ = Clock::now();
}

void Sequence::find_again(KeyValueCache& cache, PrefixCache& prefixes) {
  const std::string& tenant = request_.context->principal.tenant;
  path_.reset();
  pages_.emplace(cache);
  // The last token is run in any case: the next one is sampled from it.
  path_.emplace(prefixes.find(tenant, tokens().first(size_ - 1), *pages_));
  computed_ = path_->pages() * kernels::kPageTokens;
  if (is_first_run_) cached_ = computed_;
  claim_->promise(pending());
}

void Sequence::take_read_page(PrefixCache& prefixes) {
  computed_ += kernels::kPageTokens;
  if (is_first_run_) cached_ = computed_;
  claim_->promise(pending());
  share_pages(prefixes);
}

void Sequence::end_reading(PrefixCache& prefixes) {
  disk_wait_.reset();
  copy_part(prefixes);
}

void Sequence::copy_part(PrefixCache& prefixes) {
  computed_ += prefixes.copy_part(*path_, tokens().first(size_ - 1), *pages_);
  if (is_first_run_) cached_ = computed_;
  claim_->promise(pending());
}

void Sequence::use_draft_model(KeyValueCache* own_cache) {
  if (request_.draft_model && !model_speculation_) model_speculation_.emplace(own_cache, pages_->owner());
}

void Sequence::share_pages(PrefixCache& prefixes) {
  if (path_) prefixes.add(*path_, tokens().first(static_cast<std::size_t>(computed_)), *pages_);
}

void Sequence::preempt() {
  drop_draft();
  path_.reset();
  pages_.reset();
  disk_wait_.reset();
  computed_ = 0;
  claim_->promise(0);
  is_first_run_ = false;
  if (model_speculation_ && model_speculation_->own_pages() == nullptr) model_speculation_->differs_at(0);
}

void Sequence::drop_draft() {
  drafted_ -= static_cast<std::int32_t>(drafted());
  tokens_.resize(size_);
  if (model_speculation_) model_speculation_->differs_at(size_);
}

float Sequence::look_up() {
  if (!look_up_speculation_) return 0;
  look_up_speculation_->observe(tokens(), request_.prompt.size());
  return look_up_speculation_->chance();
}

void Sequence::draft_by_look_up(std::int64_t most, float least_chance) {
  most = std::min(most, most_drafted());
  if (!look_up_speculation_ || most <= 0) return;
  look_up_speculation_->propose(tokens(), static_cast<std::size_t>(most), least_chance, proposed_);
  if (matcher_) {
    constraint::Matcher matcher = *matcher_;
    const auto wrong =
        std::ranges::find_if(proposed_, [&](std::int32_t token) { return !matcher.accept(token); });
    proposed_.erase(wrong, proposed_.end());
  }
  tokens_.insert(tokens_.end(), proposed_.begin(), proposed_.end());
  drafted_ += static_cast<std::int32_t>(proposed_.size());
  draft_is_the_models_ = false;
}

void Sequence::draft_by_model(std::int32_t token) {
  tokens_.push_back(token);
  ++drafted_;
  draft_is_the_models_ = true;
}

bool Sequence::accept(std::int32_t token, const std::optional<Ranking>& ranking) {
  if (request_.prompt_only) {
    finish(FinishReason::kLength, {});
    return false;
  }
  const bool was_drafted = drafted() > 0;
  const bool as_drafted = was_drafted && tokens_[size_] == token;
  if (model_speculation_) {
    if (was_drafted && draft_is_the_models_)
      model_speculation_->learn(as_drafted);
    else
      model_speculation_->rest();
    if (!as_drafted) model_speculation_->differs_at(size_);
  }
  if (as_drafted) {
    ++computed_;
    ++accepted_;
  } else {
    tokens_.resize(size_);
    tokens_.push_back(token);
  }
  ++size_;
  if (matcher_) {
    is_shortened_ = is_shortened_ || matcher_->is_closing(tokens_left(size_ - 1));
    matcher_->accept(token);  // the mask allowed it
  }
  send_token(token, ranking);
  return as_drafted;
}

std::shared_ptr<const constraint::TokenMask> Sequence::mask(std::size_t history) const {
  if (!matcher_) return nullptr;
  constraint::Matcher matcher = *matcher_;
  for (const std::int32_t token : tokens_and_draft().first(history).subspan(size_))
    if (!matcher.accept(token)) return nullptr;
  return matcher.mask(tokens_left(history));
}

bool Sequence::ends_with(std::int32_t token) const {
  return (matcher_ || !request_.ignore_end) && tokenizer_.is_end_of_generation(token);
}

TokenLogProbabilities Sequence::described(const Ranking& ranking,
                                          const text::IncrementalDetokenizer& text) const {
  const auto described = [&](const RankedToken& one) -> TokenLogProbability {
    const bool is_hidden = tokenizer_.is_hidden(one.token);
    return {one.token, one.log_probability,
            is_hidden ? std::string(tokenizer_.token_text(one.token)) : text.bytes_of(one.token), is_hidden};
  };
  TokenLogProbabilities all{described(ranking.chosen), {}};
  for (const RankedToken& one : ranking.likeliest) all.likeliest.push_back(described(one));
  return all;
}

void Sequence::begin_measuring() {
  const std::int32_t first = request_.prompt.front();
  TokenLogProbabilities all = described({{first, 0}, {}}, prompt_detokenizer_);
  all.chosen.log_probability = std::nullopt;
  held_.add(std::move(all), 0, 0);
  prompt_detokenizer_.push(first);
  measured_ = 1;
}

void Sequence::add_measured(const Ranking& ranking) {
  held_.add(described(ranking, prompt_detokenizer_), 0, 0);
  prompt_detokenizer_.push(ranking.chosen.token);
  ++measured_;
}

void Sequence::send_token(std::int32_t token, const std::optional<Ranking>& ranking) {
  if (size_ == request_.prompt.size() + 1) first_token_ = Clock::now();
  if (ends_with(token))
    return finish(FinishReason::kStop,
                  stop_matcher_.push(part(detokenizer_.flush(), true)) + stop_matcher_.flush(), {token});
  std::optional<TokenLogProbabilities> likely;
  if (ranking) likely = described(*ranking, detokenizer_);
  const bool answered = !thinking_reader_ || thinking_reader_->is_answering();
  const std::size_t begin = text_bytes_ + detokenizer_.pending();
  const std::string certain = part(detokenizer_.push(token));
  text_bytes_ += certain.size();
  // Tokens of what was thought are not told.
  if (likely && (answered || !certain.empty()))
    held_.add(std::move(*likely), begin, text_bytes_ + detokenizer_.pending());
  std::string text = stop_matcher_.push(certain);
  const bool complete = matcher_ && matcher_->is_at_end();
  if (!stop_matcher_.stopped() && (complete || size_ == static_cast<std::size_t>(most_tokens()))) {
    text += stop_matcher_.push(part(detokenizer_.flush(), true));
    if (!stop_matcher_.stopped())
      return finish(complete ? FinishReason::kStop : FinishReason::kLength, text + stop_matcher_.flush(),
                    {token});
  }
  if (stop_matcher_.stopped()) return finish(FinishReason::kStop, std::move(text), {token});
  sent_bytes_ += text.size();
  send({.text = std::move(text),
        .tokens = {token},
        .log_probabilities = held_.take(sent_bytes_),
        .finish = {},
        .stop_string = {},
        .error = {},
        .usage = usage()});
}

std::string Sequence::part(std::string text, bool is_last) {
  if (!thinking_reader_ || thinking_reader_->is_answering()) return text;
  const bool was_open = thinking_reader_->is_open();
  text::ThinkingReader::Pieces pieces = thinking_reader_->push(text);
  reasoning_ += pieces.reasoning;
  std::string answer = std::move(pieces.answer);
  if (is_last) {
    pieces = thinking_reader_->finish();
    reasoning_ += pieces.reasoning;
    answer += pieces.answer;
  }
  if (thinking_reader_->has_thought() && (was_open || !thinking_reader_->is_answering()))
    reasoning_tokens_ = static_cast<std::int32_t>(size_ - request_.prompt.size());
  return answer;
}

void Sequence::fail(const Error& error) { finish(FinishReason::kError, {}, {}, error); }

bool Sequence::is_cancelled() const {
  const RequestContext& context = *request_.context;
  return context.cancelled.load(std::memory_order_relaxed) ||
         (context.deadline && Clock::now() >= *context.deadline) || waited_too_long();
}

bool Sequence::waited_too_long() const {
  const RequestContext& context = *request_.context;
  return admitted_ == Clock::time_point{} && context.queue_deadline &&
         Clock::now() >= *context.queue_deadline;
}

void Sequence::end_if_cancelled() {
  if (finished_ || !is_cancelled()) return;
  if (request_.context->cancelled.load(std::memory_order_relaxed))
    return finish(FinishReason::kCancelled, {});
  if (waited_too_long())
    return fail(Error(ErrorKind::kOverloaded, "the server was too busy to begin this answer in time",
                      "try again later"));
  fail(Error(ErrorKind::kDeadlineExceeded, "the request's time limit passed before the answer was complete",
             "ask for fewer tokens or allow more time"));
}

void Sequence::finish(FinishReason reason, std::string text, std::vector<std::int32_t> tokens,
                      std::optional<Error> error) {
  finished_ = true;
  const Usage final_usage = usage();
  path_.reset();
  pages_.reset();
  disk_wait_.reset();
  model_speculation_.reset();
  const std::size_t length =
      stop_matcher_.stopped() ? sent_bytes_ + text.size() : std::numeric_limits<std::size_t>::max();
  send({.text = std::move(text),
        .tokens = std::move(tokens),
        .log_probabilities = held_.take_last(length),
        .finish = reason,
        .stop_string = stop_matcher_.matched(),
        .error = std::move(error),
        .usage = final_usage});
}

void Sequence::send(GenerationEvent event) {
  event.reasoning = std::exchange(reasoning_, {});
  callback_(event);
}

Usage Sequence::usage() const {
  const Clock::time_point now = Clock::now();
  Usage usage;
  usage.prompt_tokens = static_cast<std::int32_t>(request_.prompt.size());
  usage.completion_tokens = static_cast<std::int32_t>(size_ - request_.prompt.size());
  usage.cached_tokens = static_cast<std::int32_t>(cached_);
  usage.drafted_tokens = drafted_;
  usage.accepted_tokens = accepted_;
  usage.reasoning_tokens = reasoning_tokens_;
  usage.is_shortened = is_shortened_;
  usage.queue_seconds = seconds_between(submitted_, admitted_ == Clock::time_point{} ? now : admitted_);
  if (usage.completion_tokens > 0) {
    usage.prefill_seconds = seconds_between(admitted_, first_token_);
    usage.decode_seconds = seconds_between(first_token_, now);
  }
  return usage;
}

}  // namespace hearth::engine
