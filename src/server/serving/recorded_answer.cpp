#include "server/serving/recorded_answer.h"

#include <openssl/crypto.h>

#include <utility>

namespace hearth::server {

namespace {

// Of the object, its maps and pointers; generous.
constexpr std::size_t kFixedBytes = 1024, kPieceBytes = 64;

}  // namespace

RecordedAnswer::~RecordedAnswer() {
  for (std::string& piece : pieces_) OPENSSL_cleanse(piece.data(), piece.size());
}

void RecordedAnswer::computed_by(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_computer_ = std::move(wake);
}

bool RecordedAnswer::is_abandoned() const {
  const std::lock_guard lock(mutex_);
  return is_abandoned_;
}

bool RecordedAnswer::must_end() const {
  const std::lock_guard lock(mutex_);
  return must_end_;
}

void RecordedAnswer::set_meter(std::shared_ptr<const GenerationMeter> meter) {
  const std::lock_guard lock(mutex_);
  meter_ = std::move(meter);
}

// A wake-up only posts.
void RecordedAnswer::tell() {
  for (const auto& [listener, wake] : listeners_) wake();
}

void RecordedAnswer::begin(Head head) {
  const std::lock_guard lock(mutex_);
  head_ = std::move(head);
  tell();
}

void RecordedAnswer::add(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  pieces_.emplace_back(bytes);
  bytes_ += kPieceBytes + bytes.size();
  tell();
}

void RecordedAnswer::end(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(failure);
  is_ended_ = true;
  wake_computer_ = nullptr;
  tell();
}

bool RecordedAnswer::is_good() const {
  const std::lock_guard lock(mutex_);
  return has_ended_well();
}

bool RecordedAnswer::has_ended_well() const {
  return is_ended_ && !failure_ && head_ && head_->status == 200 && (!meter_ || meter_->totals().is_whole);
}

std::size_t RecordedAnswer::bytes() const {
  const std::lock_guard lock(mutex_);
  return kFixedBytes + bytes_;
}

std::optional<std::size_t> RecordedAnswer::join(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  if (is_abandoned_ || (is_ended_ && !has_ended_well())) return std::nullopt;
  listeners_.emplace(++joined_, std::move(wake));
  return joined_;
}

void RecordedAnswer::leave(std::size_t listener) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(listener);
  if (!listeners_.empty() || is_ended_) return;
  is_abandoned_ = true;
  if (wake_computer_) wake_computer_();
}

void RecordedAnswer::ask_to_end() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(must_end_, true)) return;
  if (wake_computer_) wake_computer_();
}

RecordedAnswer::News RecordedAnswer::since(std::size_t from) const {
  const std::lock_guard lock(mutex_);
  News news{.head = head_,
            .bytes = {},
            .next = pieces_.size(),
            .is_ended = is_ended_,
            .failure = failure_,
            .meter = meter_};
  for (std::size_t i = from; i < pieces_.size(); ++i) news.bytes += pieces_[i];
  return news;
}

}  // namespace hearth::server
