// A position in a template's tokens, and what the two halves of the parser share: nesting depth, the names of
// filters that do not exist, the special names that macros look at.
#pragma once

#include <string>
#include <vector>

#include "text/template/limits.h"
#include "text/template/token.h"

namespace hearth::text::jinja {

class TokenStream {
 public:
  TokenStream(std::vector<Token> tokens, const TemplateLimits& limits);

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  int line() const { return current().line; }
  Token take();
  bool skip_operator(const char* symbol);
  bool skip_name(const char* name);
  void expect_operator(const char* symbol);
  void expect(TokenKind kind, const char* what);
  std::string expect_name();
  // "unexpected X, expected `what`".
  [[noreturn]] void fail_expected(const char* what) const;

  const TemplateLimits& limits() const { return limits_; }

  // One more level of nested syntax while it lives.
  class Nesting {
   public:
    explicit Nesting(TokenStream& stream);
    ~Nesting() { --stream_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    TokenStream& stream_;
  };

  // jinja2 refuses an unknown filter or test when it compiles, except directly inside an `if`, where it may
  // never be reached. Unknown names are noted here; those in a conditional are dropped, those in a scope of
  // their own (loop, macro ...) are kept whatever is around it.
  struct Unknown {
    std::string message;
    int line;
    bool kept;
  };
  std::size_t unknown_count() const { return unknown_.size(); }
  void note_unknown(std::string message, int line) { unknown_.push_back({std::move(message), line, false}); }
  void drop_unknown_since(std::size_t count);
  void keep_unknown_since(std::size_t count);
  void fail_on_unknown() const;

  // Which of a macro's special variables the names read so far were.
  struct SpecialNames {
    bool caller = false, varargs = false, kwargs = false;
  };
  SpecialNames special_names;

 private:
  std::vector<Token> tokens_;
  const TemplateLimits& limits_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  std::vector<Unknown> unknown_;
};

}  // namespace hearth::text::jinja
