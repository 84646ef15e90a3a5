#include "text/template/printing.h"

#include <array>
#include <charconv>
#include <cmath>

#include "text/template/letter_case.h"
#include "text/template/loop.h"

namespace hearth::text::jinja {
namespace {

std::string escaped(char32_t c) {
  if (c <= 0xFF) return fmt::format("\\x{:02x}", static_cast<unsigned>(c));
  if (c <= 0xFFFF) return fmt::format("\\u{:04x}", static_cast<unsigned>(c));
  return fmt::format("\\U{:08x}", static_cast<unsigned>(c));
}

std::string quoted(const TaggedText& text) {
  const bool has_single = text.bytes().find('\'') != std::string::npos;
  const bool has_double = text.bytes().find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  text.for_each_character([&](std::string_view bytes, char32_t c, bool) {
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += bytes;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += bytes;
    } else {
      out += escaped(c);
    }
  });
  out += quote;
  return out;
}

class Representer {
 public:
  explicit Representer(Runtime& runtime) : runtime_(runtime) {}

  void write(const Value& value) {
    const Runtime::Nesting nesting(runtime_);
    runtime_.step();
    runtime_.check_string_bytes(out_.size());
    if (const String* s = value.string()) {
      out_ += s->markup ? "Markup(" + quoted(s->text) + ")" : quoted(s->text);
    } else if (const Sequence* sequence = value.sequence()) {
      write_sequence(*sequence);
    } else if (const Dictionary* dictionary = value.dictionary()) {
      write_pairs(dictionary->entries(), [this](const Value& key) { write(key); });
    } else if (const Namespace* name_space = value.name_space()) {
      out_ += "<Namespace ";
      write_pairs(name_space->attributes, [this](const std::string& key) { out_ += quoted({key, false}); });
      out_ += ">";
    } else if (value.is_undefined()) {
      out_ += "Undefined";
    } else {
      out_ += to_text(runtime_, value).bytes();
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void write_sequence(const Sequence& sequence) {
    if (sequence.kind == SequenceKind::kRange) {
      const auto& [start, stop, step] = sequence.range;
      out_ += "range(" + integer_text(start) + ", " + integer_text(stop);
      out_ += step == 1 ? ")" : ", " + integer_text(step) + ")";
      return;
    }
    constexpr std::string_view kOpen[] = {"[", "(", "", "dict_keys([", "dict_values([", "dict_items(["};
    constexpr std::string_view kClose[] = {"]", ")", "", "])", "])", "])"};
    const auto kind = static_cast<std::size_t>(sequence.kind);
    out_ += kOpen[kind];
    for (std::size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) out_ += ", ";
      write(sequence.items[i]);
    }
    if (sequence.kind == SequenceKind::kTuple && sequence.items.size() == 1) out_ += ",";
    out_ += kClose[kind];
  }

  template <typename Pairs, typename WriteKey>
  void write_pairs(const Pairs& pairs, WriteKey write_key) {
    out_ += "{";
    bool first = true;
    for (const auto& [key, value] : pairs) {
      if (!first) out_ += ", ";
      first = false;
      write_key(key);
      out_ += ": ";
      write(value);
    }
    out_ += "}";
  }

  Runtime& runtime_;
  std::string out_;
};

}  // namespace

TaggedText to_text(Runtime& runtime, const Value& value) {
  if (const String* s = value.string()) return s->text;
  if (value.is_undefined()) return {};
  if (value.is_none()) return {"None", false};
  if (const bool* b = value.boolean()) return {*b ? "True" : "False", false};
  if (const double* real = value.real()) return {real_text(*real), false};
  if (const auto whole = value.integer()) return {integer_text(*whole), false};
  if (const Function* f = value.function()) {
    return {f->is_macro ? "<Macro '" + f->name + "'>" : "<function " + f->name + ">", false};
  }
  if (value.generator() != nullptr) return {"<generator object>", false};
  if (Loop* loop = value.loop()) {
    return {fmt::format("<LoopContext {}/{}>", loop->index0() + 1, loop->length()), false};
  }
  return {representation(runtime, value), false};
}

std::string representation(Runtime& runtime, const Value& value) {
  Representer representer(runtime);
  representer.write(value);
  return representer.take();
}

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                 std::chars_format::scientific);
  const std::string_view shortest(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (e > 2) digits += shortest.substr(2, e - 2);
  int exponent = 0;
  const char* exponent_begin = shortest.data() + e + (shortest[e + 1] == '+' ? 2 : 1);
  std::from_chars(exponent_begin, shortest.data() + shortest.size(), exponent);

  std::string text = std::signbit(value) ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    text += digits[0];
    if (digits.size() > 1) text += "." + digits.substr(1);
    return text + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return text + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole_digits = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole_digits)
    return text + digits + std::string(whole_digits - digits.size(), '0') + ".0";
  return text + digits.substr(0, whole_digits) + "." + digits.substr(whole_digits);
}

}  // namespace hearth::text::jinja
