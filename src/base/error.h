// The one error type of the project.
//
// Everything that a file, a request, a configuration, a network or a full disk can cause is thrown as
// hearth::Error and caught at the edges only: a command-line verb, an HTTP handler, the scheduler (for its
// one sequence). The kind decides, by one table, the exit code, the HTTP status and what each API calls it.
// Not for our own bugs: those are asserts. Not for hot loops.
// Thread-safety: an Error is a value; the table is constant.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>

namespace hearth {

enum class ErrorKind {
  kInvalidArgument,        // a value that the caller gave is wrong: names the field and what is allowed
  kWrongUsage,             // a command line that makes no sense
  kUnauthenticated,        // no key, or one that is not valid
  kForbidden,              // a valid key that does not allow this
  kNotFound,               // a model, file or route that does not exist
  kContextLengthExceeded,  // a prompt that does not fit: states both numbers
  kUnsupported,            // well formed, but nothing here can do it: names the type or the feature
  kCorruptData,            // a file or an answer that breaks its own format or its digest
  kInputOutput,            // a read, write, bind or open that the system refused
  kDiskFull,
  kNetwork,   // a remote side that failed; trying again may help
  kConflict,  // clashes with what exists: a port or a lock in use
  kPayloadTooLarge,
  kRateLimited,  // this caller's limit
  kOverloaded,   // the server's limit; trying again later helps
  kOutOfMemory,  // the memory plan does not allow it
  kCancelled,
  kDeadlineExceeded,
  kInternal,  // our own fault
};

// What an ErrorKind means at each edge.
struct ErrorKindInfo {
  std::string_view name;  // stable, for logs: "context_length_exceeded"
  int exit_code;          // 1 failed, 2 wrong usage
  int http_status;
  std::string_view openai_type;     // "invalid_request_error"
  std::string_view openai_code;     // may be empty: JSON null
  std::string_view anthropic_type;  // "invalid_request_error"
  bool retry_helps;
};

const ErrorKindInfo& error_kind_info(ErrorKind kind);

// `message` says what and where, with the offending name, number or position, for the caller. `hint` says
// what to do next. `field` names the request field or option at fault. The log-safe text never holds what a
// user wrote: it is the kind's name unless `with_log_text` gives a better one.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::string hint = {});

  Error&& with_field(std::string field) &&;
  Error&& with_log_text(std::string text) &&;

  ErrorKind kind() const { return kind_; }
  const ErrorKindInfo& info() const { return error_kind_info(kind_); }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const std::string& field() const { return field_; }
  const std::string& log_text() const { return log_text_; }
  // "message (hint)", what a terminal shows.
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  ErrorKind kind_;
  std::string message_, hint_, field_, log_text_, what_;
};

// An Error from errno: "cannot open /x/y: No such file or directory". ENOSPC and EDQUOT become kDiskFull,
// ENOENT kNotFound, EADDRINUSE kConflict, ENOMEM kOutOfMemory, the rest kInputOutput.
Error system_error(std::string_view what_failed, int error_number);

}  // namespace hearth
