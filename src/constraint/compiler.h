// Constraints as requests ask for them, compiled for one vocabulary and remembered.
//
// Ownership: keeps the tokenizer's bytes, from the first constraint on. Thread-safety: safe from any thread;
// one compiles at a time. Errors: those of constraint/json_schema.h and constraint/gbnf.h.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "constraint/matcher.h"
#include "text/thinking.h"

namespace hearth::constraint {

struct Source {
  enum class Kind { kJsonSchema, kGbnf } kind;
  std::string text;
  std::optional<text::Thinking> thinking = {};  // what may, or has to, stand before
  bool operator==(const Source&) const = default;
};

inline constexpr std::size_t kLongestSchema = std::size_t{1} << 20;  // bytes
inline constexpr std::size_t kRememberedConstraints = 32;

class Compiler {
 public:
  // `vocabulary`: of the model's logits. The tokenizer has to outlive this.
  Compiler(const text::Tokenizer& tokenizer, std::size_t vocabulary)
      : tokenizer_(tokenizer), size_(vocabulary) {}

  std::shared_ptr<const Constraint> compile(const Source& source);

 private:
  const text::Tokenizer& tokenizer_;
  const std::size_t size_;
  std::mutex mutex_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  struct Known {
    Source source;
    std::shared_ptr<const Constraint> constraint;
  };
  std::list<Known> known_;  // the last used first
};

}  // namespace hearth::constraint
