// Answers that have to be of a form: SmolLM2 under schemas and grammars, with speculation and in batches.
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "engine/smollm2_test.h"
#include "support/expect_error.h"

namespace hearth::engine {
namespace {

using Kind = constraint::Source::Kind;

constexpr const char* kPerson =
    R"({"type":"object","properties":{"name":{"type":"string","maxLength":20},"age":{"type":"integer","minimum":0,)"
    R"("maximum":150},"tags":{"type":"array","items":{"enum":["a","b"]},"maxItems":3}},"required":["name","age","tags"],)"
    R"("additionalProperties":false})";

class Constrained : public SmolLm2Test {
 protected:
  static GenerationRequest ask(const Engine& engine, Kind kind, const char* form, std::uint64_t seed,
                               std::int32_t tokens = 120) {
    GenerationRequest request;
    request.prompt =
        engine.tokenize_prompt("Write about {\"name\": \"Ann\", \"age\": 7, \"tags\": [\"a\"]} again:");
    request.sampling.temperature = 1;
    request.sampling.top_k = 0;
    request.sampling.top_p = 1;
    request.sampling.min_p = 0;
    request.maximum_tokens = tokens;
    request.seed = seed;
    request.output = constraint::Source{kind, form, kind == Kind::kGbnf ? "grammar" : "response_format"};
    return request;
  }
};

void expect_person(const Engine::Answer& answer) {
  ASSERT_EQ(answer.finish, FinishReason::kStop) << answer.text;
  const auto person = nlohmann::json::parse(answer.text);
  EXPECT_EQ(person.size(), 3U);
  EXPECT_TRUE(person.at("name").is_string());
  EXPECT_LE(person.at("age").get<int>(), 150);
  EXPECT_LE(person.at("tags").size(), 3U);
}

TEST_F(Constrained, EveryAnswerIsOfTheFormAndSpeculationChangesNothing) {
  const auto engine = load();
  std::int64_t accepted = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    GenerationRequest request = ask(*engine, Kind::kJsonSchema, kPerson, seed);
    if (seed == 0) request.sampling.temperature = 0;
    const Engine::Answer answer = engine->generate(request);
    expect_person(answer);
    request.look_up = false;
    const Engine::Answer plain = engine->generate(request);
    EXPECT_EQ(answer.tokens, plain.tokens);
    EXPECT_EQ(answer.text, plain.text);
    accepted += answer.usage.accepted_tokens;
  }
  EXPECT_GT(accepted, 0);
}

TEST_F(Constrained, ADraftOfTheFirstLayersKeepsToTheForm) {
  EngineOptions options;
  options.speculation.draft_layers = 8;
  options.speculation.always_draft = true;
  const auto drafting = load(options);
  const auto engine = load();
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const Engine::Answer answer = drafting->generate(ask(*drafting, Kind::kJsonSchema, kPerson, seed));
    expect_person(answer);
    EXPECT_EQ(answer.tokens, engine->generate(ask(*engine, Kind::kJsonSchema, kPerson, seed)).tokens);
  }
}

TEST_F(Constrained, EachOfABatchHasAFormOfItsOwn) {
  const auto engine = load();
  std::vector<GenerationRequest> requests;
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    requests.push_back(ask(*engine, Kind::kJsonSchema, kPerson, seed));
  requests.push_back(ask(*engine, Kind::kGbnf, "root ::= (\"yes\" | \"no\") \"!\"{3}", 1));
  requests.push_back(ask(*engine, Kind::kJsonSchema, kPerson, 9, 20));
  requests.back().output.reset();
  std::vector<std::future<Engine::Answer>> answers;
  for (const GenerationRequest& request : requests)
    answers.push_back(std::async(std::launch::async, [&] { return engine->generate(request); }));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Engine::Answer answer = answers[i].get();
    EXPECT_EQ(answer.tokens, engine->generate(requests[i]).tokens) << "alone as among others";
    if (i < 3) expect_person(answer);
    if (i == 3) {
      EXPECT_TRUE(answer.text == "yes!!!" || answer.text == "no!!!") << answer.text;
    }
    if (i == 4) {
      EXPECT_EQ(answer.usage.completion_tokens, 20);
    }
  }
}

TEST_F(Constrained, WhatCannotBeFollowedIsRefusedBeforeTheFirstToken) {
  const auto engine = load();
  for (const auto& [kind, form, field] :
       {std::tuple{Kind::kJsonSchema, R"({"type":"array","contains":{}})", "response_format"},
        {Kind::kJsonSchema, "{", "response_format"},
        {Kind::kGbnf, "root ::= root \"a\" | \"b\"", "grammar"}}) {
    try {
      engine->submit(ask(*engine, kind, form, 0), [](const GenerationEvent&) { FAIL(); });
      FAIL() << form;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().http_status, 400);
      EXPECT_EQ(error.field(), field);
    }
  }
}

TEST_F(Constrained, EndTokensEndEvenWhereTheyAreToBeIgnored) {
  const auto engine = load();
  GenerationRequest request = ask(*engine, Kind::kGbnf, "root ::= [0-9]+", 3, 60);
  request.ignore_end = true;
  const Engine::Answer answer = engine->generate(request);
  EXPECT_EQ(answer.text.find_first_not_of("0123456789"), std::string::npos) << answer.text;
}

}  // namespace
}  // namespace hearth::engine
