#include "constraint/json_schema.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "constraint/oracle.h"

namespace hearth::constraint {
namespace {

using json = nlohmann::ordered_json;

std::shared_ptr<const Constraint> compile(const std::string& schema) {
  static const auto vocabulary = test_vocabulary();
  return Constraint::create(json_schema_grammar(json::parse(schema)), vocabulary);
}

struct Case {
  const char* schema;
  std::vector<const char*> valid, invalid;
};

void check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const auto constraint = compile(one.schema);
    for (const char* text : one.valid) EXPECT_TRUE(admits(*constraint, text)) << one.schema << "\n" << text;
    for (const char* text : one.invalid)
      EXPECT_FALSE(admits(*constraint, text)) << one.schema << "\n" << text;
  }
}

Error refusal(const std::string& schema) {
  try {
    compile(schema);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "taken: " << schema.substr(0, 200);
  return Error(ErrorKind::kInternal, "");
}

TEST(JsonSchema, PatternsWithoutBoundsAreRefusedBeforeTheFirstToken) {
  for (const char* pattern : {".*a.{1000}", "^x{30}.*a.{1000}$", "(a|aa)*b.{500}"})
    EXPECT_EQ(refusal(json{{"type", "string"}, {"pattern", pattern}}.dump()).kind(), ErrorKind::kUnsupported)
        << pattern;
  for (const char* pattern :
       {".*a.{8}", "^[a-z0-9]{1,200}$", "^.{1000}$", "^([a-f0-9]{4}-){20}[a-f0-9]{4,64}$"})
    EXPECT_NO_THROW(random_text(*compile(json{{"type", "string"}, {"pattern", pattern}}.dump()),
                                *test_vocabulary(), 1, 40))
        << pattern;
}

// A walk at random that no end comes in sight of, but for the tokens that are left.
TEST(JsonSchema, TextsComeToTheirEndWithTheirTokens) {
  static const auto vocabulary = test_vocabulary();
  int closing = 0;
  for (const char* schema :
       {R"({"type":"array","items":{"type":"string"},"minItems":1})",
        R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{
            "name":{"type":"string","minLength":3},"age":{"type":"integer"}},"required":["name","age"]}},
            "b":{"enum":["hello","abc"]}},"required":["a","b"]})",
        R"({"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{"name":{"type":"string"},
            "a":{"type":"array","items":{"$ref":"#/$defs/t"}}},"required":["name"]}}})",
        R"({"type":"string","pattern":"^[a-z]+-[0-9]{4}$"})"}) {
    const auto constraint = compile(schema);
    for (unsigned seed = 0; seed < 8; ++seed) {
      std::mt19937 random(seed);
      constexpr std::int64_t kTokens = 900;
      Matcher matcher = constraint->start();
      std::string text;
      std::int64_t used = 0;
      for (; used < kTokens && !matcher.is_at_end(); ++used) {
        const TokensLeft left{kTokens - used, kTokens};
        const auto mask = matcher.mask(left);
        std::vector<TokenId> allowed;
        for (std::size_t t = 0; t < vocabulary->size(); ++t)
          if (const auto token = static_cast<TokenId>(t); mask->allows(token)) allowed.push_back(token);
        // One that closes nothing, as long as it has the choice.
        std::vector<TokenId> open = allowed;
        std::erase_if(open, [](TokenId token) {
          return vocabulary->bytes(token).find_first_of("\"]}") != std::string_view::npos;
        });
        if (!open.empty()) allowed = open;
        ASSERT_FALSE(allowed.empty()) << text;
        closing += matcher.is_closing(left) ? 1 : 0;
        const TokenId token = allowed[random() % allowed.size()];
        ASSERT_TRUE(matcher.accept(token)) << text;
        if (token == vocabulary->ends().front()) break;
        text += vocabulary->bytes(token);
      }
      EXPECT_TRUE(matcher.is_complete())
          << used << " " << text.substr(text.size() < 200 ? 0 : text.size() - 200);
      EXPECT_FALSE(json::parse(text, nullptr, false).is_discarded()) << text;
    }
    // Too few from the beginning: nothing is forced, and the end is cut.
    EXPECT_FALSE(constraint->start().is_closing({20, 20}));
  }
  EXPECT_GT(closing, 100);
}

TEST(JsonSchema, Types) {
  check({{"{}",
          {"1", "null", "[1,{}]", R"({"a":{"b":[]}})", "\"x\"", "-1.5e-3"},
          {"", "01", "tru", "[1,]", "{a:1}", " 1", "1 ", "-0"}},
         {R"({"type":"integer"})",
          {"0", "-12", "123456789012345678"},
          {"1.5", "\"1\"", "1e3", "1234567890123456789"}},
         {R"({"type":["string","null"]})", {"null", "\"\""}, {"1", "true"}},
         {R"({"type":"boolean"})", {"true", "false"}, {"\"true\"", "1"}},
         {R"({"enum":["a",1,null,[1,2],{"b":true}]})",
          {"\"a\"", "1", "null", "[1, 2]", R"({"b":true})"},
          {"\"b\"", "2", "[1]", "[]"}},
         {R"({"type":"string","enum":["a",1]})", {"\"a\""}, {"1"}},
         {R"({"const":1.5})", {"1.5", "1.50"}, {"1", "1.51"}},
         {R"({"const":"q\"\n"})", {R"("q\"\n")"}, {"\"q\""}},
         {R"({"not":{"type":"string"}})", {"1", "[]", "{}"}, {"\"a\""}},
         {R"({"type":"string","not":{"enum":["a","b"]}})", {"\"c\"", "\"ab\""}, {"\"a\"", "\"b\""}},
         {"true", {"1"}, {"1,"}}});
}

TEST(JsonSchema, Strings) {
  check({{R"({"type":"string","minLength":2,"maxLength":3})",
          {"\"ab\"", "\"\u4f60\u597d\u00e9\"", R"("\n\"")"},
          {"\"a\"", "\"abcd\"", R"("\n")"}},
         {R"({"type":"string","pattern":"^[a-z]+$","maxLength":4})",
          {"\"abcd\""},
          {"\"abcde\"", "\"\"", "\"A\""}},
         {R"({"type":"string","pattern":"b"})", {"\"abc\"", "\"b\""}, {"\"ac\""}},
         {R"({"format":"date"})",
          {"\"2024-02-29\"", "\"1999-12-31\"", "1"},
          {"\"2023-02-29\"", "\"2024-04-31\"", "\"2024-13-01\"", "\"1900-02-29\"", "\"0000-01-01\""}},
         {R"({"type":"string","format":"date-time"})",
          {"\"2024-01-31T23:59:59.123Z\"", "\"2024-01-31T00:00:00+05:30\""},
          {"\"2024-01-31 00:00:00Z\"", "\"2024-01-31T24:00:00Z\""}},
         {R"({"type":"string","format":"time"})", {"\"12:00:00Z\""}, {"\"12:00Z\"", "\"12:00:00\""}},
         {R"({"type":"string","format":"duration"})",
          {"\"P1Y2M3DT4H5M6S\"", "\"P2W\"", "\"PT36H\"", "\"P1D\""},
          {"\"P\"", "\"PT\"", "\"P1D2H\"", "\"P1Y2W\""}},
         {R"({"type":"string","format":"uuid"})",
          {"\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\""},
          {"\"2eb8aa08aa9811eab4aa73b441d16380\""}},
         {R"({"type":"string","format":"email"})",
          {"\"joe.bloggs@example.com\""},
          {"\"joe\"", "\".joe@example.com\"", "\"joe@-x\""}},
         {R"({"type":"string","format":"ipv4"})",
          {"\"192.168.0.255\""},
          {"\"256.1.1.1\"", "\"1.1.1\"", "\"01.1.1.1\""}},
         {R"({"type":"string","format":"ipv6"})",
          {"\"::\"", "\"::1\"", "\"fe80::1:2\"", "\"1:2:3:4:5:6:7:8\"", "\"1::\""},
          {"\"1:2\"", "\"1::2::3\"", "\"12345::\"", "\"1:2:3:4:5:6:7:8:9\""}},
         {R"({"type":"string","format":"uri"})",
          {"\"https://example.com:80/a/b?c=d#e\"", "\"urn:isbn:123\""},
          {"\"//a\"", "\"a b\"", "\"http://a b\""}},
         {R"({"type":"string","format":"regex"})",
          {R"("^a+\\.[0-9]?$")", "\"\""},
          {"\"a**\"", "\"(\"", "\"+\""}},
         {R"({"type":"string","format":"colour"})", {"\"anything\""}, {"1"}}});
}

// Every small number, against arithmetic.
TEST(JsonSchema, NumberBounds) {
  for (const double low : {-12.5, -1.0, -0.25, 0.0, 0.3, 7.0, 99.0}) {
    for (const double width : {0.0, 0.2, 3.0, 120.0}) {
      const double high = low + width;
      for (const bool exclusive : {false, true}) {
        const std::string names =
            exclusive ? R"("exclusiveMinimum":{},"exclusiveMaximum":{})" : R"("minimum":{},"maximum":{})";
        const std::string schema =
            "{\"type\":\"number\"," + fmt::format(fmt::runtime(names), low, high) + "}";
        std::shared_ptr<const Constraint> constraint;
        try {
          constraint = compile(schema);
        } catch (const Error& error) {
          EXPECT_TRUE(exclusive && width == 0.0) << schema << error.message();
          continue;
        }
        for (int i = -1500; i<23000; i += i> 1500 ? 77 : 7) {
          const double value = i / 100.0;
          const bool inside = exclusive ? value > low && value < high : value >= low && value <= high;
          std::string text = fmt::format("{}", value);
          if (text.ends_with(".0")) text.resize(text.size() - 2);
          if (text == "-0") text = "0";
          ASSERT_EQ(admits(*constraint, text), inside) << schema << " " << text;
        }
      }
    }
  }
}

TEST(JsonSchema, Numbers) {
  check({{R"({"type":"integer","minimum":-3,"maximum":12})",
          {"-3", "0", "12", "9"},
          {"-4", "13", "120", "-0", "1.0"}},
         {R"({"type":"integer","multipleOf":5,"minimum":1,"maximum":100})",
          {"5", "95", "100"},
          {"0", "7", "105"}},
         {R"({"type":"number","multipleOf":0.25})", {"0.25", "1.5", "-3"}, {"0.3", "0.125"}},
         {R"({"type":"number","minimum":1e3,"exclusiveMaximum":1.5e3})",
          {"1000", "1499.99"},
          {"999.9", "1500", "1e3"}},
         {R"({"minimum":5,"exclusiveMinimum":true})", {"5.1", "\"a\""}, {"5", "5.0"}},
         {R"({"type":"number","exclusiveMaximum":0})", {"-0.5", "-1"}, {"0", "0.0", "1"}}});
}

TEST(JsonSchema, Arrays) {
  check({{R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})",
          {"[1]", "[1,2,3]", "[\n  1,\n  2\n]"},
          {"[]", "[1,2,3,4]", "[\"a\"]", "[1,]"}},
         {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false})",
          {"[]", "[1]", "[1,\"a\"]"},
          {"[\"a\"]", "[1,\"a\",2]"}},
         {R"({"type":"array","items":[{"type":"integer"}],"additionalItems":{"type":"null"}})",
          {"[1,null,null]", "[]"},
          {"[1,1]"}},
         {R"({"type":"array","minItems":2})", {"[1,2]", "[{},[]]"}, {"[1]", "[]"}},
         {R"({"type":"array","maxItems":0})", {"[]", "[ ]"}, {"[1]"}},
         {R"({"type":"array","items":{"enum":["a","b","c"]},"uniqueItems":true,"minItems":2})",
          {R"(["c","a"])", R"(["a","b","c"])"},
          {R"(["a"])", R"(["a","a"])", R"(["a","b","c","a"])"}}});
}

TEST(JsonSchema, UniqueItems) {
  check(
      {{R"({"type":"array","items":{"type":"string"},"uniqueItems":true})",
        {"[]", R"(["a","ab", "b"])", R"(["","\""])"},
        {R"(["a","a"])", R"(["a","b", "a"])", R"(["",""])"}},
       {R"({"type":"array","items":{"type":"number"},"uniqueItems":true,"maxItems":3})",
        {"[1,2,1.5]", "[10]"},
        {"[1,1]", "[1,1.0]", "[1,1e0]", "[1,2,3,4]", "[123456789.1234567]"}},
       {R"({"type":"array","items":{"type":["boolean","null"]},"uniqueItems":true,"minItems":2})",
        {"[true,false]", "[null,true,false]"},
        {"[true]", "[true,true]", "[true,false,null,true]"}},
       {R"({"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"},"id":{"type":"string"}},"required":["id"]},"uniqueItems":true})",
        {R"([{"n":1,"id":"a"},{"n":1,"id":"b"}])", R"([{"id":"a"}])"},
        {R"([{"id":"a"},{"id":"a"}])", R"([{"n":1,"id":"a"},{"n":2,"id":"b"},{"id":"a"}])"}},
       {R"({"type":"array","items":{"anyOf":[{"type":"string"},{"type":"object","properties":{"k":{"type":"string"},"l":{"type":"array","items":{"type":"integer"},"uniqueItems":true}}}]},"uniqueItems":true})",
        {R"(["a",{"k":"b","l":[1,2]},{"k":"c","l":[2,1]}])"},
        {R"([{"k":"b","l":[1,1]}])", R"([{"k":"b"},{"k":"b"}])", R"([{"l":[]}])", R"(["a","a"])"}},
       {R"({"type":"array","items":{"type":"array","items":{"type":"boolean"},"uniqueItems":true}})",
        {"[[true],[true,false]]"},
        {"[[true,true]]"}},
       {R"({"type":"array","uniqueItems":true})",
        {R"([1,"a",null])", R"([[],[[1]],[[true]],{},{"a":1},{"a":true},{"a":{"b":[1,2]}}])",
         R"([[1],1,"[1]"])"},
        {"[1,1]", "[[],[]]", "[{},{}]", R"([{"a":1},2,{"a":1}])", "[[1],[1.0]]", R"([[1],[ 1]])",
         R"([{"a":1,"b":2}])", "[[[[[]]]]]"}},
       {R"({"type":"array","items":{"type":"array"},"uniqueItems":true,"minItems":2})",
        {"[[],[0]]"},
        {"[[]]", "[[0],[0]]"}}});
}

TEST(JsonSchema, Objects) {
  check(
      {{R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"],"additionalProperties":false})",
        {R"({"a":1,"b":"x"})", R"({"b":"x"})", "{\n\t\"a\": 1,\n\t\"b\": \"\"\n}"},
        {R"({"a":1})", "{}", R"({"b":"x","a":1})", R"({"b":"x","c":1})", R"({"b":"x","b":"x"})",
         R"({,"b":"x"})"}},
       {R"({"type":"object","properties":{"a":{"type":"integer"}}})",
        {"{}", R"({"a":1,"z":[]})", R"({"z":1,"zz":2})"},
        {R"({"a":"x"})", R"({"z":1,"a":"x"})"}},
       {R"({"type":"object","additionalProperties":{"type":"integer"},"minProperties":1,"maxProperties":2})",
        {R"({"x":1})", R"({"x":1,"y":2})"},
        {"{}", R"({"x":1,"y":2,"z":3})", R"({"x":""})"}},
       {R"({"type":"object","properties":{"a":{},"b":{},"c":{}},"additionalProperties":false,"minProperties":2,"maxProperties":2})",
        {R"({"a":1,"b":1})", R"({"a":1,"c":1})", R"({"b":1,"c":1})"},
        {R"({"a":1})", "{}", R"({"a":1,"b":1,"c":1})"}},
       {R"({"type":"object","patternProperties":{"^n_":{"type":"integer"},"_s$":{"type":"string"}},"additionalProperties":false})",
        {R"({"n_a":1,"x_s":""})", "{}"},
        {R"({"n_s":1})", R"({"a":1})", R"({"n_a":""})"}},
       {R"({"type":"object","properties":{"n_a":{"maximum":5}},"patternProperties":{"^n_":{"type":"integer"}}})",
        {R"({"n_a":5})"},
        {R"({"n_a":6})", R"({"n_a":"x"})"}},
       {R"({"type":"object","propertyNames":{"pattern":"^[a-z]{2}$"},"required":["ab"]})",
        {R"({"ab":1})", R"({"ab":1,"cd":2})"},
        {R"({"ab":1,"c":2})", "{}"}},
       {R"({"type":"object","properties":{"a b\"c":{"type":"null"}},"required":["a b\"c"],"additionalProperties":false})",
        {R"({"a b\"c":null})"},
        {R"({"a b":null})"}}});
}

TEST(JsonSchema, Combinations) {
  check(
      {{R"({"anyOf":[{"type":"string","maxLength":1},{"type":"integer","minimum":3}]})",
        {"\"a\"", "3"},
        {"\"ab\"", "2"}},
       {R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":3},"b":{"type":"null"}},"required":["b"],"additionalProperties":false}]})",
        {R"({"a":3,"b":null})"},
        {R"({"a":2,"b":null})", R"({"a":3})", R"({"a":3,"b":null,"c":1})"}},
       {R"({"oneOf":[{"type":"integer"},{"minimum":2}]})", {"1", "2.5", "\"a\""}, {"3", "3.0", "2", "3e0"}},
       {R"({"type":"string","oneOf":[{"minLength":2},{"maxLength":4}]})",
        {"\"a\"", "\"abcde\""},
        {"\"abc\""}},
       {R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"},"x":{"type":"integer"}},"required":["k","x"]},{"type":"object","properties":{"k":{"const":"b"},"y":{"type":"string"}},"required":["k","y"]}]})",
        {R"({"k":"a","x":1})", R"({"k":"b","y":""})"},
        {R"({"k":"a","y":""})", R"({"k":"c","x":1})"}},
       {R"({"type":"object","properties":{"a":{"type":"integer"}},"anyOf":[{"required":["a"]},{"maxProperties":0}],"additionalProperties":false})",
        {R"({"a":1})", "{}"},
        {R"({"a":""})"}}});
}

// A branch without `type` takes all values of the other types.
TEST(JsonSchema, OneOfCountsWhatBranchesDoNotSpeakOf) {
  check(
      {{R"({"oneOf":[{"properties":{"k":{"const":1}},"required":["k"]},{"properties":{"k":{"const":2}},"required":["k"]}]})",
        {R"({"k":1})", R"({"k":2})"},
        {"[]", "[1]", "1", "\"a\"", "{}"}},
       {R"({"oneOf":[{"type":"object","properties":{"k":{"enum":["a","b"]},"v":{}}},{"type":"object","properties":{"k":{"const":"c"}}}]})",
        {R"({"k":"a","v":1})", R"({"k":"c"})"},
        {"{}", R"({"v":1})"}},
       {R"({"oneOf":[{"type":"object","properties":{"a":{}},"additionalProperties":false},{"type":"object","properties":{"b":{"$ref":"#"}},"additionalProperties":false}]})",
        {R"({"a":1})", R"({"b":{"b":{"a":1}}})"},
        {"{}", R"({"b":{}})"}},
       {R"({"oneOf":[{"type":"object","required":["x"],"properties":{"x":{"$ref":"#"},"z":false}},{"type":"object","required":["x","z"],"properties":{"x":{"$ref":"#"}}},{"type":"null"}]})",
        {R"({"x":null})", R"({"x":{"x":null},"z":1})"},
        {"{}"}},
       {R"({"oneOf":[{"type":"object","required":["a"],"properties":{"a":{},"b":{}}},{"type":"object","required":["b"],"properties":{"a":{},"b":{}}},{"type":"object","required":["c"],"properties":{"a":{},"c":{}}}]})",
        {R"({"a":1})", R"({"b":1})", R"({"c":1})"},
        {R"({"a":1,"b":1})", R"({"a":1,"c":1})", R"({"b":1,"c":1})", "{}"}},
       {R"({"oneOf":[{"type":["array","integer"]},{"type":["array","string"]}]})",
        {"1", "\"a\""},
        {"[]", "[1]"}}});
}

TEST(JsonSchema, WhatHoldsWhereSomethingElseDoes) {
  check(
      {{R"({"type":"object","not":{"required":["a","b"]}})",
        {R"({"a":1})", R"({"b":1})", "{}"},
        {R"({"a":1,"b":1})"}},
       {R"({"type":"object","properties":{"k":{"enum":["x","y"]}},"not":{"properties":{"k":{"const":"x"}}}})",
        {R"({"k":"y"})"},
        {R"({"k":"x"})", "{}"}},
       {R"({"type":"object","properties":{"k":{},"v":{}},"if":{"properties":{"k":{"const":1}},"required":["k"]},"then":{"required":["v"]},"else":{"properties":{"v":false}}})",
        {R"({"k":1,"v":2})", R"({"k":2})", "{}"},
        {R"({"k":1})", R"({"k":2,"v":2})", R"({"v":1})"}},
       {R"({"if":{"type":"string"},"then":{"minLength":2},"else":{"type":"integer"}})",
        {"\"ab\"", "1"},
        {"\"a\"", "1.5", "[]"}},
       {R"({"type":"object","properties":{"a":{},"b":{},"c":{}},"dependentRequired":{"a":["b"]},"dependentSchemas":{"c":{"properties":{"b":{"type":"null"}}}}})",
        {"{}", R"({"a":1,"b":1})", R"({"b":null,"c":1})", R"({"b":1})"},
        {R"({"a":1})", R"({"b":1,"c":1})"}},
       {R"({"type":"object","properties":{"r":{"type":"integer"},"s":{"type":"integer"}},"oneOf":[{"required":["r"]},{"required":["s"]}]})",
        {R"({"r":1})", R"({"s":1})"},
        {R"({"r":1,"s":1})", "{}"}},
       {R"({"$defs":{"t":{"type":"object","properties":{"left":{"$ref":"#/$defs/t"},"leaf":{"type":"integer"}},"not":{"required":["left","leaf"]},"additionalProperties":false}},"$ref":"#/$defs/t"})",
        {R"({"left":{"leaf":1}})", "{}"},
        {R"({"left":{},"leaf":1})"}}});
}

TEST(JsonSchema, References) {
  check(
      {{R"({"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false}},"$ref":"#/$defs/node"})",
        {R"({"v":1,"next":{"v":2,"next":null}})"},
        {R"({"v":1})", R"({"v":1,"next":{"v":2}})"}},
       {R"({"type":"array","items":{"$ref":"#"}})", {"[]", "[[],[[]]]"}, {"[1]"}},
       {R"({"$defs":{"a/b~c":{"type":"integer"}},"$ref":"#/$defs/a~1b~0c"})", {"1"}, {"\"a\""}},
       {R"({"$defs":{"x":{"$anchor":"here","type":"integer"}},"$ref":"#here","minimum":3})", {"3"}, {"2"}},
       {R"({"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"x":{"type":"integer"}},"properties":{"p":{"$ref":"#/definitions/x","minimum":3}}})",
        {R"({"p":1})"},
        {R"({"p":""})"}}});
}

TEST(JsonSchema, Refusals) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"({"type":"array","contains":{"type":"integer"}})", "`contains`"},
      {R"({"type":"array","items":{"type":"array","minItems":1},"uniqueItems":true})", "`uniqueItems`"},
      {R"({"type":"array","items":{"type":"boolean"},"uniqueItems":true,"minItems":3})", "`minItems`"},
      {R"({"properties":{"a":{"contains":{}}}})", "#/properties/a: `contains`"},
      {R"({"unevaluatedProperties":false})", "`unevaluatedProperties`"},
      {R"({"$ref":"https://example.com/schema.json"})", "https://example.com/schema.json"},
      {R"({"type":"string","pattern":"(a)\\1"})", "a reference back"},
      {R"({"not":{"type":"object","minProperties":1}})", "`not` of objects"},
      {R"({"oneOf":[{"required":["a"]},{"required":["a","b"]}]})", "`oneOf` of objects"},
      {R"({"type":"object","minProperties":3})", "`minProperties`"},
  };
  for (const auto& [schema, named] : cases) {
    const Error error = refusal(schema);
    EXPECT_EQ(error.kind(), ErrorKind::kUnsupported) << schema;
    EXPECT_NE(error.message().find(named), std::string::npos) << error.message();
  }
  for (const char* schema :
       {"[]", "3", R"({"type":"thing"})", R"({"type":"string","minLength":-1})", R"({"anyOf":[]})",
        R"({"anyOf":3})", R"({"$ref":"#/nowhere"})", R"({"$ref":3})", R"({"properties":{"a":4}})", "false",
        R"({"type":"string","minLength":3,"maxLength":2})", R"({"type":"integer","minimum":3,"maximum":2})",
        R"({"enum":[]})", R"({"type":"string","enum":[1]})", R"({"multipleOf":0,"type":"number"})",
        R"({"required":["a"],"properties":{"a":false},"type":"object"})",
        R"({"type":"object","required":["a"],"properties":{"a":{"$ref":"#"}}})"})
    EXPECT_EQ(refusal(schema).kind(), ErrorKind::kInvalidArgument) << schema;
}

TEST(JsonSchema, MasksAreAsTokenByToken) {
  const auto vocabulary = test_vocabulary();
  for (
      const char* schema :
      {"{}",
       R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},"when":{"type":"string","format":"date-time"}},"required":["name"]})",
       R"({"type":"array","items":{"type":"string","maxLength":20,"minLength":3}})",
       R"({"type":"array","items":{"enum":["a","ab","hello",1]},"uniqueItems":true,"minItems":2})",
       R"({"type":"array","items":{"type":"string","pattern":"^(a|ab+)$"},"uniqueItems":true,"maxItems":4})",
       R"({"type":"array","items":{"properties":{"a":{"type":"string","maxLength":2}},"type":"object"},"uniqueItems":true})",
       R"({"type":"string","maxLength":60})", R"({"type":"string","minLength":50,"maxLength":70})",
       R"({"type":"string","minLength":30,"maxLength":44,"pattern":"[a-z]{3}"})",
       R"({"type":"string","pattern":"^[a-z]{30}[0-9]{26}[a-z]{24,40}$"})",
       R"({"anyOf":[{"type":"string","pattern":"^([a-c]{0,40}x)?[a-d]{0,30}$"},{"type":"string","maxLength":24}]})",
       R"({"type":"object","properties":{"hello":{},"name":{}},"propertyNames":{"maxLength":25},"minProperties":1})",
       R"({"type":"object","properties":{"hello":{},"name":{}},"minProperties":1})",
       R"({"type":"string","enum":["hello","a","abcdefghijklmnopqrstuvw","b"],"pattern":"a"})",
       R"({"anyOf":[{"type":"string","pattern":"^[ab]*c"},{"type":"object","additionalProperties":{"type":"number"}}]})"}) {
    const auto constraint = Constraint::create(json_schema_grammar(json::parse(schema)), vocabulary);
    for (unsigned seed = 0; seed < 4; ++seed) {
      const std::string text = random_text(*constraint, *vocabulary, seed, 80);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(JsonSchema, HostileSchemasAreRefusedSoon) {
  std::string deep = "{}";
  for (int i = 0; i < 100; ++i) deep = R"({"items":)" + deep + R"(,"type":"array"})";
  std::string alternatives = R"({"anyOf":[)", exponential = R"({"type":"object","allOf":[)";
  for (int i = 0; i < 12; ++i)
    exponential += fmt::format(
        "{}{{\"anyOf\":[{{\"minProperties\":{}}},{{\"maxProperties\":{}}},{{\"required\":[\"p{}\"]}}]}}",
        i ? "," : "", i, i + 20, i);
  exponential += "]}";
  std::string loop =
      R"({"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"},{"type":"null"}]},"b":{"anyOf":[{"$ref":"#/$defs/a"},{"type":"string"}]}},"$ref":"#/$defs/a"})";
  std::string chain = R"({"$defs":{)";
  for (int i = 0; i < 1000; ++i) chain += fmt::format(R"("d{}":{{"$ref":"#/$defs/d{}"}},)", i, i + 1);
  chain += R"("d1000":{}},"$ref":"#/$defs/d0"})";
  std::string groups = R"({"type":"string","pattern":")" + std::string(60'000, '(') + R"("})";
  std::string properties = R"({"type":"object","properties":{)", ifs = R"({"allOf":[)";
  for (int i = 0; i < 15'000; ++i) properties += fmt::format(R"({}"p{}":{{}})", i ? "," : "", i);
  for (int i = 0; i < 30; ++i)
    ifs +=
        fmt::format(R"({}{{"if":{{"required":["p{}"]}},"then":{{"required":["q{}"]}}}})", i ? "," : "", i, i);
  std::string tree = R"({"$defs":{"d60":{"type":"string"})";
  for (int i = 0; i < 60; ++i)
    tree +=
        fmt::format(R"(,"d{0}":{{"anyOf":[{{"$ref":"#/$defs/d{1}"}},{{"$ref":"#/$defs/d{1}"}}]}})", i, i + 1);
  std::string suffixes = R"({"type":"string","allOf":[)";
  for (int i = 0; i < 20; ++i)
    suffixes +=
        fmt::format(R"({}{{"pattern":"{}.{{{}}}$"}})", i ? "," : "", static_cast<char>('a' + i), i + 5);
  for (
      const std::string& schema :
      {exponential, chain, groups, properties + "}}", ifs + "]}", tree + R"(},"$ref":"#/$defs/d0"})",
       suffixes + "]}", std::string(R"({"type":"array","minItems":1000000000})"),
       std::string(R"({"type":"object","maxProperties":1000000000})"),
       std::string(R"({"type":"array","maxItems":400,"items":{"type":"integer","multipleOf":16777213}})"),
       std::string(
           R"({"type":"array","items":{"type":"string","pattern":"^[01]{20}$"},"uniqueItems":true,"minItems":100000})")})
    EXPECT_EQ(refusal(schema).kind(), ErrorKind::kUnsupported) << schema.substr(0, 100);
  EXPECT_TRUE(admits(*compile(loop), "null"));
  EXPECT_LT(json_schema_grammar(json::parse(deep)).nodes.size(), 10'000U);
  EXPECT_LT(json_schema_grammar(json::parse(R"({"type":"string","maxLength":1000000})")).expressions.size(),
            1000U);
}

// What costs nothing by its length costs nothing by its work: each limit ends it, whatever comes of it.
TEST(JsonSchema, WorkIsCounted) {
  ExpressionStore store;
  const Expression letter = store.byte_range('a', 'b');
  const Expression hard = store.sequence(store.repeat(letter, 0),
                                         store.sequence(store.literal("a"), store.repeat(letter, 30, 30)));
  store.allow_work(10'000);
  Expression left = hard;
  EXPECT_THROW(
      {
        for (int i = 0; i < 10'000; ++i) left = store.derivative(left, 'a');
      },
      Error);
  EXPECT_LT(store.size(), 10'000U);
  store.allow_work(100);
  EXPECT_THROW(store.spend(101), Error);
  EXPECT_THROW((store.allow_work(10'000), store.count(hard, 1'000'000'000'000)), Error);
}

// Whoever shares an automaton goes on with it after another one's work was too much.
TEST(Automaton, IsWholeWhereverItsWorkEnded) {
  ExpressionStore store;
  const Expression letter = store.byte_range('a', 'c'), end = store.literal("!");
  const Expression e = store.sequence(
      store.all_of({store.repeat(letter, 2, 40), store.complement(store.literal("abc"))}), end);
  const auto takes = [](Automaton& automaton, AutomatonState state, std::string_view text) {
    for (const char c : text) state = automaton.next(state, static_cast<std::uint8_t>(c));
    return automaton.is_final(state);
  };
  int failures = 0;
  for (int work = 0; work < 400; ++work) {
    Automaton automaton(store, 8);
    automaton.allow_work(work);
    try {
      const AutomatonState state = automaton.state_of(e);
      automaton.plain_characters(automaton.as_seen_ahead(state));
      for (const char* text : {"abc!", "abca!", "cc!"}) takes(automaton, state, text);
      automaton.loops(state);
    } catch (const Error&) {
      ++failures;
    }
    automaton.allow_work(kMostWork);
    const AutomatonState state = automaton.state_of(e);
    ASSERT_FALSE(takes(automaton, state, "abc!")) << work;
    ASSERT_TRUE(takes(automaton, state, "abca!") && takes(automaton, state, "ab!")) << work;
    ASSERT_FALSE(takes(automaton, state, "a!") || takes(automaton, state, "abca")) << work;
    ASSERT_EQ(automaton.plain_characters(state).count, 0);
  }
  EXPECT_GT(failures, 50);
}

TEST(Expression, CountsTexts) {
  ExpressionStore store;
  const Expression letters = store.repeat(store.byte_range('a', 'c'), 1, 3);
  EXPECT_EQ(store.count(letters, 100), 39U);
  EXPECT_EQ(store.count(letters, 10), 10U);
  EXPECT_EQ(store.count(ExpressionStore::kNothing, 5), 0U);
  EXPECT_EQ(store.count(ExpressionStore::kEverything, 1'000'000), 1'000'000U);
  EXPECT_EQ(store.count(store.all_of({letters, store.complement(store.literal("ab"))}), 100), 38U);
  store.tell_all_bytes_apart();
  EXPECT_EQ(store.count(letters, 100), 39U);
}

TEST(Expression, ManyRepetitionsAreAnyNumberToOneWhoLooksNotSoFar) {
  ExpressionStore store;
  const Expression letter = store.byte_range('a', 'c'), end = store.literal("!");
  const auto behind = [&](std::uint32_t least, std::uint32_t most) {
    return store.sequence(store.repeat(letter, least, most), end);
  };
  EXPECT_EQ(store.as_far_as(behind(0, 9), 8), store.sequence(store.repeat(letter, 0), end));
  EXPECT_EQ(store.as_far_as(behind(0, 300), 8), store.as_far_as(behind(0, 299), 8));
  EXPECT_EQ(store.as_far_as(behind(20, 300), 9), store.as_far_as(behind(19, 299), 9));
  EXPECT_EQ(store.as_far_as(behind(0, 9), 9), behind(0, 9));
  EXPECT_EQ(store.as_far_as(behind(9, 12), 12), behind(9, 12));
  EXPECT_FALSE(store.contains(store.as_far_as(store.repeat(letter, 20, 300), 9), "abcabcabc"));
  // What is in an intersection may end by what is far away.
  const Expression both = store.all_of({behind(0, 30), store.complement(behind(0, 20))});
  EXPECT_EQ(store.as_far_as(both, 8), both);
}

TEST(Expression, WhatMayFollowIsSeenWithoutDeriving) {
  ExpressionStore store;
  const Expression letter = store.byte_range('a', 'c'), wider = store.byte_range('a', 'd');
  const Expression any = store.repeat(wider, 0), end = store.literal("!");
  const auto may_follow = [&](Expression e, std::uint32_t times) {
    return store.may_follow(e, letter, times);
  };
  EXPECT_TRUE(may_follow(store.sequence(any, end), kUnlimited));
  EXPECT_TRUE(may_follow(ExpressionStore::kEverything, kUnlimited));
  EXPECT_FALSE(may_follow(store.sequence(end, any), 1));
  EXPECT_FALSE(may_follow(store.repeat(store.byte_range('b', 'c'), 0), 1));
  const Expression limited = store.sequence(store.repeat(wider, 4, 20), end);
  EXPECT_TRUE(may_follow(limited, 20));
  EXPECT_FALSE(may_follow(limited, 21));
  EXPECT_FALSE(may_follow(limited, kUnlimited));
  EXPECT_TRUE(may_follow(store.any_of({end, limited}), 20));
  EXPECT_TRUE(may_follow(store.sequence(store.optional(end), limited), 20));
  // A few texts that are missing are passed by.
  const Expression words = store.any_of({store.literal("ab"), store.literal("abba")});
  EXPECT_TRUE(may_follow(store.sequence(store.all_of({any, store.complement(words)}), end), kUnlimited));
  EXPECT_FALSE(may_follow(store.sequence(store.all_of({words, store.complement(words)}), any), 1));
  EXPECT_FALSE(may_follow(store.all_of({limited, store.complement(store.sequence(words, end))}), 20));
  const Expression a20 = store.repeat(store.literal("a"), 20, 20);
  const Expression but_a20 = store.sequence(store.all_of({any, store.complement(a20)}), end);
  EXPECT_TRUE(may_follow(but_a20, kUnlimited));
  EXPECT_FALSE(may_follow(store.all_of({but_a20, limited}), 20));
  // Both at once: the end that one asks for needs two more than the other has behind twenty.
  const Expression marked =
      store.sequence(any, store.sequence(store.literal("dd"), store.sequence(any, end)));
  EXPECT_TRUE(may_follow(store.all_of({limited, marked}), 18));
  EXPECT_FALSE(may_follow(store.all_of({limited, marked}), 19));
}

}  // namespace
}  // namespace hearth::constraint
