#include "text/template/filters.h"

namespace hearth::text::jinja {
namespace {

constexpr FilterEntry kUnsupported[] = {
    {"filesizeformat", nullptr}, {"groupby", nullptr},   {"pprint", nullptr},
    {"random", nullptr},         {"striptags", nullptr}, {"urlencode", nullptr},
    {"urlize", nullptr},         {"wordwrap", nullptr},  {"xmlattr", nullptr},
};

}  // namespace

const FilterEntry* find_filter(std::string_view name) {
  for (const auto table : {string_filters(), number_filters(), sequence_filters(), selection_filters(),
                           std::span<const FilterEntry>(kUnsupported)}) {
    for (const FilterEntry& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

Value apply_filter(Runtime& runtime, const FilterEntry* filter, std::string_view name, const Value& input,
                   Arguments arguments) {
  if (filter == nullptr) runtime.fail(fmt::format("there is no filter '{}'", name));
  if (filter->apply == nullptr) runtime.fail(fmt::format("the filter '{}' is not supported", name));
  runtime.step();
  return filter->apply(runtime, input, std::move(arguments));
}

}  // namespace hearth::text::jinja
