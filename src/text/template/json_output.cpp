#include "text/template/json_output.h"

#include <algorithm>
#include <cmath>

#include "text/template/operators.h"
#include "text/template/printing.h"

namespace hearth::text::jinja {
namespace {

std::string real_as_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return real_text(value);
}

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonLayout& layout) : runtime_(runtime), layout_(layout) {}

  void write(const Value& value) {
    const Runtime::Nesting nesting(runtime_);
    runtime_.step();
    runtime_.check_string_bytes(out_.size());
    const Sequence* sequence = value.sequence();
    if (value.is_none()) {
      out_ += "null";
    } else if (const bool* boolean = value.boolean()) {
      out_ += *boolean ? "true" : "false";
    } else if (const auto whole = value.integer()) {
      out_ += integer_text(*whole);
    } else if (const double* real = value.real()) {
      out_ += real_as_json(*real);
    } else if (const String* string = value.string()) {
      write_string(string->text);
    } else if (const Dictionary* dictionary = value.dictionary()) {
      write_dictionary(*dictionary);
    } else if (sequence != nullptr &&
               (sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple)) {
      write_list(*sequence);
    } else {
      runtime_.fail(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void write_unit(unsigned unit) { out_ += fmt::format("\\u{:04x}", unit); }

  void write_string(const TaggedText& text) {
    out_ += '"';
    text.for_each_character([&](std::string_view bytes, char32_t c, bool) {
      constexpr std::string_view kFrom = "\"\\\n\r\t\b\f", kTo = "\"\\nrtbf";
      const std::size_t simple = c < 0x80 ? kFrom.find(static_cast<char>(c)) : std::string_view::npos;
      if (simple != std::string_view::npos) {
        out_ += '\\';
        out_ += kTo[simple];
      } else if (c < 0x20 || (layout_.ascii_only && c > 0x7E && c <= 0xFFFF)) {
        write_unit(c);
      } else if (layout_.ascii_only && c > 0xFFFF) {
        write_unit(0xD800 + ((c - 0x10000) >> 10));
        write_unit(0xDC00 + ((c - 0x10000) & 0x3FF));
      } else {
        out_ += bytes;
      }
    });
    out_ += '"';
  }

  void new_line() {
    if (!layout_.indent) return;
    out_ += '\n';
    for (int i = 0; i < level_; ++i) out_ += *layout_.indent;
    runtime_.check_string_bytes(out_.size());
  }

  template <typename Items, typename WriteItem>
  void write_items(char open, char close, const Items& items, WriteItem write_item) {
    out_ += open;
    if (!items.empty()) {
      ++level_;
      bool first = true;
      for (const auto& item : items) {
        if (!first) out_ += layout_.item_separator;
        first = false;
        new_line();
        write_item(item);
      }
      --level_;
      new_line();
    }
    out_ += close;
  }

  void write_list(const Sequence& list) {
    write_items('[', ']', list.items, [this](const Value& item) { write(item); });
  }

  void write_dictionary(const Dictionary& dictionary) {
    const auto write_entry = [this](const Dictionary::Entry& entry) {
      write_key(entry.first);
      out_ += layout_.key_separator;
      write(entry.second);
    };
    if (!layout_.sort_keys) {
      write_items('{', '}', dictionary.entries(), write_entry);
      return;
    }
    auto entries = dictionary.entries();
    std::stable_sort(entries.begin(), entries.end(), [this](const auto& a, const auto& b) {
      return less_or_fail(runtime_, a.first, b.first);
    });
    write_items('{', '}', entries, write_entry);
  }

  void write_key(const Value& key) {
    if (const String* string = key.string()) {
      write_string(string->text);
    } else if (key.is_none()) {
      out_ += "\"null\"";
    } else if (const bool* boolean = key.boolean()) {
      out_ += *boolean ? "\"true\"" : "\"false\"";
    } else if (const auto whole = key.integer()) {
      out_ += '"' + integer_text(*whole) + '"';
    } else if (const double* real = key.real()) {
      out_ += '"' + real_as_json(*real) + '"';
    } else {
      runtime_.fail(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
    }
  }

  Runtime& runtime_;
  const JsonLayout& layout_;
  std::string out_;
  int level_ = 0;
};

}  // namespace

std::string to_json(Runtime& runtime, const Value& value, const JsonLayout& layout) {
  JsonWriter writer(runtime, layout);
  writer.write(value);
  return writer.take();
}

}  // namespace hearth::text::jinja
