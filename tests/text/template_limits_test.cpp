// Hostile templates end in an Error that names the line or the limit; nothing outside can be reached.
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "text/template_data.h"

namespace hearth::text {
namespace {

using test::expect_error;

void run(const std::string& source, TemplateLimits limits = {}) {
  ChatTemplate::Options options;
  options.limits = limits;
  ChatTemplate::parse(source, options).render_as_given(user_says("hello"));
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(TemplateLimits, SyntaxErrorsNameTheLine) {
  const auto corrupt = [](std::initializer_list<std::string_view> parts, const std::string& source) {
    expect_error(ErrorKind::kCorruptData, parts, [&] { run(source); });
  };
  corrupt({"line 3", "'endif'"}, "a\n{% if true %}\nb");
  corrupt({"line 2", "nope"}, "\n{% nope %}");
  corrupt({"line 2", "'}}'"}, "\n{{ 1 2 }}");
  corrupt({"line 4", "string is not closed"}, "a\nb\nc\n{{ 'x }}");
  corrupt({"line 2", "comment"}, "\n{# a\nb");
  corrupt({"line 1", "'?'"}, "{{ a ? b }}");
  corrupt({"line 1", "expected ']'"}, "{{ [1) }}");
  corrupt({"line 2", "no filter 'nope'"}, "\n{{ 1|nope }}");
  corrupt({"line 2", "no test 'nope'"}, "\n{{ 1 is nope }}");
  corrupt({"line 1", "'break' outside a loop"}, "{% break %}");
  expect_error(ErrorKind::kCorruptData, {"UTF-8"}, [] { run("\xff"); });
}

TEST(TemplateLimits, RunTimeErrorsNameTheLine) {
  const auto fails = [](std::initializer_list<std::string_view> parts, const std::string& source) {
    expect_error(ErrorKind::kInvalidArgument, parts, [&] { run(source); });
  };
  fails({"line 3", "'nope' is undefined"}, "a\n\n{{ nope.x }}");
  fails({"line 2", "has no attribute 'y'"}, "\n{{ messages[0].y.z }}");
  fails({"line 2", "'str'", "'int'"}, "\n{{ 'a' + 1 }}");
  fails({"line 4", "division by zero"}, "{% macro f() %}\n\n\n{{ 1 / 0 }}{% endmacro %}\n{{ f() }}");
}

TEST(TemplateLimits, ARaisedExceptionIsTheTemplatesOwnMessage) {
  const auto error = test::error_of([] { run("\n{{ raise_exception('roles must alternate') }}"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message(), "roles must alternate");
  EXPECT_EQ(error->info().name, "invalid_argument");
  EXPECT_EQ(error->field(), "messages");
  EXPECT_NE(error->hint().find("line 2"), std::string::npos);
}

TEST(TemplateLimits, NothingOutsideCanBeReached) {
  for (const char* tag : {"include 'x'", "import 'x' as y", "from 'x' import y", "extends 'x'", "block x"}) {
    expect_error(ErrorKind::kUnsupported, {"not supported"}, [&] { run("{% " + std::string(tag) + " %}"); });
  }
  for (const char* expression :
       {"''.__class__.__mro__", "messages.__class__.x", "range.__globals__.x", "messages[0].pop('content')",
        "messages.append(1)", "self.x", "cycler.__init__.x"}) {
    expect_error(ErrorKind::kInvalidArgument, {}, [&] { run("{{ " + std::string(expression) + " }}"); });
  }
}

TEST(TemplateLimits, DeepSyntaxIsRefused) {
  const auto too_deep = [](const std::string& source) {
    expect_error(ErrorKind::kCorruptData, {"200"}, [&] { run(source); });
  };
  constexpr int kMany = 20'000;
  too_deep("{{ " + repeated("(", kMany) + "1" + repeated(")", kMany) + " }}");
  too_deep("{{ " + repeated("[", kMany) + repeated("]", kMany) + " }}");
  too_deep("{{ " + repeated("{1:", kMany) + "1" + repeated("}", kMany) + " }}");
  too_deep("{{ " + repeated("-", kMany) + "1 }}");
  too_deep("{{ " + repeated("not ", kMany) + "1 }}");
  too_deep("{{ 1" + repeated(" + 1", kMany) + " }}");
  too_deep("{{ 1" + repeated(" and 1", kMany) + " }}");
  too_deep("{{ 1" + repeated(" ** 1", kMany) + " }}");
  too_deep("{{ a" + repeated(".a", kMany) + " }}");
  too_deep("{{ a" + repeated("|trim", kMany) + " }}");
  too_deep("{{ a" + repeated("()", kMany) + " }}");
  too_deep("{{ a" + repeated(" if a else a", kMany) + " }}");
  too_deep("{{ a" + repeated("[a", kMany) + repeated("]", kMany) + " }}");
  too_deep(repeated("{% if 1 %}", kMany) + repeated("{% endif %}", kMany));
  too_deep(repeated("{% for x in y %}", kMany));
  too_deep("{% set " + repeated("(", kMany) + "x");
  EXPECT_NO_THROW(run("{{ 1" + repeated(" ~ 1", 5000) + " }}"));
  EXPECT_NO_THROW(run("{{ 1 " + repeated(" < 1", 5000) + " }}"));
}

TEST(TemplateLimits, EndlessWorkIsStopped) {
  const auto stopped = [](std::initializer_list<std::string_view> parts, const std::string& source) {
    SCOPED_TRACE(source);
    TemplateLimits limits;
    limits.steps = 2'000'000;
    limits.memory_bytes = std::size_t{64} << 20;
    expect_error(ErrorKind::kInvalidArgument, parts, [&] { run(source, limits); });
  };
  stopped({"steps"}, "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}");
  stopped({"nested evaluations"}, "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}");
  stopped({"nested evaluations"},
          "{% macro f(x) %}{% call f(1) %}{{ caller() }}{% endcall %}{% endmacro %}{{ f(1) }}");
  stopped({"nested evaluations"}, "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}");
  stopped({"items in a range"}, "{{ range(100001) }}");
  stopped({"range"}, "{{ range(1, 2 ** 126, 1) }}");
  stopped({"repetition"}, "{{ 'a' * 100000000000 }}");
  stopped({"repetition"}, "{{ [1] * 100000000000 }}");
  stopped({"bytes in one string"}, "{{ ('a' * 10000)|replace('a', 'b' * 10000) }}");
  stopped({"bytes in one string"}, "{{ ('a' * 10000)|list|join('b' * 10000) }}");
  stopped({"bytes in one string"}, "{% for x in range(100000) %}{{ 'a' * 10000 }}{% endfor %}");
  stopped(
      {"bytes in one string"},
      "{% set ns = namespace(s='ab') %}{% for x in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}");
  stopped({"repetition"}, "{{ 'a'.center(100000000) }}");
  stopped({"width"}, "{{ '%100000000s' % 'a' }}");
  stopped({"width"}, "{{ '{:100000000}'.format('a') }}");
  stopped({"repetition"}, "{{ 'a\nb'|indent(1000000000) }}");
  stopped({"bytes in one string"}, "{{ ('\t' * 100000).expandtabs(100000) }}");
  stopped({"128 bits"}, "{{ 10 ** 100 }}");
  stopped({"bytes of values"},
          "{% set ns = namespace(l=[]) %}{% for x in range(10000) %}{% set ns.l = ns.l + ['a' * 100000] %}{% "
          "endfor %}");
  stopped({"nested values"},
          "{% set ns = namespace(l=[]) %}{% for x in range(10000) %}{% set ns.l = [ns.l] %}{% endfor %}");
  stopped({"nested values"},
          "{% set ns = namespace(l='a') %}{% for x in range(10000) %}{% set ns.l = ns.l|map('upper') %}{% "
          "endfor %}");
  stopped(
      {"parts in one value"},
      "{% set ns = namespace(l=[1]) %}{% for x in range(200) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}");
  stopped({"nested evaluations"}, "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}");
}

TEST(TemplateLimits, TimeIsLimited) {
  TemplateLimits limits;
  limits.steps = std::size_t(-1) / 2;
  limits.time = std::chrono::milliseconds(50);
  expect_error(ErrorKind::kDeadlineExceeded, {"50 ms"}, [&] {
    run("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", limits);
  });
}

TEST(TemplateLimits, LongChainsOfNamespacesAndClosuresAreTakenApart) {
  // Each would overflow the stack if its parts were destroyed inside each other.
  EXPECT_NO_THROW(
      run("{% set ns = namespace(p=none) %}{% for x in range(20000) %}{% set n = namespace(p=ns.p) %}"
          "{% set ns.p = n %}{% endfor %}"));
  EXPECT_NO_THROW(
      run("{% set ns = namespace(p=none) %}{% macro make(old) %}{% macro inner() %}{{ old }}{% endmacro %}"
          "{% set ns.p = inner %}{% endmacro %}{% for x in range(20000) %}{{ make(ns.p) }}{% endfor %}"));
  EXPECT_NO_THROW(run("{% for x in [1, 2] %}{{ loop.changed(loop) }}{% endfor %}"));
}

TEST(TemplateLimits, LargeSourcesAndDeepRequestsAreRefused) {
  expect_error(ErrorKind::kPayloadTooLarge, {"1048576"}, [] { run(std::string((1 << 20) + 1, 'a')); });
  ChatRequest request = user_says("x");
  nlohmann::ordered_json deep = 1;
  for (int i = 0; i < 300; ++i) deep = nlohmann::ordered_json::array({std::move(deep)});
  request.variables = {{"deep", std::move(deep)}};
  expect_error(ErrorKind::kInvalidArgument, {"256", "nested"},
               [&] { ChatTemplate::parse("x").render_as_given(request); });
}

}  // namespace
}  // namespace hearth::text
