#include "text/template/token_stream.h"

#include <algorithm>

#include "base/error.h"
#include "text/template/lexer.h"

namespace hearth::text::jinja {
namespace {

std::string description(const Token& token) {
  switch (token.kind) {
    case TokenKind::kText:
      return "text";
    case TokenKind::kPrintBegin:
      return "'{{'";
    case TokenKind::kPrintEnd:
      return "'}}'";
    case TokenKind::kTagBegin:
      return "'{%'";
    case TokenKind::kTagEnd:
      return "'%}'";
    case TokenKind::kString:
      return "string";
    case TokenKind::kEnd:
      return "end of the template";
    default:
      return "'" + token.text + "'";
  }
}

}  // namespace

TokenStream::TokenStream(std::vector<Token> tokens, const TemplateLimits& limits)
    : tokens_(std::move(tokens)), limits_(limits) {}

Token TokenStream::take() {
  Token token = current();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::skip_operator(const char* symbol) {
  if (!current().is_operator(symbol)) return false;
  take();
  return true;
}

bool TokenStream::skip_name(const char* name) {
  if (!current().is_name(name)) return false;
  take();
  return true;
}

void TokenStream::expect_operator(const char* symbol) {
  if (!skip_operator(symbol)) fail_expected(fmt::format("'{}'", symbol).c_str());
}

void TokenStream::expect(TokenKind kind, const char* what) {
  if (current().kind != kind) fail_expected(what);
  take();
}

std::string TokenStream::expect_name() {
  if (current().kind != TokenKind::kName) fail_expected("a name");
  return take().text;
}

void TokenStream::fail_expected(const char* what) const {
  fail_syntax(line(), fmt::format("unexpected {}, expected {}", description(current()), what));
}

TokenStream::Nesting::Nesting(TokenStream& stream) : stream_(stream) {
  if (stream.nesting_ >= stream.limits_.syntax_depth) {
    fail_syntax(stream.line(), fmt::format("nested more than {} levels deep", stream.limits_.syntax_depth));
  }
  ++stream_.nesting_;
}

void TokenStream::drop_unknown_since(std::size_t count) {
  unknown_.erase(std::remove_if(unknown_.begin() + static_cast<std::ptrdiff_t>(count), unknown_.end(),
                                [](const Unknown& unknown) { return !unknown.kept; }),
                 unknown_.end());
}

void TokenStream::keep_unknown_since(std::size_t count) {
  for (std::size_t i = count; i < unknown_.size(); ++i) unknown_[i].kept = true;
}

void TokenStream::fail_on_unknown() const {
  if (!unknown_.empty()) fail_syntax(unknown_[0].line, unknown_[0].message);
}

}  // namespace hearth::text::jinja
