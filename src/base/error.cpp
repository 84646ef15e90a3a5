#include "base/error.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace hearth {

const ErrorKindInfo& error_kind_info(ErrorKind kind) {
  using K = ErrorKind;
  static constexpr std::string_view kRequest = "invalid_request_error";
  static constexpr std::string_view kServer = "server_error";
  static constexpr struct {
    K kind;
    ErrorKindInfo info;
  } kTable[] = {
      {K::kInvalidArgument, {"invalid_argument", 1, 400, kRequest, "invalid_value", kRequest, false}},
      {K::kWrongUsage, {"wrong_usage", 2, 400, kRequest, "", kRequest, false}},
      {K::kUnauthenticated,
       {"unauthenticated", 1, 401, kRequest, "invalid_api_key", "authentication_error", false}},
      {K::kForbidden, {"forbidden", 1, 403, kRequest, "missing_scope", "permission_error", false}},
      {K::kNotFound, {"not_found", 1, 404, kRequest, "model_not_found", "not_found_error", false}},
      {K::kContextLengthExceeded,
       {"context_length_exceeded", 1, 400, kRequest, "context_length_exceeded", kRequest, false}},
      {K::kUnsupported, {"unsupported", 1, 400, kRequest, "unsupported_value", kRequest, false}},
      {K::kCorruptData, {"corrupt_data", 1, 500, kServer, "", "api_error", false}},
      {K::kInputOutput, {"input_output", 1, 500, kServer, "", "api_error", false}},
      {K::kDiskFull, {"disk_full", 1, 507, kServer, "", "api_error", false}},
      {K::kNetwork, {"network", 1, 502, kServer, "", "api_error", true}},
      {K::kConflict, {"conflict", 1, 409, kRequest, "conflict", kRequest, false}},
      {K::kPayloadTooLarge, {"payload_too_large", 1, 413, kRequest, "", "request_too_large", false}},
      {K::kRateLimited,
       {"rate_limited", 1, 429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error", true}},
      {K::kOverloaded, {"overloaded", 1, 503, "overloaded_error", "overloaded", "overloaded_error", true}},
      {K::kOutOfMemory, {"out_of_memory", 1, 503, kServer, "", "api_error", true}},
      {K::kCancelled, {"cancelled", 1, 499, kRequest, "cancelled", kRequest, false}},
      {K::kDeadlineExceeded,
       {"deadline_exceeded", 1, 504, "timeout_error", "timeout", "timeout_error", true}},
      {K::kInternal, {"internal", 1, 500, kServer, "", "api_error", false}},
  };
  for (const auto& row : kTable)
    if (row.kind == kind) return row.info;
  return error_kind_info(K::kInternal);
}

Error::Error(ErrorKind kind, std::string message, std::string hint)
    : kind_(kind),
      message_(std::move(message)),
      hint_(std::move(hint)),
      log_text_(error_kind_info(kind).name) {
  what_ = hint_.empty() ? message_ : message_ + " (" + hint_ + ")";
}

Error&& Error::with_field(std::string field) && {
  field_ = std::move(field);
  return std::move(*this);
}

Error&& Error::with_log_text(std::string text) && {
  log_text_ = std::move(text);
  return std::move(*this);
}

Error system_error(std::string_view what_failed, int error_number) {
  ErrorKind kind = ErrorKind::kInputOutput;
  std::string hint;
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      kind = ErrorKind::kDiskFull;
      hint = "free some space and try again";
      break;
    case ENOENT:
      kind = ErrorKind::kNotFound;
      break;
    case EADDRINUSE:
      kind = ErrorKind::kConflict;
      break;
    case ENOMEM:
      kind = ErrorKind::kOutOfMemory;
      break;
    default:
      break;
  }
  const std::string reason = std::generic_category().message(error_number);
  return Error(kind, fmt::format("{}: {}", what_failed, reason), hint).with_log_text(reason);
}

}  // namespace hearth
