// Small templates, one construct at a time and at random, against what jinja2 makes of them. The variable
// HEARTH_TEMPLATE_SEMANTICS names a further file of the same form, for long comparisons.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "text/template_data.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

void expect_equal(const Json& file, std::size_t at_least) {
  ChatRequest request;
  request.variables = file.at("variables");
  request.now = reference_time();
  // The sources of the reference see nothing but these variables; ChatRequest's own are null here and not
  // used.
  std::size_t texts = 0, failures = 0;
  for (const Json& one : file.at("cases")) {
    const std::string source = one.at("source");
    SCOPED_TRACE(source);
    if (one.contains("raises")) {
      ++failures;
      EXPECT_THROW(ChatTemplate::parse(source).render_as_given(request), Error) << one.at("why");
      continue;
    }
    ++texts;
    try {
      EXPECT_EQ(joined_text(ChatTemplate::parse(source).render_as_given(request)),
                one.at("text").get<std::string>());
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GE(texts + failures, at_least);
  EXPECT_GE(failures, at_least / 10);
}

TEST(TemplateSemantics, EqualJinja2) { expect_equal(template_json("semantics.json"), 600); }

TEST(TemplateSemantics, EqualJinja2AtLength) {
  const char* path = std::getenv("HEARTH_TEMPLATE_SEMANTICS");
  if (path == nullptr) GTEST_SKIP() << "HEARTH_TEMPLATE_SEMANTICS names no file";
  expect_equal(Json::parse(read_file(path)), 100);
}

}  // namespace
}  // namespace hearth::text
