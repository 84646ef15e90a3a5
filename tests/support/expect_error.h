// Asserting that a call throws a hearth::Error of one kind whose message names what it should.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hearth::test {

// The error that `function` throws; nothing, and a test failure, where it throws none.
template <typename Function>
std::optional<Error> error_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no hearth::Error was thrown";
  return std::nullopt;
}

// `function` throws an Error of `kind`, and what() holds every one of `parts`.
template <typename Function>
void expect_error(ErrorKind kind, std::initializer_list<std::string_view> parts, Function&& function) {
  const std::optional<Error> error = error_of(function);
  if (!error) return;
  EXPECT_EQ(error->info().name, error_kind_info(kind).name) << error->what();
  for (const std::string_view part : parts)
    EXPECT_NE(std::string_view(error->what()).find(part), std::string_view::npos)
        << "'" << error->what() << "' does not say '" << part << "'";
}

}  // namespace hearth::test
