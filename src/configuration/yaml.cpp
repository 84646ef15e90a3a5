#include "configuration/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <list>
#include <sstream>

#include "base/printable.h"
#include "base/utf8.h"

namespace hearth::configuration {
namespace {

YamlPosition position_of(const YAML::Mark& mark) {
  return mark.is_null() ? YamlPosition{} : YamlPosition{mark.line + 1, mark.column + 1};
}

// Takes the parser's events, because only so are the limits met before memory is spent. Its exceptions pass
// through the parser, which ends there.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(std::vector<YamlProblem>& problems) : problems_(problems) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw YAML::ParserException(mark, "a second document begins here, one is allowed");
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    report(mark, "anchors (&) are not allowed: write the value where it is wanted");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    report(mark, "aliases (*) are not allowed: write the value itself");
    add(mark, YamlNode::Kind::kNothing).position = position_of(mark);
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(mark, YamlNode::Kind::kNothing); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    const bool quoted = tag == "!";
    if (!quoted) refuse_tag(mark, tag);
    if (wants_key()) return open_member(mark, value);
    YamlNode& node = add(mark, YamlNode::Kind::kScalar);
    node.text = value;
    node.quoted = quoted;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, YamlNode::Kind::kList);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, YamlNode::Kind::kMap);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  // The nodes stay where they are: a container grows only while it is the innermost.
  struct Open {
    YamlNode* container;
    bool has_key = false;  // of a map: the next value belongs to `target`
    YamlNode* target = nullptr;
  };

  void report(const YAML::Mark& mark, std::string message) {
    problems_.push_back({position_of(mark), std::move(message)});
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?") report(mark, fmt::format("tags are not allowed: {}", printable(tag)));
  }
  bool wants_key() const {
    return !open_.empty() && open_.back().container->kind == YamlNode::Kind::kMap && !open_.back().has_key;
  }

  void open_member(const YAML::Mark& mark, const std::string& key) {
    Open& map = open_.back();
    auto& members = map.container->members;
    const auto same = std::find_if(members.begin(), members.end(),
                                   [&](const YamlMember& member) { return member.key == key; });
    map.has_key = true;
    if (same != members.end()) {
      report(mark, fmt::format("`{}` is here a second time, the first is in line {}", printable(key),
                               same->position.line));
      map.target = &ignored_.emplace_back();
      return;
    }
    map.target = &members.emplace_back(YamlMember{key, position_of(mark), {}}).value;
    map.target->position = position_of(mark);
  }

  YamlNode& add(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (++values_ > kMostYamlValues)
      throw YAML::ParserException(mark, fmt::format("more than {} values are not allowed", kMostYamlValues));
    if (wants_key()) throw YAML::ParserException(mark, "a key must be a word");
    YamlNode* node = &root_;
    if (!open_.empty()) {
      Open& innermost = open_.back();
      innermost.has_key = false;
      node = innermost.container->kind == YamlNode::Kind::kMap ? innermost.target
                                                               : &innermost.container->items.emplace_back();
    }
    node->kind = kind;
    // Where nothing is, the parser is already further; a member's key tells where it is missed.
    if (kind != YamlNode::Kind::kNothing || node->position == YamlPosition{})
      node->position = position_of(mark);
    return *node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YamlNode::Kind kind) {
    if (tag != "!") refuse_tag(mark, tag);
    if (open_.size() >= kDeepestYaml)
      throw YAML::ParserException(mark, fmt::format("more than {} levels are not allowed", kDeepestYaml));
    open_.push_back({&add(mark, kind)});
  }

  std::vector<YamlProblem>& problems_;
  YamlNode root_;
  std::vector<Open> open_;
  std::list<YamlNode> ignored_;  // what stands under a key's second appearance
  std::size_t values_ = 0;
  int documents_ = 0;
};

// The first byte that the parser must not see: it would guess another encoding, or end the text there.
std::size_t find_foreign_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const DecodedCodePoint next = decode_utf8(text, at);
    const bool control = next.value < 0x20 && next.value != '\t' && next.value != '\n' && next.value != '\r';
    if (!next.valid || control || next.value == 0x7F) return at;
    at += next.bytes;
  }
  return text.npos;
}

}  // namespace

YamlNode parse_yaml(std::string_view text, std::vector<YamlProblem>& problems) {
  if (text.size() > kMostYamlBytes) {
    problems.push_back(
        {{}, fmt::format("the file has {} bytes, at most {} are allowed", text.size(), kMostYamlBytes)});
    return {};
  }
  if (const std::size_t at = find_foreign_byte(text); at != text.npos) {
    const std::string_view before = text.substr(0, at);
    const auto line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    const YamlPosition position{static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
                                static_cast<int>(at - line_begin) + 1};
    problems.push_back({position, fmt::format("the byte 0x{:02x} is not allowed here: the file must be UTF-8 "
                                              "text without control characters",
                                              static_cast<unsigned char>(text[at]))});
    return {};
  }
  Builder builder(problems);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    problems.push_back({position_of(error.mark), error.msg});
    return {};  // half of a tree would be found wrong once more
  }
  return builder.take();
}

}  // namespace hearth::configuration
