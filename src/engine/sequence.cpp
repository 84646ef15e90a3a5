#include "engine/sequence.h"

#include <algorithm>
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
      detokenizer_(tokenizer),
      stop_matcher_(request_.stop_strings),
      tokens_(request_.prompt),
      submitted_(Clock::now()) {
  const auto room = context_tokens - static_cast<std::int32_t>(request_.prompt.size());
  maximum_output_ = request_.maximum_tokens == 0 ? room : std::min(room, request_.maximum_tokens);
}

void Sequence::accept(std::int32_t token) {
  if (tokens_.size() == request_.prompt.size()) first_token_ = Clock::now();
  tokens_.push_back(token);
  if (!request_.ignore_end && tokenizer_.is_end_of_generation(token))
    return finish(FinishReason::kStop, stop_matcher_.push(detokenizer_.flush()) + stop_matcher_.flush(),
                  {token});
  std::string text = stop_matcher_.push(detokenizer_.push(token));
  if (!stop_matcher_.stopped() && tokens_.size() == static_cast<std::size_t>(most_tokens())) {
    text += stop_matcher_.push(detokenizer_.flush());
    if (!stop_matcher_.stopped()) return finish(FinishReason::kLength, text + stop_matcher_.flush(), {token});
  }
  if (stop_matcher_.stopped()) return finish(FinishReason::kStop, std::move(text), {token});
  send({.text = std::move(text), .tokens = {token}, .finish = {}, .error = {}, .usage = usage()});
}

void Sequence::fail(const Error& error) { finish(FinishReason::kError, {}, {}, error); }

bool Sequence::is_cancelled() const {
  const RequestContext& context = *request_.context;
  return context.cancelled.load(std::memory_order_relaxed) ||
         (context.deadline && Clock::now() >= *context.deadline);
}

void Sequence::end_if_cancelled() {
  if (finished_ || !is_cancelled()) return;
  if (request_.context->cancelled.load(std::memory_order_relaxed))
    return finish(FinishReason::kCancelled, {});
  fail(Error(ErrorKind::kDeadlineExceeded, "the request's time limit passed before the answer was complete",
             "ask for fewer tokens or allow more time"));
}

void Sequence::finish(FinishReason reason, std::string text, std::vector<std::int32_t> tokens,
                      std::optional<Error> error) {
  finished_ = true;
  const Usage final_usage = usage();
  pages_.reset();
  send({.text = std::move(text),
        .tokens = std::move(tokens),
        .finish = reason,
        .error = std::move(error),
        .usage = final_usage});
}

void Sequence::send(GenerationEvent event) { callback_(event); }

Usage Sequence::usage() const {
  const Clock::time_point now = Clock::now();
  Usage usage;
  usage.prompt_tokens = static_cast<std::int32_t>(request_.prompt.size());
  usage.completion_tokens = static_cast<std::int32_t>(tokens_.size() - request_.prompt.size());
  usage.queue_seconds = seconds_between(submitted_, admitted_ == Clock::time_point{} ? now : admitted_);
  if (usage.completion_tokens > 0) {
    usage.prefill_seconds = seconds_between(admitted_, first_token_);
    usage.decode_seconds = seconds_between(first_token_, now);
  }
  return usage;
}

}  // namespace hearth::engine
