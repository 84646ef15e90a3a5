// One choice of an answer while it is generated: what was thought, its text, and the calls of the request's
// tools in it.
// Thread-safety: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/request.h"
#include "server/api/chat_request.h"
#include "text/tool_calls.h"

namespace hearth::server {

struct ChoicePart {
  enum class Kind { kText, kCall, kArguments, kReasoning };
  Kind kind;
  std::string text;      // kCall: the tool's name
  std::size_t call = 0;  // which one of the choice's, from 0
  std::string id = {};   // kCall
  // Of the tokens that came with it, where they are wanted: all of the answer's, those of calls too.
  std::vector<engine::TokenLogProbabilities> log_probabilities = {};
};

// Why a choice ended.
struct ChoiceEnd {
  engine::FinishReason reason = engine::FinishReason::kStop;
  std::string stop_string = {};  // of the request's, where one was met
  bool has_calls = false;        // it ended to call tools
  bool is_shortened = false;     // as engine::Usage
};

class ChoiceReader {
 public:
  // `request_id` and `choice` make the calls' ids. `echo` comes before the text.
  ChoiceReader(const ToolUse& tools, std::string request_id, std::int32_t choice, std::string echo = {});

  // What is new for the client in an event's text.
  std::vector<ChoicePart> read(const engine::GenerationEvent& event);
  // REQUIRES: the event is the last, and read.
  ChoiceEnd end(const engine::GenerationEvent& event) const;

 private:
  std::vector<ChoicePart> parts_of(const engine::GenerationEvent& event);
  std::string next_id() const;

  std::optional<text::ToolCallReader> calls_reader_;  // none: there are no tools
  bool parallel_;
  std::string seed_, echo_;
  std::size_t calls_ = 0;
  bool is_done_ = false;  // the only call that is allowed has ended
};

}  // namespace hearth::server
