#include "text/tool_call_head.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

namespace hearth::text {
namespace {

using State = ToolCallHead::State;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Ends the reading: the text is too short to say, or it is no call.
struct Stop {
  State state;
};

class HeadReader {
 public:
  HeadReader(std::string_view text, std::size_t begin, const std::vector<std::string>& names, bool is_strict)
      : text_(text), at_(begin), names_(names), is_strict_(is_strict) {}

  void read(ToolCallForm form) {
    if (form == ToolCallForm::kFunctionTag) {
      set_name(std::string(until('>')));
      return expect_object();
    }
    if (form == ToolCallForm::kFence) skip_word();
    if (form == ToolCallForm::kMistral && !is_strict_ && peek() != '[' && peek() != '{')
      return read_mistral_name();
    if (peek() == '[') ++at_;
    expect('{');
    head_.open_objects = 1;
    if (peek() == '{') {  // as the template of Qwen2.5 writes it in its example, and the model after it
      ++at_;
      ++head_.open_objects;
    }
    if (is_strict_)
      read_strict_members();
    else
      read_members();
  }
  ToolCallHead take() {
    head_.end = at_;
    head_.state = State::kFound;
    return std::move(head_);
  }

 private:
  char peek() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return next();
  }
  char next() const {
    if (at_ == text_.size()) throw Stop{State::kMore};
    return text_[at_];
  }
  void expect(char c) {
    if (peek() != c) throw Stop{State::kNone};
    ++at_;
  }
  void expect_object() {
    if (peek() != '{') throw Stop{State::kNone};
  }
  std::string_view until(char c) {
    const std::size_t end = text_.find(c, at_);
    if (end == std::string_view::npos) throw Stop{State::kMore};
    const std::string_view found = text_.substr(at_, end - at_);
    at_ = end + 1;
    return found;
  }
  // The language behind a fence.
  void skip_word() {
    while (std::isalnum(static_cast<unsigned char>(next())) != 0 || next() == '_') ++at_;
  }
  // NAME{...}, NAME[ARGS]{...}, NAME[CALL_ID]ID[ARGS]{...}
  void read_mistral_name() {
    const std::size_t begin = at_;
    while (next() != '{' && next() != '[') ++at_;
    set_name(std::string(text_.substr(begin, at_ - begin)));
    while (next() == '[') {
      const std::string_view mark = (++at_, until(']'));
      if (mark == "CALL_ID")
        while (next() != '[') ++at_;
      else if (mark != "ARGS")
        throw Stop{State::kNone};
    }
    expect_object();
  }
  void set_name(std::string name) {
    name.erase(std::find_if_not(name.rbegin(), name.rend(), is_space).base(), name.end());
    if (std::ranges::find(names_, name) == names_.end()) throw Stop{State::kNone};
    head_.name = std::move(name);
  }
  std::string string() {
    expect('"');
    const std::size_t begin = at_ - 1;
    for (; next() != '"'; ++at_)
      if (text_[at_] == '\\') {
        ++at_;
        next();
      }
    ++at_;
    const auto parsed = nlohmann::json::parse(text_.substr(begin, at_ - begin), nullptr, false);
    if (!parsed.is_string()) throw Stop{State::kNone};
    return parsed.get<std::string>();
  }

  void read_members() {
    for (;;) {
      const std::string key = string();
      expect(':');
      if (key == "name") {
        set_name(string());
        if (head_.arguments) return;
      } else if (key == "function" && peek() == '{') {
        ++at_;
        ++head_.open_objects;
        continue;
      } else if (key == "function") {
        set_name(string());
      } else if (key == "arguments" || key == "parameters") {
        if (read_arguments()) return;
      } else if (key == "type" || key == "id") {
        string();
      } else {
        throw Stop{State::kNone};
      }
      if (peek() == '}' && !head_.name.empty()) {  // a call without arguments
        head_.arguments = "{}";
        return;
      }
      expect(',');
    }
  }
  void read_strict_members() {
    expect_literally({"\"name\""});
    expect(':');
    set_name(string());
    expect(',');
    expect_literally({"\"arguments\"", "\"parameters\""});
    expect(':');
    expect_object();
  }
  void expect_literally(std::initializer_list<std::string_view> texts) {
    peek();
    const std::string_view rest = text_.substr(at_);
    for (const std::string_view text : texts) {
      if (text.starts_with(rest)) throw Stop{State::kMore};
      if (!rest.starts_with(text)) continue;
      at_ += text.size();
      return;
    }
    throw Stop{State::kNone};
  }

  // Whether that was all: not where the name is yet to come.
  bool read_arguments() {
    if (peek() == '"') {
      head_.arguments = string();
    } else if (head_.name.empty()) {
      expect_object();
      const std::size_t size = BracketScanner().find_end(text_.substr(at_));
      if (size == std::string_view::npos) throw Stop{State::kMore};
      head_.arguments = std::string(text_.substr(at_, size));
      at_ += size;
    } else {
      expect_object();
      return true;
    }
    return !head_.name.empty();
  }

  std::string_view text_;
  std::size_t at_;
  const std::vector<std::string>& names_;
  bool is_strict_;
  ToolCallHead head_;
};

}  // namespace

ToolCallHead read_tool_call_head(std::string_view text, std::size_t begin, ToolCallForm form,
                                 const std::vector<std::string>& names, bool is_strict) {
  HeadReader reader(text, begin, names, is_strict);
  try {
    reader.read(form);
  } catch (const Stop& stop) {
    return {.state = stop.state, .name = {}};
  }
  return reader.take();
}

std::size_t BracketScanner::find_end(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string_) {
      if (!std::exchange(is_escaped_, false)) {
        is_escaped_ = c == '\\';
        in_string_ = c != '"';
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      if (--depth_ <= 0) return i + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace hearth::text
