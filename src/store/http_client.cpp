#include "store/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <thread>

#include "base/printable.h"
#include "store/url.h"

namespace hearth::store {
namespace {

constexpr int kMaximumRedirects = 10;
constexpr std::size_t kMaximumHeaders = 200;
constexpr std::size_t kMaximumHeaderBytes = 16 << 10;

struct CurlGlobal {
  CurlGlobal() { curl_global_init(CURL_GLOBAL_DEFAULT); }
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() &&
         (text.back() == ' ' || text.back() == '\t' || text.back() == '\r' || text.back() == '\n'))
    text.remove_suffix(1);
  return text;
}

// A connection that the server closes raises SIGPIPE inside the TLS library, which would end the program.
class SigPipeBlock {
 public:
  SigPipeBlock() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigPipeBlock() {
    const timespec at_once{};
    while (!sigismember(&before_, SIGPIPE) && sigtimedwait(&pipe_, nullptr, &at_once) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigPipeBlock(const SigPipeBlock&) = delete;
  SigPipeBlock& operator=(const SigPipeBlock&) = delete;

 private:
  sigset_t pipe_, before_;
};

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Url allowed_url(const std::string& text, bool plain_http_allowed) {
  Url url = parse_url(text);
  if (url.scheme == "https" || url.is_loopback || plain_http_allowed) return url;
  throw Error(ErrorKind::kInvalidArgument, fmt::format("'{}' is not encrypted", printable_url(text)),
              "use https://, or --allow-http for a network that you trust");
}

}  // namespace

std::string_view HttpHead::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::uint64_t HttpHead::content_length() const {
  const std::string_view text = header("content-length");
  std::uint64_t length = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), length);
  return text.empty() || code != std::errc() || end != text.data() + text.size() ? kUnknownLength : length;
}

struct HttpClient::State {
  HttpOptions options;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{nullptr, &curl_easy_cleanup};
  // Of the running call.
  HttpHead head;
  const BodySink* sink = nullptr;
  const KeepGoing* keep_going = nullptr;
  bool enough = false, cancelled = false;
  std::exception_ptr failure;

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  void request(const std::string& url, const Url& parsed, const std::vector<std::string>& headers);
  void set_options(const std::string& url, const Url& parsed);
};

std::size_t HttpClient::State::on_header(char* data, std::size_t size, std::size_t count, void* user) {
  State& self = *static_cast<State*>(user);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {  // a new answer: 100 Continue or a proxy's came before
    self.head.headers.clear();
    self.head.status = 0;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || line.starts_with("HTTP/")) return line.size();
  if (self.head.headers.size() >= kMaximumHeaders || line.size() > kMaximumHeaderBytes) return 0;
  std::string name(line.substr(0, colon));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  self.head.headers[name] = trim(line.substr(colon + 1));
  return line.size();
}

std::size_t HttpClient::State::on_body(char* data, std::size_t size, std::size_t count, void* user) {
  State& self = *static_cast<State*>(user);
  if (self.head.status == 0) curl_easy_getinfo(self.handle.get(), CURLINFO_RESPONSE_CODE, &self.head.status);
  if (is_redirect(self.head.status)) return size * count;
  try {
    if ((*self.sink)(self.head, std::as_bytes(std::span(data, size * count)))) return size * count;
    self.enough = true;
  } catch (...) {
    self.failure = std::current_exception();
  }
  return 0;
}

int HttpClient::State::on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  State& self = *static_cast<State*>(user);
  self.cancelled = *self.keep_going && !(*self.keep_going)();
  return self.cancelled ? 1 : 0;
}

void HttpClient::State::set_options(const std::string& url, const Url& parsed) {
  CURL* curl = handle.get();
  curl_easy_reset(curl);  // keeps the connections
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "hearth");
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
  if (parsed.is_loopback) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  // What curl's own program and OpenSSL honour, an organisation's certificates included.
  for (const char* variable : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"})
    if (const char* file = std::getenv(variable); file != nullptr && *file != '\0') {
      curl_easy_setopt(curl, CURLOPT_CAINFO, file);
      break;
    }
  if (!options.bearer_token.empty() && parsed.origin == options.bearer_origin) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, options.bearer_token.c_str());
  }
}

void HttpClient::State::request(const std::string& url, const Url& parsed,
                                const std::vector<std::string>& headers) {
  set_options(url, parsed);
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> list(nullptr, &curl_slist_free_all);
  for (const std::string& header : headers) {
    curl_slist* longer = curl_slist_append(list.get(), header.c_str());
    if (longer == nullptr) throw Error(ErrorKind::kOutOfMemory, "no memory for a request");
    list.release();
    list.reset(longer);
  }
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, list.get());
  head = HttpHead{0, {}, url};
  enough = cancelled = false;
  failure = nullptr;
  CURLcode code;
  {
    const SigPipeBlock block;
    code = curl_easy_perform(handle.get());
  }
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &head.status);
  if (failure) std::rethrow_exception(failure);
  if (cancelled) throw Error(ErrorKind::kCancelled, "the transfer was interrupted");
  if (code == CURLE_OK || enough) return;
  const bool certificate = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
  throw TransferError(
      ErrorKind::kNetwork, fmt::format("{}: {}", printable_url(url), curl_easy_strerror(code)),
      certificate ? "the server's certificate is not trusted here; set SSL_CERT_FILE to the right bundle"
                  : "",
      !certificate);
}

HttpClient::HttpClient(HttpOptions options) : state_(std::make_unique<State>()) {
  static const CurlGlobal global;
  state_->options = std::move(options);
  state_->handle.reset(curl_easy_init());
  if (!state_->handle) throw Error(ErrorKind::kOutOfMemory, "cannot make an HTTP client");
}

HttpClient::~HttpClient() = default;

HttpHead HttpClient::get(const std::string& url, const std::vector<std::string>& headers,
                         const BodySink& sink, const KeepGoing& keep_going) {
  State& state = *state_;
  state.sink = &sink;
  state.keep_going = &keep_going;
  std::string target = url;
  Url parsed = allowed_url(target, state.options.allow_plain_http);
  const bool plain_allowed = parsed.scheme == "http" && state.options.allow_plain_http;
  for (int hop = 0; hop <= kMaximumRedirects; ++hop) {
    state.request(target, parsed, headers);
    if (!is_redirect(state.head.status)) return std::move(state.head);
    char* next = nullptr;
    curl_easy_getinfo(state.handle.get(), CURLINFO_REDIRECT_URL, &next);
    if (next == nullptr)
      throw TransferError(ErrorKind::kNetwork, printable_url(target) + " redirects to nowhere", "", false);
    const std::string from = target;
    target = next;
    const bool was_encrypted = parsed.scheme == "https";
    parsed = allowed_url(target, plain_allowed);
    if (was_encrypted && parsed.scheme != "https")
      throw Error(ErrorKind::kNetwork, fmt::format("{} redirects to an address that is not encrypted: {}",
                                                   printable_url(from), printable_url(target)));
  }
  throw TransferError(ErrorKind::kNetwork, printable_url(url) + " redirects without end", "", false);
}

TransferError status_error(const HttpHead& head, std::string_view what) {
  std::string message =
      fmt::format("{}: the server {} answers {}", what, printable_url(head.url), head.status);
  if (const std::string_view words = head.header("x-error-message"); !words.empty())
    message += fmt::format(" ({})", printable(words, 200));
  std::chrono::seconds retry_after{0};
  const std::string_view after = head.header("retry-after");
  long long seconds = 0;
  if (std::from_chars(after.data(), after.data() + after.size(), seconds).ec == std::errc())
    retry_after = std::chrono::seconds(std::clamp<long long>(seconds, 0, 86'400));
  switch (head.status) {
    case 401:
    case 403:
      return {ErrorKind::kNetwork, message, "it wants authorisation, or there is no such thing there", false};
    case 404:
    case 410:
      return {ErrorKind::kNotFound, message, "check the address", false};
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return {ErrorKind::kNetwork, message, "try again later", true, retry_after};
    default:
      return {ErrorKind::kNetwork, message, "", false};
  }
}

void with_retries(const RetryPolicy& policy, const std::function<std::uint64_t()>& progress,
                  const HttpClient::KeepGoing& keep_going, const std::function<void()>& attempt) {
  using std::chrono::milliseconds;
  std::uint64_t gained = progress();
  milliseconds delay = policy.first_delay;
  for (int failures = 0;;) {
    try {
      return attempt();
    } catch (const TransferError& error) {
      if (progress() > gained) {
        gained = progress();
        failures = 0;
        delay = policy.first_delay;
      }
      if (!error.worth_retrying || ++failures >= policy.attempts || error.retry_after > policy.maximum_delay)
        throw;
      const milliseconds wait = std::max<milliseconds>(delay, error.retry_after);
      for (milliseconds waited{0}; waited < wait; waited += milliseconds(50)) {
        if (keep_going && !keep_going()) throw Error(ErrorKind::kCancelled, "the transfer was interrupted");
        std::this_thread::sleep_for(std::min(milliseconds(50), wait - waited));
      }
      delay = std::min(2 * delay, policy.maximum_delay);
    }
  }
}

HttpText get_text(HttpClient& client, const std::string& url, std::string_view what,
                  std::size_t maximum_bytes, const RetryPolicy& policy,
                  const HttpClient::KeepGoing& keep_going) {
  HttpText result;
  with_retries(
      policy, [] { return std::uint64_t{0}; }, keep_going,
      [&] {
        result.body.clear();
        result.head = client.get(
            url, {},
            [&](const HttpHead& head, std::span<const std::byte> bytes) {
              if (head.status / 100 != 2) return false;
              if (bytes.size() > maximum_bytes - result.body.size())
                throw Error(ErrorKind::kPayloadTooLarge, fmt::format("{}: the answer is too long", what));
              result.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
              return true;
            },
            keep_going);
        if (result.head.status / 100 != 2) throw status_error(result.head, what);
      });
  return result;
}

}  // namespace hearth::store
