// Random strings that are hard for a tokenizer: the same as tests/reference/tokenizers/random_text.py makes.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/utf8.h"
#include "text/tokenizer.h"

namespace hearth::test {

inline nlohmann::json read_tokenizer_data(const std::string& name) {
  return nlohmann::json::parse(read_file(std::string(HEARTH_TEST_DATA "/tokenizers/") + name));
}

// splitmix64 (Steele, Lea and Flood 2014).
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t value = state_ += 0x9E3779B97F4A7C15;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
    return value ^ (value >> 31);
  }
  std::uint64_t below(std::uint64_t count) { return next() % count; }

 private:
  std::uint64_t state_;
};

class RandomText {
 public:
  explicit RandomText(std::uint64_t seed) : seed_(seed), tables_(read_tokenizer_data("random_text.json")) {}

  std::string operator()(std::uint64_t index) const {
    SplitMix random(seed_ * 1'000'003 + index);
    std::string text;
    const std::uint64_t pieces = 1 + random.below(14);
    for (std::uint64_t i = 0; i < pieces; ++i) append_piece(random, text);
    return text;
  }

 private:
  void append_piece(SplitMix& random, std::string& text) const {
    const std::uint64_t kind = random.below(8);
    if (kind < 3) {
      const nlohmann::json& list = pick(random, tables_["lists"]);
      text += pick(random, list).get<std::string>();
    } else if (kind < 5) {
      const nlohmann::json& range = pick(random, tables_["ranges"]);
      const auto first = range[0].get<std::uint64_t>(), last = range[1].get<std::uint64_t>();
      for (std::uint64_t count = 1 + random.below(6); count > 0; --count)
        append_utf8(text, static_cast<char32_t>(first + random.below(last - first + 1)));
    } else if (kind == 5) {
      const auto repeated = pick(random, tables_["repeated"]).get<std::string>();
      for (std::uint64_t count = 1 + random.below(12); count > 0; --count) text += repeated;
    } else if (kind == 6) {
      const std::uint64_t code = random.below(0x110000 - 0x800);
      append_utf8(text, static_cast<char32_t>(code < 0xD800 ? code : code + 0x800));
    } else {
      text += ' ';
    }
  }
  static const nlohmann::json& pick(SplitMix& random, const nlohmann::json& list) {
    return list[random.below(list.size())];
  }

  std::uint64_t seed_;
  nlohmann::json tables_;
};

// FNV-1a over the ids of some texts, each text ended by -1.
class IdDigest {
 public:
  void add(const std::vector<text::TokenId>& ids) {
    for (const text::TokenId id : ids) add(id);
    add(-1);
  }
  std::string hex() const { return fmt::format("{:016x}", value_); }

 private:
  void add(text::TokenId id) {
    for (int shift = 0; shift < 32; shift += 8)
      value_ = (value_ ^ ((static_cast<std::uint32_t>(id) >> shift) & 0xFF)) * 0x100000001B3;
  }
  std::uint64_t value_ = 0xCBF29CE484222325;
};

}  // namespace hearth::test
