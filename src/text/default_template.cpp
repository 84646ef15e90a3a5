#include "text/default_template.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace hearth::text {
namespace {

constexpr std::string_view kChatMl = R"({%- for message in messages -%}
    {{ '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|im_start|>assistant\n' }}
{%- endif -%})";

constexpr std::string_view kLlama3 = R"({{- bos_token -}}
{%- for message in messages -%}
    {{ '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' ~ message.content | trim ~ '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif -%})";

constexpr std::string_view kLlama2 = R"({%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = '<<SYS>>\n' ~ message.content ~ '\n<</SYS>>\n\n' -%}
    {%- elif message.role == 'assistant' -%}
        {{ ' ' ~ message.content | trim ~ ' ' ~ eos_token }}
    {%- else -%}
        {{ bos_token ~ '[INST] ' ~ ns.system ~ message.content | trim ~ ' [/INST]' }}
        {%- set ns.system = '' -%}
    {%- endif -%}
{%- endfor -%})";

constexpr std::string_view kGemma = R"({{- bos_token -}}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = message.content ~ '\n\n' -%}
    {%- else -%}
        {{ '<start_of_turn>' ~ ('model' if message.role == 'assistant' else message.role) ~ '\n' }}
        {{- ns.system ~ message.content | trim ~ '<end_of_turn>\n' }}
        {%- set ns.system = '' -%}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model\n' }}
{%- endif -%})";

constexpr std::string_view kMistral = R"({{- bos_token -}}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = message.content ~ '\n\n' -%}
    {%- elif message.role == 'assistant' -%}
        {{ ' ' ~ message.content | trim ~ eos_token }}
    {%- else -%}
        {{ '[INST] ' ~ ns.system ~ message.content ~ '[/INST]' }}
        {%- set ns.system = '' -%}
    {%- endif -%}
{%- endfor -%})";

constexpr std::string_view kPhi3 = R"({%- for message in messages -%}
    {{ '<|' ~ message.role ~ '|>\n' ~ message.content ~ '<|end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<|assistant|>\n' }}
{%- endif -%})";

constexpr std::string_view kDeepSeek = R"({{- bos_token -}}
{%- for message in messages -%}
    {%- if message.role == 'assistant' -%}
        {{ '<｜Assistant｜>' ~ message.content ~ '<｜end▁of▁sentence｜>' }}
    {%- elif message.role == 'system' -%}
        {{ message.content }}
    {%- else -%}
        {{ '<｜User｜>' ~ message.content }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<｜Assistant｜>' }}
{%- endif -%})";

struct Family {
  std::string_view name, source;
  std::array<std::string_view, 2> control_tokens;  // both must be there; an empty first: never chosen
};
// Tried in this order.
constexpr Family kFamilies[] = {
    {"chatml", kChatMl, {"<|im_start|>", "<|im_end|>"}},
    {"llama3", kLlama3, {"<|start_header_id|>", "<|eot_id|>"}},
    {"gemma", kGemma, {"<start_of_turn>", "<end_of_turn>"}},
    {"deepseek", kDeepSeek, {"<｜User｜>", "<｜Assistant｜>"}},
    {"phi3", kPhi3, {"<|user|>", "<|end|>"}},
    {"mistral", kMistral, {"[INST]", "[/INST]"}},
    {"llama2", kLlama2, {}},
};

}  // namespace

std::string_view default_template_for(std::string_view family) {
  for (const Family& candidate : kFamilies) {
    if (candidate.name == family) return candidate.source;
  }
  std::string all;
  for (const Family& candidate : kFamilies)
    all += fmt::format("{}{}", all.empty() ? "" : ", ", candidate.name);
  throw Error(ErrorKind::kNotFound, fmt::format("there is no default chat template '{}'", family),
              "the defaults are " + all);
}

std::vector<std::string_view> default_template_families() {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) names.push_back(family.name);
  return names;
}

std::optional<std::string_view> family_of_vocabulary(const std::function<bool(std::string_view)>& has_token) {
  for (const Family& family : kFamilies) {
    const auto& tokens = family.control_tokens;
    if (!tokens[0].empty() && std::all_of(tokens.begin(), tokens.end(), has_token)) return family.name;
  }
  return std::nullopt;
}

}  // namespace hearth::text
