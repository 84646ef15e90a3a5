#include "text/template/arguments.h"

#include <algorithm>

namespace hearth::text::jinja {

Parameters::Parameters(Runtime& runtime, std::string_view function, Arguments arguments,
                       std::initializer_list<std::string_view> names, std::size_t required, Names by_name)
    : runtime_(runtime), function_(function), values_(names.size()), given_(names.size()) {
  if (arguments.positional.size() > names.size()) {
    runtime.fail(fmt::format("{}() takes at most {} arguments ({} given)", function, names.size(),
                             arguments.positional.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = std::move(arguments.positional[i]);
    given_[i] = true;
  }
  for (auto& [name, value] : arguments.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end() || by_name == Names::kPositionalOnly) {
      runtime.fail(fmt::format("{}() got an unexpected keyword argument '{}'", function, name));
    }
    const auto i = static_cast<std::size_t>(found - names.begin());
    if (given_[i]) runtime.fail(fmt::format("{}() got multiple values for argument '{}'", function, name));
    values_[i] = std::move(value);
    given_[i] = true;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (!given_[i])
      runtime.fail(fmt::format("{}() is missing its argument '{}'", function, names.begin()[i]));
  }
}

Integer Parameters::integer(std::size_t i, Integer fallback) const {
  if (!given_[i]) return fallback;
  if (const auto value = values_[i].integer()) return *value;
  if (values_[i].is_undefined()) runtime_.fail_undefined(values_[i]);
  runtime_.fail(fmt::format("{}() needs an integer, not '{}'", function_, type_name(values_[i])));
}

const TaggedText& Parameters::text(std::size_t i) const {
  if (const String* string = values_[i].string()) return string->text;
  if (values_[i].is_undefined()) runtime_.fail_undefined(values_[i]);
  runtime_.fail(fmt::format("{}() needs a string, not '{}'", function_, type_name(values_[i])));
}

}  // namespace hearth::text::jinja
