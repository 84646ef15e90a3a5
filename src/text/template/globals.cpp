#include "text/template/globals.h"

#include <ctime>

#include "text/template/arguments.h"
#include "text/template/iteration.h"
#include "text/template/printing.h"

namespace hearth::text::jinja {
namespace {

constexpr auto kPositionalOnly = Parameters::Names::kPositionalOnly;

Value range(Runtime& runtime, Arguments arguments) {
  const Parameters given(runtime, "range", std::move(arguments), {"start", "stop", "step"}, 1,
                         kPositionalOnly);
  const Integer first = given.integer(0, 0);
  if (given.get(1) == nullptr) return runtime.range(0, first, 1);
  return runtime.range(first, given.integer(1, 0), given.integer(2, 1));
}

// dict(), dict(mapping), dict(pairs), and names in each case.
Dictionary dictionary_from(Runtime& runtime, std::string_view function, Arguments arguments) {
  if (arguments.positional.size() > 1) {
    runtime.fail(
        fmt::format("{} expected at most 1 argument, got {}", function, arguments.positional.size()));
  }
  Dictionary result;
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.dictionary() != nullptr) {
      for (const auto& [key, value] : source.dictionary()->entries()) {
        result.set(runtime.hash_key(key), key, value);
      }
    } else {
      for (const Value& item : collect(runtime, source)) {
        const std::vector<Value> pair = collect(runtime, item);
        if (pair.size() != 2) runtime.fail("dictionary update sequence elements must have length 2");
        result.set(runtime.hash_key(pair[0]), pair[0], pair[1]);
      }
    }
  }
  for (auto& [name, value] : arguments.named) result.set(TaggedText(name, true), std::move(value));
  return result;
}

Value dict(Runtime& runtime, Arguments arguments) {
  return runtime.dictionary(dictionary_from(runtime, "dict", std::move(arguments)));
}

Value name_space(Runtime& runtime, Arguments arguments) {
  const Value made = runtime.name_space();
  const Value attributes = runtime.dictionary(dictionary_from(runtime, "namespace", std::move(arguments)));
  for (const auto& [key, value] : attributes.dictionary()->entries()) {
    if (key.string() == nullptr) runtime.fail("the attributes of a namespace need names");
    const std::string& name = key.string()->text.bytes();
    if (name.starts_with('_')) runtime.fail("the attributes of a namespace cannot begin with an underscore");
    made.name_space()->set(name, value);
  }
  return made;
}

Value raise_exception(Runtime& runtime, Arguments arguments) {
  const Parameters given(runtime, "raise_exception", std::move(arguments), {"message"}, 1);
  throw Error(ErrorKind::kInvalidArgument, to_text(runtime, *given.get(0)).bytes(),
              fmt::format("raised by the model's chat template, line {}", runtime.line()))
      .with_field("messages");
}

// Python's strftime of a local time without a zone: the C library's, but %f, %z and %Z are Python's own.
std::string python_format(const std::string& format) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const bool directive = format[i] == '%' && i + 1 < format.size();
    const char kind = directive ? format[i + 1] : '\0';
    if (kind == 'f') out += "000000";
    if (kind == '%') out += "%%";
    if (kind != 'f' && kind != 'z' && kind != 'Z' && kind != '%') {
      out += format[i];
      continue;
    }
    ++i;
  }
  return out;
}

Value strftime_now(Runtime& runtime, Arguments arguments) {
  constexpr std::size_t kLongestDate = 4096;
  const Parameters given(runtime, "strftime_now", std::move(arguments), {"format"}, 1);
  // The calendar fields of a local time are those of the same count of seconds read as UTC.
  const std::time_t seconds = runtime.now().time_since_epoch().count();
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  // A mark at the end tells an empty date from one that does not fit.
  const std::string format = python_format(given.text(0).bytes()) + "|";
  std::string date(kLongestDate, '\0');
  const std::size_t length = std::strftime(date.data(), date.size(), format.c_str(), &fields);
  if (length == 0) runtime.fail("the format of strftime_now is too long");
  date.resize(length - 1);
  return runtime.string(date, false);
}

using GlobalFunction = Value (*)(Runtime&, Arguments);
struct Global {
  std::string_view name;
  GlobalFunction call;
};
constexpr Global kGlobals[] = {
    {"dict", dict},   {"namespace", name_space},      {"raise_exception", raise_exception},
    {"range", range}, {"strftime_now", strftime_now},
};

}  // namespace

std::optional<Value> find_global(std::string_view name) {
  for (const Global& global : kGlobals) {
    if (global.name == name) return Runtime::function(std::string(name), global.call);
  }
  return std::nullopt;
}

}  // namespace hearth::text::jinja
