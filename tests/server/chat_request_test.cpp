#include "server/api/chat_request.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hearth::server {
namespace {

// `rest` goes after a valid model and messages.
std::string chat_body(const std::string& rest) {
  return R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + (rest.empty() ? "" : "," + rest) +
         "}";
}

template <typename Function>
Error error_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorKind::kInternal, "none");
}

TEST(ChatRequest, ReadsEveryField) {
  const auto request = parse_chat_completion(chat_body(
      R"("temperature":0.5,"top_p":0.9,"top_k":7,"min_p":0.1,"presence_penalty":1,"frequency_penalty":-1,
         "repetition_penalty":1.1,"logit_bias":{"5":-100,"9":2.5},"seed":42,"stop":["a","b"],"n":3,
         "max_completion_tokens":64,"max_tokens":32,"stream":true,"stream_options":{"include_usage":true},
         "ignore_eos":true)"));
  const GenerationParameters& p = request.parameters;
  EXPECT_EQ(request.model, "m");
  EXPECT_FLOAT_EQ(p.temperature.value(), 0.5f);
  EXPECT_FLOAT_EQ(p.top_p.value(), 0.9f);
  EXPECT_EQ(p.top_k.value(), 7);
  EXPECT_FLOAT_EQ(p.min_p.value(), 0.1f);
  EXPECT_FLOAT_EQ(p.presence_penalty.value(), 1);
  EXPECT_FLOAT_EQ(p.frequency_penalty.value(), -1);
  EXPECT_FLOAT_EQ(p.repetition_penalty.value(), 1.1f);
  EXPECT_EQ(p.logit_bias, (std::vector<std::pair<std::int32_t, float>>{{5, -100}, {9, 2.5}}));
  EXPECT_EQ(p.seed, 42);
  EXPECT_EQ(p.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(p.choices, 3);
  EXPECT_EQ(p.maximum_tokens.value(), 64);
  EXPECT_TRUE(p.stream && p.include_usage && p.ignore_end);
  EXPECT_TRUE(request.ignored.empty());
}

TEST(ChatRequest, LeavesWhatIsNotGivenToTheModel) {
  const auto request = parse_chat_completion(chat_body(R"("temperature":null,"stop":null,"seed":null)"));
  EXPECT_FALSE(request.parameters.temperature || request.parameters.maximum_tokens ||
               request.parameters.stream);
  engine::SamplingOptions defaults;
  defaults.temperature = 0.25f;
  defaults.top_k = 11;
  const auto sampling = request.parameters.sampling_over(defaults);
  EXPECT_FLOAT_EQ(sampling.temperature, 0.25f);
  EXPECT_EQ(sampling.top_k, 11);
}

TEST(ChatRequest, DrawsASeedThatJavaScriptCanHold) {
  const auto a = parse_chat_completion(chat_body("")), b = parse_chat_completion(chat_body(""));
  EXPECT_NE(a.parameters.seed, b.parameters.seed);
  EXPECT_GE(a.parameters.seed, 0);
  EXPECT_LT(a.parameters.seed, std::int64_t{1} << 53);
}

TEST(ChatRequest, KeepsRolesTextPartsAndToolCalls) {
  const auto request = parse_chat_completion(R"({"messages":[
    {"role":"system","content":"s"},{"role":"developer","content":"d"},
    {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"name":"N"},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",
      "function":{"name":"f","arguments":"{\"x\":1}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"2"}]})");
  const auto& messages = request.prompt.messages;
  EXPECT_EQ(messages[2]["content"].dump(), R"([{"type":"text","text":"a"},{"type":"text","text":"b"}])");
  EXPECT_EQ(messages[2]["name"], "N");
  EXPECT_TRUE(messages[3]["content"].is_null());
  EXPECT_EQ(messages[3]["tool_calls"][0]["function"]["arguments"], R"({"x":1})");
  EXPECT_EQ(messages[4]["tool_call_id"], "c1");
  EXPECT_TRUE(request.prompt.tools.is_null());
}

TEST(ChatRequest, KeepsToolsInTheOrderOfTheText) {
  const auto request = parse_chat_completion(chat_body(
      R"("tools":[{"type":"function","function":{"name":"z","description":"d","parameters":{"b":1,"a":2}}}])"));
  EXPECT_EQ(request.prompt.tools.dump(),
            R"([{"type":"function","function":{"name":"z","description":"d","parameters":{"b":1,"a":2}}}])");
  const auto demanded = parse_chat_completion(chat_body(
      R"("tools":[{"function":{"name":"y"}},{"function":{"name":"z","strict":true,"parameters":{"$ref":"#/$defs/a",
      "$defs":{"a":{"type":"object","properties":{"x":{"const":{"$ref":"#"}}}}}}}}],
      "tool_choice":{"type":"function","function":{"name":"z"}})"));
  EXPECT_TRUE(demanded.tools.is_demanded);
  EXPECT_EQ(nlohmann::json::parse(demanded.parameters.output.value().text),
            nlohmann::json::parse(R"({"anyOf":[
      {"type":"object","additionalProperties":false,"required":["name","arguments"],"properties":{"name":{"const":"z"},
      "arguments":{"type":"object","$ref":"#/anyOf/0/properties/arguments/$defs/a",
      "$defs":{"a":{"type":"object","properties":{"x":{"const":{"$ref":"#"}}}}}}}}]})"));
  const auto strict = parse_chat_completion(chat_body(
      R"("tools":[{"function":{"name":"y","parameters":{"const":1}}},{"function":{"name":"z","strict":true}}])"));
  EXPECT_TRUE(strict.tools.is_strict && strict.ignored.empty());
  const auto calls = nlohmann::json::parse(strict.parameters.output.value().text)["anyOf"];
  EXPECT_EQ(calls[0]["properties"]["arguments"], nlohmann::json::parse(R"({"type":"object"})"));
  EXPECT_EQ(calls[1]["properties"]["name"]["const"], "z");
  const auto both = parse_chat_completion(chat_body(R"("tools":[{"function":{"name":"y"}}],
      "response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"#/$defs/a","$defs":{"a":{}}}}})"));
  EXPECT_EQ(nlohmann::json::parse(both.parameters.output.value().text)["answer"]["$ref"], "#/answer/$defs/a");
  EXPECT_EQ(parse_chat_completion(
                chat_body(R"("tools":[{"function":{"name":"y","strict":true}}],"grammar":"root ::= \"a\"")"))
                .ignored,
            std::vector<std::string>{"tools"});
  EXPECT_TRUE(parse_chat_completion(chat_body(R"("tools":[{"function":{"name":"z"}}],"tool_choice":"none")"))
                  .prompt.tools.is_null());
}

TEST(ChatRequest, NamesIgnoredFields) {
  const auto request = parse_chat_completion(chat_body(R"("user":"u","frobnicate":1,"logprobs":false)"));
  EXPECT_EQ(request.ignored, (std::vector<std::string>{"user", "frobnicate"}));
}

struct BadField {
  std::string rest, field, says;
};

TEST(ChatRequest, RefusesBadFieldsByPathAndByWhatIsAllowed) {
  const std::vector<BadField> table = {
      {R"("temperature":"hot")", "temperature", "a number from 0 to 2, but is a string"},
      {R"("temperature":2.5)", "temperature", "from 0 to 2, but is 2.5"},
      {R"("temperature":-1)", "temperature", "from 0 to 2"},
      {R"("top_p":1.5)", "top_p", "from 0 to 1"},
      {R"("top_k":1.5)", "top_k", "an integer from -1"},
      {R"("top_k":-2)", "top_k", "an integer from -1"},
      {R"("min_p":2)", "min_p", "from 0 to 1"},
      {R"("presence_penalty":3)", "presence_penalty", "from -2 to 2"},
      {R"("frequency_penalty":[])", "frequency_penalty", "a number from -2 to 2, but is an array"},
      {R"("repetition_penalty":0)", "repetition_penalty", "from 0.01 to 10"},
      {R"("max_tokens":0)", "max_tokens", "from 1"},
      {R"("max_tokens":-5)", "max_tokens", "from 1"},
      {R"("max_tokens":1e300)", "max_tokens", "from 1"},
      {R"("max_tokens":99999999999999999999)", "max_tokens", "from 1"},
      {R"("max_completion_tokens":true)", "max_completion_tokens",
       "an integer from 1 to 1000000, but is a boolean"},
      {R"("n":1000000)", "n", "from 1 to 16, but is 1000000"},
      {R"("n":0)", "n", "from 1 to 16"},
      {R"("seed":"x")", "seed", "an integer"},
      {R"("seed":18446744073709551615)", "seed", "an integer"},
      {R"("stream":"yes")", "stream", "true or false"},
      {R"("stream_options":{"include_usage":true})", "stream_options", "only where `stream` is true"},
      {R"("stream":true,"stream_options":1)", "stream_options", "an object"},
      {R"("stop":5)", "stop", "a string or an array of strings"},
      {R"("stop":["a",5])", "stop[1]", "a string"},
      {R"("stop":"")", "stop", "1 to 512 bytes"},
      {R"("stop":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"])", "stop",
       "at most 16"},
      {R"("logit_bias":[1])", "logit_bias", "an object"},
      {R"("logit_bias":{"x":1})", "logit_bias", "token ids"},
      {R"("logit_bias":{"5":101})", "logit_bias.5", "from -100 to 100"},
      {R"("logprobs":1)", "logprobs", "true or false"},
      {R"("logprobs":true,"top_logprobs":21)", "top_logprobs", "from 0 to 20"},
      {R"("logprobs":true,"top_logprobs":-1)", "top_logprobs", "from 0 to 20"},
      {R"("top_logprobs":2)", "top_logprobs", "only where `logprobs` is true"},
      {R"("response_format":{"type":"yaml"})", "response_format", "text, json_object, json_schema"},
      {R"("response_format":{"type":"json_schema"})", "response_format.json_schema", "missing"},
      {R"("response_format":{"type":"json_schema","json_schema":{"name":"x"}})",
       "response_format.json_schema.schema", "missing"},
      {R"("response_format":{"type":"json_object"},"grammar":"root ::= \"a\"")", "grammar",
       "exclude each other"},
      {R"("grammar":["root"])", "grammar", "a string"},
      {R"("tool_choice":"required")", "tool_choice", "does not have"},
      {R"("tool_choice":"sometimes")", "tool_choice", "required"},
      {R"("tool_choice":{"type":"function"})", "tool_choice.function", "missing"},
      {R"("tools":[{"function":{"name":"z"}}],"tool_choice":{"type":"function","function":{"name":"y"}})",
       "tool_choice", "does not have"},
      {R"("tools":[{"function":{"name":"z"}}],"tool_choice":"required","response_format":{"type":"json_object"})",
       "tool_choice", "exclude"},
      {R"("functions":[])", "functions", "use `tools`"},
      {R"("tools":{})", "tools", "an array"},
      {R"("tools":[{"type":"retrieval"}])", "tools[0].type", "function"},
      {R"("tools":[{"type":"function"}])", "tools[0].function", "missing"},
      {R"("tools":[{"function":{"name":""}}])", "tools[0].function.name", "1 to 64"},
      {R"("tools":[{"function":{"name":"a b"}}])", "tools[0].function.name", "1 to 64"},
      {R"("tools":[{"function":{}}])", "tools[0].function.name", "missing"},
  };
  for (const BadField& bad : table) {
    const Error error = error_of([&] { parse_chat_completion(chat_body(bad.rest)); });
    EXPECT_EQ(error.info().http_status, 400) << bad.rest;
    EXPECT_EQ(error.field(), bad.field) << bad.rest;
    EXPECT_NE(std::string(error.what()).find(bad.says), std::string::npos)
        << bad.rest << ": " << error.what();
  }
}

TEST(ChatRequest, RefusesBadMessagesByPath) {
  const std::vector<BadField> table = {
      {R"({})", "messages", "missing"},
      {R"({"messages":null})", "messages", "missing"},
      {R"({"messages":[]})", "messages", "empty"},
      {R"({"messages":"hi"})", "messages", "an array of messages, but is a string"},
      {R"({"messages":["hi"]})", "messages[0]", "an object"},
      {R"({"messages":[{"content":"x"}]})", "messages[0].role", "missing"},
      {R"({"messages":[{"role":"king","content":"x"}]})", "messages[0].role", "one of system"},
      {R"({"messages":[{"role":"user"}]})", "messages[0].content", "missing"},
      {R"({"messages":[{"role":"user","content":"a"},{"role":"user","content":null}]})",
       "messages[1].content", "missing"},
      {R"({"messages":[{"role":"user","content":5}]})", "messages[0].content", "a string or an array"},
      {R"({"messages":[{"role":"user","content":[{"type":"text"}]}]})", "messages[0].content[0].text",
       "missing"},
      {R"({"messages":[{"role":"user","content":[{"text":"x"}]}]})", "messages[0].content[0].type",
       "missing"},
      {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]})",
       "messages[0].content[0].type", "only \"text\""},
      {R"({"messages":[{"role":"user","content":"a","tool_calls":[]}]})", "messages[0].tool_calls",
       "assistant only"},
      {R"({"messages":[{"role":"assistant","tool_calls":[{}]}]})", "messages[0].tool_calls[0].function",
       "missing"},
      {R"({"model":5,"messages":[{"role":"user","content":"a"}]})", "model", "a string"},
      {R"({"model":"","messages":[{"role":"user","content":"a"}]})", "model", "1 to 256"},
      {R"([])", "", "The body must be an object"},
      {R"("x")", "", "The body must be an object"},
  };
  for (const BadField& bad : table) {
    const Error error = error_of([&] { parse_chat_completion(bad.rest); });
    EXPECT_EQ(error.info().http_status, 400) << bad.rest;
    EXPECT_EQ(error.field(), bad.field) << bad.rest;
    EXPECT_NE(std::string(error.what()).find(bad.says), std::string::npos)
        << bad.rest << ": " << error.what();
  }
}

TEST(ChatRequest, RefusesWhatIsNoJsonWithThePosition) {
  for (const std::string& body : {std::string(R"({"messages": oops})"), std::string("{\"a\":1,\"a\":2}"),
                                  std::string("{\"a\":\"\xff\"}"), std::string("{"), std::string("{} {}"),
                                  std::string("{\"a\":1e999}"), std::string(100'000, '['), std::string()}) {
    const Error error = error_of([&] { parse_chat_completion(body); });
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument) << body.substr(0, 40);
  }
  EXPECT_NE(
      std::string(error_of([] { parse_chat_completion(R"({"messages": oops})"); }).what()).find("byte 14"),
      std::string::npos);
}

TEST(ChatRequest, RefusesMoreValuesThanMemoryIsThereFor) {
  std::string body = R"({"x": [0)";
  for (std::size_t i = 0; i < kMostJsonValues; ++i) body += ",0";
  const Error error = error_of([&] { parse_chat_completion(body + "]}"); });
  EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
  EXPECT_NE(std::string(error.what()).find(std::to_string(kMostJsonValues)), std::string::npos);
}

TEST(CompletionRequest, TakesTextTokensAndSeveralOfThem) {
  const auto prompts = [](const std::string& prompt) {
    return parse_completion(R"({"prompt":)" + prompt + "}").prompts;
  };
  using Tokens = std::vector<std::int32_t>;
  EXPECT_EQ(prompts(R"("a")"), (std::vector<CompletionPrompt>{"a"}));
  EXPECT_EQ(prompts(R"(["a","b"])"), (std::vector<CompletionPrompt>{"a", "b"}));
  EXPECT_EQ(prompts(R"([1,2])"), (std::vector<CompletionPrompt>{Tokens{1, 2}}));
  EXPECT_EQ(prompts(R"([[1],[2,3]])"), (std::vector<CompletionPrompt>{Tokens{1}, Tokens{2, 3}}));
  EXPECT_EQ(parse_completion(R"({"prompt":"a"})").parameters.maximum_tokens, 16);
}

TEST(CompletionRequest, TakesLogProbabilitiesEchoAndBestOf) {
  const auto parameters = [](const std::string& rest) {
    return parse_completion(R"({"prompt":"a",)" + rest + "}").parameters;
  };
  EXPECT_EQ(parameters(R"("logprobs":0)").log_probabilities, 0);
  EXPECT_EQ(parameters(R"("logprobs":null)").log_probabilities, std::nullopt);
  EXPECT_FALSE(parameters(R"("logprobs":5)").prompt_log_probabilities);
  EXPECT_FALSE(parameters(R"("echo":true)").prompt_log_probabilities);
  const auto all = parameters(R"("echo":true,"logprobs":5,"max_tokens":0)");
  EXPECT_TRUE(all.prompt_log_probabilities && all.prompt_only && all.continues_text);
  EXPECT_FALSE(parameters(R"("echo":true,"max_tokens":1)").prompt_only);
  EXPECT_EQ(parameters(R"("best_of":3,"n":2)").choices, 3);
  EXPECT_EQ(parameters(R"("best_of":3,"n":2)").shown_choices, 2);
  EXPECT_EQ(parameters(R"("best_of":2,"n":2,"stream":true)").shown_choices, 0);
}

TEST(ChatRequest, TakesLogProbabilities) {
  EXPECT_EQ(parse_chat_completion(chat_body(R"("logprobs":true)")).parameters.log_probabilities, 0);
  EXPECT_EQ(
      parse_chat_completion(chat_body(R"("logprobs":true,"top_logprobs":20)")).parameters.log_probabilities,
      20);
  EXPECT_EQ(
      parse_chat_completion(chat_body(R"("logprobs":false,"top_logprobs":0)")).parameters.log_probabilities,
      std::nullopt);
}

TEST(CompletionRequest, RefusesBadPromptsAndFields) {
  const std::vector<BadField> table = {
      {R"({})", "prompt", "missing"},
      {R"({"prompt":[]})", "prompt", "empty"},
      {R"({"prompt":5})", "prompt", "a string"},
      {R"({"prompt":[1,"a"]})", "prompt[1]", "a token id"},
      {R"({"prompt":[1,-1]})", "prompt[1]", "a token id"},
      {R"({"prompt":[1,4294967296]})", "prompt[1]", "a token id"},
      {R"({"prompt":["a",1]})", "prompt[1]", "a string"},
      {R"({"prompt":[[1],[1.5]]})", "prompt[1][0]", "a token id"},
      {R"({"prompt":"a","echo":1})", "echo", "true or false"},
      {R"({"prompt":"a","max_tokens":0})", "max_tokens", "from 1"},
      {R"({"prompt":"a","echo":true,"max_tokens":-1})", "max_tokens", "from 0"},
      {R"({"prompt":"a","suffix":"b","echo":true})", "suffix", "exclude each other"},
      {R"({"prompt":[1,2],"suffix":"b"})", "prompt", "a string"},
      {R"({"prompt":"a","best_of":2,"n":3})", "best_of", "from 3"},
      {R"({"prompt":"a","best_of":17})", "best_of", "to 16"},
      {R"({"prompt":"a","best_of":3,"stream":true})", "best_of", "not streamed"},
      {R"({"prompt":"a","logprobs":6})", "logprobs", "from 0 to 5"},
      {R"({"prompt":"a","logprobs":true})", "logprobs", "an integer"},
  };
  for (const BadField& bad : table) {
    const Error error = error_of([&] { parse_completion(bad.rest); });
    EXPECT_EQ(error.info().http_status, 400) << bad.rest;
    EXPECT_EQ(error.field(), bad.field) << bad.rest;
    EXPECT_NE(std::string(error.what()).find(bad.says), std::string::npos)
        << bad.rest << ": " << error.what();
  }
}

}  // namespace
}  // namespace hearth::server
