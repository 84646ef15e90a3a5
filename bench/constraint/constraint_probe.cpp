// Compiles constraints and times them, for the scripts beside it: a line of JSON in, a line out.
//
//   constraint_probe MODEL.gguf < questions
//
// "vocabulary" gives the tokens as hexadecimal digits and the ends of generation, "encode" the tokens of a
// text. Any other question has "schema", "gbnf" or "calls" (see text_with_calls_grammar), and maybe "texts"
// to be followed, "walks": how many texts to make at random, "timed": true for the time of each mask along
// the texts, "checked": true to compare each mask with what is accepted token by token. The answer has
// "error" (kind and message), or "compile_seconds", "accepted", "texts", "mask_seconds" (first time, second
// time) and "differing_masks".
#include <chrono>
#include <iostream>
#include <random>
#include <string>

#include "base/error.h"
#include "base/hex.h"
#include "constraint/gbnf.h"
#include "constraint/json_schema.h"
#include "constraint/matcher.h"
#include "formats/model_files.h"
#include "text/tokenizer.h"

namespace {

using namespace hearth;
using json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Probe {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  std::shared_ptr<const constraint::Vocabulary> vocabulary;

  bool accepts(const constraint::Constraint& compiled, const std::string& text,
               std::vector<double>* times) const {
    auto matcher = compiled.start();
    for (const std::int32_t token : tokenizer->encode(text, {.add_special = false})) {
      const auto begin = Clock::now();
      const auto mask = matcher.mask();
      const bool allowed = mask->allows(token);
      const bool accepted = matcher.accept(token);
      if (times != nullptr) times->push_back(seconds_since(begin));
      if (allowed != accepted) throw std::runtime_error("a mask and its matcher disagree on " + text);
      if (!accepted) return false;
    }
    return matcher.is_complete();
  }

  // Compares every mask along the text with what a matcher accepts, token by token. Returns how many differ.
  int differing_masks(const constraint::Constraint& compiled, const std::string& text) const {
    auto matcher = compiled.start();
    int differing = 0;
    for (const std::int32_t token : tokenizer->encode(text, {.add_special = false})) {
      const auto mask = matcher.mask();
      bool same = true;
      for (std::size_t t = 0; t < vocabulary->size() && same; ++t) {
        auto copy = matcher;
        const auto other = static_cast<std::int32_t>(t);
        same = mask->allows(other) == copy.accept(other);
      }
      differing += same ? 0 : 1;
      if (!matcher.accept(token)) break;
    }
    return differing;
  }

  // At random, but towards an end; empty where there was none after some hundred tokens.
  std::string walk(const constraint::Constraint& compiled, unsigned seed) const {
    std::mt19937 random(seed);
    auto matcher = compiled.start();
    std::string text;
    for (int i = 0; i < 600; ++i) {
      const auto mask = matcher.mask();
      if (matcher.is_complete() && (matcher.is_at_end() || random() % 4 == 0)) return text;
      std::vector<std::int32_t> allowed, closing;
      for (std::size_t t = 0; t < vocabulary->size(); ++t) {
        const auto token = static_cast<std::int32_t>(t);
        const auto bytes = vocabulary->bytes(token);
        if (!mask->allows(token) || bytes.empty()) continue;
        allowed.push_back(token);
        if (bytes == "\"" || bytes == "}" || bytes == "]" || bytes == "0" || bytes == "null")
          closing.push_back(token);
      }
      if (allowed.empty()) throw std::runtime_error("nothing can follow " + text);
      const auto& from = !closing.empty() && random() % 3 == 0 ? closing : allowed;
      const std::int32_t token = from[random() % from.size()];
      if (!matcher.accept(token)) throw std::runtime_error("a mask and its matcher disagree");
      text += vocabulary->bytes(token);
    }
    return {};
  }

  json answer(const json& question) const {
    const auto begin = Clock::now();
    json answer;
    if (question.contains("vocabulary")) {
      for (std::size_t t = 0; t < vocabulary->size(); ++t)
        answer["tokens"].push_back(
            to_hex(std::as_bytes(std::span(vocabulary->bytes(static_cast<std::int32_t>(t))))));
      answer["ends"] = vocabulary->ends();
      return answer;
    }
    if (question.contains("encode")) {
      answer["tokens"] = tokenizer->encode(question["encode"].get<std::string>(), {.add_special = false});
      return answer;
    }
    try {
      auto grammar = question.contains("gbnf") ? constraint::parse_gbnf(question["gbnf"].get<std::string>())
                     : question.contains("calls") ? constraint::text_with_calls_grammar(question["calls"])
                                                  : constraint::json_schema_grammar(question["schema"]);
      const auto compiled = constraint::Constraint::create(std::move(grammar), vocabulary);
      answer["compile_seconds"] = seconds_since(begin);
      for (const json& text : question.value("texts", json::array())) {
        std::vector<double> first, second;
        const bool timed = question.value("timed", false);
        answer["accepted"].push_back(accepts(*compiled, text.get<std::string>(), timed ? &first : nullptr));
        if (timed) {
          accepts(*compiled, text.get<std::string>(), &second);
          answer["mask_seconds"].push_back({first, second});
        }
        if (question.value("checked", false))
          answer["differing_masks"].push_back(differing_masks(*compiled, text.get<std::string>()));
      }
      for (unsigned seed = 0; seed < question.value("walks", 0U); ++seed)
        answer["texts"].push_back(walk(*compiled, seed));
    } catch (const Error& error) {
      answer["error"] = {
          {"kind", error.info().name}, {"message", error.message()}, {"seconds", seconds_since(begin)}};
    }
    return answer;
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  Probe probe;
  probe.tokenizer = text::Tokenizer::from_model(formats::ModelFiles::open(arguments[1]));
  const auto begin = Clock::now();
  probe.vocabulary =
      std::make_shared<const constraint::Vocabulary>(*probe.tokenizer, probe.tokenizer->vocabulary_size());
  std::cerr << "the vocabulary took " << seconds_since(begin) << " s\n";
  for (std::string line; std::getline(std::cin, line);) {
    json answer;
    try {
      answer = probe.answer(json::parse(line));
    } catch (const std::exception& failure) {
      answer = {{"failure", failure.what()}};
    }
    std::cout << answer.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
  }
}
