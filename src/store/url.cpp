#include "store/url.h"

#include <curl/curl.h>

#include <memory>

#include "base/error.h"
#include "base/printable.h"

namespace hearth::store {
namespace {

using CurlUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part_of(const CurlUrl& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return {};
  std::string result(text);
  curl_free(text);
  return result;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Url parse_url(std::string_view text) {
  const CurlUrl url(curl_url(), &curl_url_cleanup);
  const std::string copy(text);
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, copy.c_str(), 0);
  if (code != CURLUE_OK || copy.find('\0') != std::string::npos)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("'{}' is not a URL: {}", printable_url(text), curl_url_strerror(code)));
  Url result;
  result.scheme = part_of(url, CURLUPART_SCHEME);
  result.host = part_of(url, CURLUPART_HOST);
  result.path = part_of(url, CURLUPART_PATH);
  if ((result.scheme != "https" && result.scheme != "http") || result.host.empty())
    throw Error(ErrorKind::kInvalidArgument, fmt::format("'{}' is not an https URL", printable_url(text)));
  result.origin =
      result.scheme + "://" + result.host + ":" + part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  result.is_loopback =
      result.host == "localhost" || result.host == "[::1]" ||
      (result.host.starts_with("127.") && result.host.find_first_not_of("0123456789.") == std::string::npos);
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  result.without_credentials = part_of(url, CURLUPART_URL);
  return result;
}

std::string printable_url(std::string_view text) {
  const std::string_view bare = text.substr(0, text.find_first_of("?#"));
  return printable(without_url_credentials(bare), 300);
}

std::string without_url_credentials(std::string_view text) {
  std::string result;
  while (true) {
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return result.append(text);
    result.append(text.substr(0, scheme + 3));
    text.remove_prefix(scheme + 3);
    const std::size_t end = text.find_first_of("/?# \t\r\n\"'");
    const std::size_t at = text.substr(0, end).rfind('@');
    if (at != std::string_view::npos) text.remove_prefix(at + 1);
  }
}

std::string unescape_url_path(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      result += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string escape_url_path(std::string_view relative_path) {
  std::string result;
  for (unsigned char c : relative_path) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || c == '/';
    if (plain)
      result += static_cast<char>(c);
    else
      result += fmt::format("%{:02X}", c);
  }
  return result;
}

}  // namespace hearth::store
