// HTTP GET for downloads, over libcurl: TLS verified, redirects followed by our own rules, nothing secret
// shown.
//
// Redirects go to https only; from http only where the first URL was allowed to be http. The bearer token is
// sent to its own origin alone. Plain http is for loopback unless allowed. Proxies are those of the
// environment, as for curl. Thread-safety: one HttpClient per thread; it keeps its connection between calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hearth::store {

struct HttpOptions {
  bool allow_plain_http = false;  // for hosts other than loopback
  std::string bearer_token;
  std::string bearer_origin;  // Url::origin that the token is for
  std::chrono::seconds connect_timeout{20};
  std::chrono::seconds stall_timeout{60};  // without a byte
};

// The last answer, after redirects.
struct HttpHead {
  long status = 0;
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
  std::string url;

  std::string_view header(std::string_view name) const;  // empty where there is none
  std::uint64_t content_length() const;                  // kUnknownLength where none is given
};
inline constexpr std::uint64_t kUnknownLength = ~std::uint64_t{0};

// Why a transfer failed. `worth_retrying`: the same request may succeed later, not before `retry_after`.
class TransferError : public Error {
 public:
  TransferError(ErrorKind kind, std::string message, std::string hint, bool worth_retrying,
                std::chrono::seconds retry_after = {})
      : Error(kind, std::move(message), std::move(hint)),
        worth_retrying(worth_retrying),
        retry_after(retry_after) {}
  bool worth_retrying;
  std::chrono::seconds retry_after;
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();

  // False: enough, the rest is not wanted; get() returns as if it had ended.
  using BodySink = std::function<bool(const HttpHead&, std::span<const std::byte>)>;
  // Asked several times a second; false ends the transfer with kCancelled.
  using KeepGoing = std::function<bool()>;

  // Returns at the end of the body with whatever status the server gave; throws TransferError where there was
  // no whole answer, kInvalidArgument for a URL that is not allowed. An exception of `sink` goes through.
  HttpHead get(const std::string& url, const std::vector<std::string>& headers, const BodySink& sink,
               const KeepGoing& keep_going);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A TransferError for a status that is not 2xx: says what it means and what to do. `what` names the thing
// asked for; a hub's own words (X-Error-Message) are quoted.
TransferError status_error(const HttpHead& head, std::string_view what);

struct RetryPolicy {
  int attempts = 6;  // without any progress between them
  std::chrono::milliseconds first_delay{500};
  std::chrono::milliseconds maximum_delay{30'000};  // a server that asks for more is not waited for
};

// Calls `attempt` until it returns. `progress` is a number that grows when something was gained, which starts
// the count anew. `keep_going` is asked while waiting; false throws kCancelled.
void with_retries(const RetryPolicy& policy, const std::function<std::uint64_t()>& progress,
                  const HttpClient::KeepGoing& keep_going, const std::function<void()>& attempt);

// The body as text, with retries; throws kPayloadTooLarge beyond `maximum_bytes` and status_error().
struct HttpText {
  HttpHead head;
  std::string body;
};
HttpText get_text(HttpClient& client, const std::string& url, std::string_view what,
                  std::size_t maximum_bytes, const RetryPolicy& policy,
                  const HttpClient::KeepGoing& keep_going);

}  // namespace hearth::store
