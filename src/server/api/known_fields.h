// The fields of the APIs' own documentation that nothing here reads: those that have no effect on an answer,
// and those that are refused because leaving them out would change what it means. Whatever is neither is
// unknown.
//
// Thread-safety: free functions on values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/api/field_reader.h"

namespace hearth::server {

enum class RequestKind { kChat, kText, kResponses, kMessages, kEmbeddings, kRerank, kTokens };

// REQUIRES: everything that has an effect was asked for. Adds the names of the fields that nobody asked for
// to `ignored`, as "messages[].audio" where they are within, and gives what a server with strict_requests
// answers instead: the first that is unknown, and the known one that it resembles. Throws kUnsupported for a
// field that is refused.
std::optional<Error> sort_unread(FieldReader& body, RequestKind kind, std::vector<std::string>& ignored);

}  // namespace hearth::server
