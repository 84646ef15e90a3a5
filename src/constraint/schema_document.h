// A JSON schema as a document: where its parts are, and where references lead.
//
// Ownership: keeps a reference to the document. Thread-safety: constant after construction. Errors:
// kUnsupported for references that leave the document, kInvalidArgument for those that lead nowhere and for
// documents that are too large or too deep.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace hearth::constraint {

using json = nlohmann::ordered_json;

class SchemaDocument {
 public:
  explicit SchemaDocument(const json& root);

  const json& root() const { return root_; }
  // "#/properties/a", for messages.
  std::string place_of(const json& part) const;
  // REQUIRES: `part` has "$ref".
  const json& target_of(const json& part) const;
  // Before Draft 2019-09, what stands beside a $ref means nothing.
  bool ref_stands_alone() const { return ref_stands_alone_; }

 private:
  void index(const json& part, const std::string& place, bool embedded, int depth);
  const json& at_pointer(std::string_view pointer, const std::string& reference) const;

  const json& root_;
  bool ref_stands_alone_ = false;
  std::string root_id_;
  std::size_t values_ = 0;
  std::unordered_map<const json*, std::string> places_;
  std::map<std::string, const json*, std::less<>> named_;  // by $id or "#" and $anchor
  std::set<const json*> embedded_;  // in a part with an $id of its own, to which references are relative
};

}  // namespace hearth::constraint
