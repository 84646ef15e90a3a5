#include "server/api/generation_parameters.h"

#include <fmt/format.h>

#include <charconv>
#include <random>

#include "base/error.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

// Kept below 2^53, so that a JavaScript client can hand it back unchanged.
std::int64_t random_seed() {
  std::random_device device;
  const std::uint64_t bits = (std::uint64_t{device()} << 32) | device();
  return static_cast<std::int64_t>(bits >> 11);
}

std::vector<std::string> read_stop(FieldReader& body) {
  const json* stop = body.value("stop");
  std::vector<std::string> strings;
  if (!stop) return strings;
  const auto add = [&](const json& item, const std::string& path) {
    if (!item.is_string()) throw_wrong_type(path, "a string", item);
    const auto& text = item.get_ref<const std::string&>();
    if (text.empty() || text.size() > kLongestStopString)
      throw Error(ErrorKind::kInvalidArgument, fmt::format("`{}` must have 1 to {} bytes, but has {}.", path,
                                                           kLongestStopString, text.size()))
          .with_field(path);
    strings.push_back(text);
  };
  if (!stop->is_array()) {
    if (!stop->is_string()) throw_wrong_type("stop", "a string or an array of strings", *stop);
    add(*stop, "stop");
    return strings;
  }
  if (stop->size() > kMostStopStrings)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("`stop` may hold at most {} strings, but holds {}.",
                                                         kMostStopStrings, stop->size()))
        .with_field("stop");
  for (std::size_t i = 0; i < stop->size(); ++i) add((*stop)[i], fmt::format("stop[{}]", i));
  return strings;
}

std::vector<std::pair<std::int32_t, float>> read_logit_bias(FieldReader& body) {
  std::vector<std::pair<std::int32_t, float>> biases;
  const json* bias = body.value("logit_bias");
  if (!bias) return biases;
  if (!bias->is_object()) throw_wrong_type("logit_bias", "an object of token id to bias", *bias);
  if (bias->size() > kMostLogitBiases)
    throw Error(
        ErrorKind::kInvalidArgument,
        fmt::format("`logit_bias` may hold at most {} tokens, but holds {}.", kMostLogitBiases, bias->size()))
        .with_field("logit_bias");
  FieldReader values(*bias, "logit_bias");
  for (const auto& item : bias->items()) {
    const std::string& key = item.key();
    std::int32_t token = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (error != std::errc{} || end != key.data() + key.size() || token < 0)
      throw Error(ErrorKind::kInvalidArgument,
                  "The keys of `logit_bias` must be token ids, as in {\"42\": -100}.")
          .with_field("logit_bias");
    if (const auto value = values.number(key, -100, 100))
      biases.emplace_back(token, static_cast<float>(*value));
  }
  return biases;
}

std::optional<float> read_float(FieldReader& body, std::string_view name, double least, double most) {
  const auto value = body.number(name, least, most);
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

// OpenAI's names; `flex` waits for the others.
std::optional<engine::Priority> read_service_tier(FieldReader& body) {
  const auto tier = body.string("service_tier");
  if (!tier || *tier == "auto") return std::nullopt;
  if (*tier == "priority") return engine::Priority::kHigh;
  if (*tier == "default") return engine::Priority::kNormal;
  if (*tier == "flex") return engine::Priority::kLow;
  throw Error(ErrorKind::kInvalidArgument, "`service_tier` must be one of auto, default, flex, priority.")
      .with_field("service_tier");
}

// OpenAI's. A schema is kept to whether or not it is `strict`. The engine says what is wrong with it.
std::optional<constraint::Source> read_output(FieldReader& body) {
  using Kind = constraint::Source::Kind;
  const auto grammar = body.string("grammar");
  const json* format = body.value("response_format");
  std::string type = "text";
  if (format != nullptr) {
    FieldReader reader(*format, "response_format", body);
    type = reader.string("type").value_or(type);
    if (grammar && type != "text")
      throw Error(ErrorKind::kInvalidArgument, "`grammar` and `response_format` exclude each other.")
          .with_field("grammar");
    if (type == "json_object")
      return constraint::Source{Kind::kJsonSchema, R"({"type":"object"})", "response_format"};
    if (type == "json_schema") {
      FieldReader schema(reader.required("json_schema", "an object with `name` and `schema`"),
                         "response_format.json_schema", reader);
      schema.boolean("strict");
      schema.string("name");
      return constraint::Source{Kind::kJsonSchema, schema.required("schema", "a JSON schema").dump(),
                                "response_format"};
    }
    if (type != "text")
      throw Error(ErrorKind::kInvalidArgument,
                  "`response_format.type` must be one of text, json_object, json_schema.")
          .with_field("response_format");
  }
  if (!grammar) return std::nullopt;
  return constraint::Source{Kind::kGbnf, *grammar, "grammar"};
}

void read_stream(FieldReader& body, GenerationParameters& parameters) {
  parameters.stream = body.boolean("stream").value_or(false);
  const json* options = body.value("stream_options");
  if (!options) return;
  if (!parameters.stream)
    throw Error(ErrorKind::kInvalidArgument, "`stream_options` is allowed only where `stream` is true.")
        .with_field("stream_options");
  FieldReader reader(*options, "stream_options", body);
  parameters.include_usage = reader.boolean("include_usage").value_or(false);
}

}  // namespace

void GenerationParameters::use_defaults(const SamplingDefaults& defaults) {
  if (!temperature) temperature = defaults.temperature;
  if (!top_p) top_p = defaults.top_p;
  if (!min_p) min_p = defaults.min_p;
  if (!top_k) top_k = defaults.top_k;
  if (!maximum_tokens) maximum_tokens = defaults.maximum_tokens;
}

engine::Priority GenerationParameters::priority_within(engine::Priority highest) const {
  if (!priority) return std::max(engine::Priority::kNormal, highest);
  if (*priority < highest)
    throw Error(ErrorKind::kInvalidArgument, "`service_tier`: this server does not allow so high a priority.",
                "leave the field out, or ask for \"flex\"")
        .with_field("service_tier");
  return *priority;
}

engine::SamplingOptions GenerationParameters::sampling_over(engine::SamplingOptions options) const {
  options.temperature = temperature.value_or(options.temperature);
  // OpenAI allows 0, which keeps the most likely token alone; so does any value this small.
  if (top_p) options.top_p = *top_p > 0 ? *top_p : 1e-6f;
  options.min_p = min_p.value_or(options.min_p);
  options.top_k = top_k.value_or(options.top_k);
  options.repetition_penalty = repetition_penalty.value_or(options.repetition_penalty);
  options.presence_penalty = presence_penalty.value_or(options.presence_penalty);
  options.frequency_penalty = frequency_penalty.value_or(options.frequency_penalty);
  options.logit_bias = logit_bias;
  return options;
}

GenerationParameters read_generation_parameters(FieldReader& body,
                                                const std::vector<std::string>& maximum_tokens_names,
                                                std::int64_t least_tokens) {
  GenerationParameters parameters;
  parameters.temperature = read_float(body, "temperature", 0, 2);
  parameters.top_p = read_float(body, "top_p", 0, 1);
  parameters.min_p = read_float(body, "min_p", 0, 1);
  if (const auto top_k = body.integer("top_k", -1, 1'000'000))
    parameters.top_k = static_cast<std::int32_t>(std::max<std::int64_t>(*top_k, 0));
  parameters.repetition_penalty = read_float(body, "repetition_penalty", 0.01, 10);
  parameters.presence_penalty = read_float(body, "presence_penalty", -2, 2);
  parameters.frequency_penalty = read_float(body, "frequency_penalty", -2, 2);
  parameters.logit_bias = read_logit_bias(body);
  for (const std::string& name : maximum_tokens_names)
    if (const auto tokens = body.integer(name, least_tokens, kMostNewTokens);
        tokens && !parameters.maximum_tokens)
      parameters.maximum_tokens = static_cast<std::int32_t>(*tokens);
  parameters.stop = read_stop(body);
  const auto seed = body.integer("seed", INT64_MIN, INT64_MAX);
  parameters.seed = seed ? *seed : random_seed();
  parameters.seed_given = seed.has_value();
  parameters.priority = read_service_tier(body);
  parameters.choices = static_cast<std::int32_t>(body.integer("n", 1, kMostChoices).value_or(1));
  parameters.ignore_end = body.boolean("ignore_eos").value_or(false);
  read_stream(body, parameters);
  parameters.output = read_output(body);
  return parameters;
}

}  // namespace hearth::server
