// One answer while it is given and afterwards, for everybody who asked for it: each reads it from its
// beginning, at its own pace, and the bytes are the same for all.
//
// Who computes it writes here and waits for nobody; it goes on as long as anybody listens. What is written is
// bounded by the answer's own length, and wiped when the last one lets go. Thread-safety: all functions are
// safe from any thread.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/network/http_message.h"
#include "server/serving/generation_meter.h"

namespace hearth::server {

class RecordedAnswer {
 public:
  ~RecordedAnswer();

  struct Head {
    unsigned status = 200;
    HeaderList headers;
    bool is_stream = false;
  };

  // For who computes it. `wake` is called when nobody listens any more, or when the server is to end.
  void computed_by(std::function<void()> wake);
  bool is_abandoned() const;
  bool must_end() const;
  void set_meter(std::shared_ptr<const GenerationMeter> meter);
  void begin(Head head);
  void add(std::string_view bytes);
  // `failure`: null where there was none.
  void end(std::exception_ptr failure);
  // It ended, as a whole and well: what may be given again.
  bool is_good() const;
  std::size_t bytes() const;

  // For who listens; `wake` is called when there is news. Nothing where the answer was given up already, or
  // ended badly.
  std::optional<std::size_t> join(std::function<void()> wake);
  void leave(std::size_t listener);
  void ask_to_end();
  struct News {
    std::optional<Head> head;  // once it has begun
    std::string bytes;         // from `from` on
    std::size_t next;          // where to go on
    bool is_ended;
    std::exception_ptr failure;
    std::shared_ptr<const GenerationMeter> meter;
  };
  News since(std::size_t from) const;

 private:
  // With the lock:
  void tell();
  bool has_ended_well() const;

  mutable std::mutex mutex_;  // guards what follows
  std::function<void()> wake_computer_;
  std::map<std::size_t, std::function<void()>> listeners_;
  std::size_t joined_ = 0;
  std::optional<Head> head_;
  std::vector<std::string> pieces_;
  std::size_t bytes_ = 0;
  bool is_ended_ = false, is_abandoned_ = false, must_end_ = false;
  std::exception_ptr failure_;
  std::shared_ptr<const GenerationMeter> meter_;
};

}  // namespace hearth::server
