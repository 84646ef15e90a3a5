// What one rendering may use and has used, and the only maker of strings and containers, so that every limit
// is held in one place. Also knows the line being executed, for messages. Thread-safety: one rendering, one
// thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/template/limits.h"
#include "text/template/value.h"

namespace hearth::text::jinja {

class Runtime {
 public:
  Runtime(const TemplateLimits& limits, std::chrono::local_seconds now);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const TemplateLimits& limits() const { return limits_; }
  std::chrono::local_seconds now() const { return now_; }
  int line() const { return line_; }
  void set_line(int line) { line_ = line; }

  // Counts work; throws when the steps or the time are used up.
  void step(std::size_t work = 1);
  // Throws unless a string of that many bytes is allowed.
  void check_string_bytes(std::size_t bytes) const;
  // The product, checked as a string's bytes or a list's elements before anything is allocated.
  std::size_t check_product(std::size_t size, Integer count, std::size_t limit) const;

  Value string(TaggedText text, bool markup = false);
  Value string(std::string_view bytes, bool trusted);
  Value sequence(SequenceKind kind, std::vector<Value> items);
  Value list(std::vector<Value> items) { return sequence(SequenceKind::kList, std::move(items)); }
  Value tuple(std::vector<Value> items) { return sequence(SequenceKind::kTuple, std::move(items)); }
  Value range(Integer start, Integer stop, Integer step);
  Value dictionary(Dictionary dictionary);
  Value generator(const Value& source, std::function<bool(Value&)> next);
  Value name_space();
  static Value undefined(std::string message);
  static Value function(std::string name, std::function<Value(Runtime&, Arguments)> call);

  // Runs `clean_up` when the rendering ends. For what may refer to itself in a circle: the closure keeps such
  // an object alive until then and empties it, so that no chain of them is ever destroyed recursively.
  void at_end(std::function<void()> clean_up);

  // Python's dictionary keys; fails for a list or dict.
  std::string hash_key(const Value& value);

  // An error of the request or the template, at the current line.
  [[noreturn]] void fail(std::string_view message) const;
  [[noreturn]] void fail_undefined(const Value& value) const;

  // One more level of nested evaluation while it lives.
  class Nesting {
   public:
    explicit Nesting(Runtime& runtime);
    ~Nesting() { --runtime_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Runtime& runtime_;
  };

 private:
  void check_extent(const Extent& extent) const;
  MemoryCharge charge(std::size_t bytes);
  [[noreturn]] void fail_limit(std::string_view what, std::size_t limit) const;

  const TemplateLimits& limits_;
  std::chrono::local_seconds now_;
  std::chrono::nanoseconds deadline_;  // of this thread's processor time: a busy machine fails no request
  std::size_t memory_used_ = 0;
  std::size_t steps_ = 0;
  std::size_t next_clock_check_ = 0;
  int nesting_ = 0;
  int line_ = 1;

  std::vector<std::function<void()>>
      clean_ups_;  // last, so that it goes first: values give their memory back
};

}  // namespace hearth::text::jinja
