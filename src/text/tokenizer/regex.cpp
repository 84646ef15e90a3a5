#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/tokenizer/regex.h"

#include <pcre2.h>

#include <array>
#include <chrono>
#include <string>

#include "base/c_object.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"

namespace hearth::text {
namespace {

constexpr std::size_t kMaximumPatternBytes = 16 * 1024;
// At one place of the text: enough to backtrack once over 10 MB; a runaway pattern ends here after a tenth of
// a second.
constexpr std::uint32_t kMatchLimit = 10'000'000;
// On one piece of text: a hundred times what the patterns in use need.
constexpr std::chrono::seconds kLeastTime{2};
constexpr std::chrono::microseconds kTimePerByte{5};
constexpr std::uint32_t kHeapLimitKibibytes = 64 * 1024;
constexpr std::size_t kJitStackBytes = std::size_t{8} << 20;

// Unicode White_Space: PCRE2's own \s would have U+180E too, which Oniguruma's has not.
constexpr std::string_view kWhiteSpaceItems =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

std::string translate(std::string_view pattern) {
  std::string out;
  bool in_brackets = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char escaped = pattern[++i];
      if (escaped == 's')
        out.append(in_brackets ? "" : "[").append(kWhiteSpaceItems).append(in_brackets ? "" : "]");
      else if (escaped == 'S' && !in_brackets)
        out.append("[^").append(kWhiteSpaceItems).append("]");
      else if (escaped == 'h')
        out.append(in_brackets ? "0-9a-fA-F" : "[0-9a-fA-F]");
      else
        out.append({c, escaped});
      continue;
    }
    if (c == '[') in_brackets = true;
    if (c == ']') in_brackets = false;
    out.push_back(c);
  }
  return out;
}

using Code = CObject<pcre2_code, pcre2_code_free>;
using MatchData = CObject<pcre2_match_data, pcre2_match_data_free>;
using MatchContext = CObject<pcre2_match_context, pcre2_match_context_free>;
using JitStack = CObject<pcre2_jit_stack, pcre2_jit_stack_free>;

std::string message_of(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

// What a thread needs to match; PCRE2 shares none of it between threads.
struct Workspace {
  MatchData data{pcre2_match_data_create(1, nullptr)};
  MatchContext context{pcre2_match_context_create(nullptr)};
  JitStack stack{pcre2_jit_stack_create(32 * 1024, kJitStackBytes, nullptr)};
  // The time spent on the text that is being searched.
  std::string_view text;
  std::chrono::steady_clock::duration spent{};

  Workspace() {
    if (!data || !context || !stack)
      throw Error(ErrorKind::kOutOfMemory, "no memory for a regular expression");
    pcre2_set_match_limit(context.get(), kMatchLimit);
    pcre2_set_heap_limit(context.get(), kHeapLimitKibibytes);
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
};

class RegexMatcher final : public Matcher {
 public:
  explicit RegexMatcher(std::string_view pattern) : pattern_(printable(pattern, 200)) {
    if (pattern.size() > kMaximumPatternBytes)
      throw Error(ErrorKind::kUnsupported,
                  fmt::format("a pattern of the tokenizer has {} bytes, at most {} are allowed",
                              pattern.size(), kMaximumPatternBytes));
    const std::string translated = translate(pattern);
    int error = 0;
    PCRE2_SIZE position = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                                  PCRE2_ANCHORED | PCRE2_NO_START_OPTIMIZE,
                              &error, &position, nullptr));
    if (!code_)
      throw Error(ErrorKind::kUnsupported, fmt::format("the tokenizer's pattern \"{}\" cannot be used: {}",
                                                       pattern_, message_of(error)));
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // where it fails, the interpreter serves
  }

  bool find(std::string_view text, std::size_t from, Match& match) const override {
    thread_local Workspace workspace;
    if (from == 0 || workspace.text.data() != text.data() || workspace.text.size() != text.size()) {
      workspace.text = text;
      workspace.spent = {};
    }
    const auto begin = std::chrono::steady_clock::now();
    const bool found = search(workspace, text, from, begin, match);
    workspace.spent += std::chrono::steady_clock::now() - begin;
    return found;
  }

 private:
  // Tries one place after the other, so that the time can be watched: the engine itself would try them all in
  // one call, each with the whole match limit.
  bool search(const Workspace& workspace, std::string_view text, std::size_t from,
              std::chrono::steady_clock::time_point begin, Match& match) const {
    for (std::size_t tries = 1;; ++tries) {
      if (match_at(workspace, text, from, match)) return true;
      if (from >= text.size()) return false;
      from += decode_utf8(text, from).bytes;
      if (tries % 64 == 0 && workspace.spent + (std::chrono::steady_clock::now() - begin) >
                                 kLeastTime + kTimePerByte * static_cast<std::int64_t>(text.size()))
        too_long("more time than any pattern in use needs");
    }
  }

  bool match_at(const Workspace& workspace, std::string_view text, std::size_t at, Match& match) const {
    const auto run = [&](std::uint32_t options) {
      return pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                         options | PCRE2_NO_UTF_CHECK, workspace.data.get(), workspace.context.get());
    };
    int result = run(0);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = run(PCRE2_NO_JIT);
    if (result == PCRE2_ERROR_NOMATCH) return false;
    if (result < 0) too_long(message_of(result));
    const PCRE2_SIZE* const ends = pcre2_get_ovector_pointer(workspace.data.get());
    match = {ends[0], ends[1]};
    return match.begin >= at && match.begin <= match.end;  // \K could turn them round
  }

  [[noreturn]] void too_long(std::string_view why) const {
    throw Error(ErrorKind::kUnsupported,
                fmt::format("the tokenizer's pattern \"{}\" takes too long on this text: {}", pattern_, why));
  }

  std::string pattern_;  // for messages
  Code code_;
};

}  // namespace

std::unique_ptr<const Matcher> make_regex_matcher(std::string_view pattern) {
  return std::make_unique<RegexMatcher>(pattern);
}

}  // namespace hearth::text
