#include "store/hub.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/printable.h"
#include "store/digest.h"
#include "store/url.h"

namespace hearth::store {
namespace {

using nlohmann::json;
constexpr std::size_t kMaximumAnswerBytes = std::size_t{32} << 20;
constexpr int kMaximumPages = 100;
constexpr std::size_t kMaximumFiles = 100'000;

Error odd_answer(const std::string& repository, std::string_view why) {
  return Error(ErrorKind::kCorruptData,
               fmt::format("the hub's answer on {} makes no sense: {}", repository, why));
}

// The address of the next page out of `Link: <https://…>; rel="next"`; empty where this was the last.
std::string next_page(const HttpHead& head) {
  const std::string_view link = head.header("link");
  const std::size_t rel = link.find("rel=\"next\"");
  const std::size_t end = link.rfind('>', rel);
  const std::size_t begin = link.rfind('<', end);
  if (rel == std::string_view::npos || end == std::string_view::npos || begin == std::string_view::npos)
    return {};
  return std::string(link.substr(begin + 1, end - begin - 1));
}

HubFile file_from(const json& entry) {
  HubFile file;
  file.path = entry.at("path");
  file.size = entry.at("size");
  if (const auto lfs = entry.find("lfs"); lfs != entry.end() && lfs->is_object()) {
    std::string oid = lfs->at("oid");
    if (oid.starts_with("sha256:")) oid.erase(0, 7);
    if (!is_sha256(oid)) throw Error(ErrorKind::kCorruptData, "a digest is malformed");
    file.sha256 = oid;
    file.size = lfs->at("size");  // `size` may be that of the pointer
  } else {
    file.git_oid = entry.at("oid");
    if (!is_git_oid(file.git_oid)) throw Error(ErrorKind::kCorruptData, "a git digest is malformed");
  }
  return file;
}

std::string licence_of(const json& model) {
  const auto card = model.find("cardData");
  if (card == model.end() || !card->is_object()) return {};
  const auto licence = card->find("license");
  if (licence == card->end()) return {};
  if (licence->is_string()) {
    // "other" says where to look: its own name is then in license_name.
    const auto name = card->find("license_name");
    if (*licence == "other" && name != card->end() && name->is_string()) return *name;
    return *licence;
  }
  return licence->is_array() && !licence->empty() && licence->front().is_string() ? licence->front()
                                                                                  : json("");
}

}  // namespace

Hub::Hub(std::string endpoint, const std::string& token, bool allow_plain_http, RetryPolicy retry)
    : endpoint_(std::move(endpoint)),
      has_token_(!token.empty()),
      http_{.allow_plain_http = allow_plain_http,
            .bearer_token = token,
            .bearer_origin = parse_url(endpoint_).origin},
      retry_(retry),
      client_(http_) {
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
}

HttpText Hub::get(const std::string& url, const std::string& repository,
                  const HttpClient::KeepGoing& keep_going) {
  try {
    return get_text(client_, url, repository, kMaximumAnswerBytes, retry_, keep_going);
  } catch (const TransferError& error) {
    if (error.kind() == ErrorKind::kNotFound)
      throw Error(ErrorKind::kNotFound, error.message(), "check the repository's and the revision's names");
    // The hub answers 401 also for what does not exist, so as not to tell.
    if (error.message().find("answers 401") != std::string::npos ||
        error.message().find("answers 403") != std::string::npos)
      throw Error(ErrorKind::kNetwork, error.message(),
                  has_token_
                      ? "check the name; if the model is gated, accept its terms on its page with the "
                        "account of HF_TOKEN"
                      : "check the name; if the model is private or gated, set HF_TOKEN to an access token");
    throw;
  }
}

HubRevision Hub::revision(const std::string& repository, const std::string& revision,
                          const HttpClient::KeepGoing& keep_going) {
  const std::string base = endpoint_ + "/api/models/" + repository;
  HubRevision result;
  try {
    // A revision may hold slashes ("refs/pr/1"), which the API wants escaped.
    std::string escaped;
    for (const char c : escape_url_path(revision))
      escaped += c == '/' ? std::string("%2F") : std::string(1, c);
    const json model =
        parse_json(get(base + "/revision/" + escaped, repository, keep_going).body, "the hub's answer");
    result.commit = model.at("sha");
    if (!is_git_oid(result.commit)) throw odd_answer(repository, "its commit is malformed");
    result.licence = printable(licence_of(model));
    std::string url = base + "/tree/" + result.commit + "?recursive=true";
    for (int page = 0; !url.empty(); ++page) {
      if (page == kMaximumPages || result.files.size() > kMaximumFiles)
        throw odd_answer(repository, "its list of files has no end");
      const HttpText answer = get(url, repository, keep_going);
      const json entries = parse_json(answer.body, "the hub's answer");
      if (!entries.is_array()) throw odd_answer(repository, "its list of files is no list");
      for (const json& entry : entries)
        if (entry.at("type") == "file") result.files.push_back(file_from(entry));
      url = next_page(answer.head);
    }
  } catch (const json::exception& error) {
    throw odd_answer(repository, error.what());
  }
  return result;
}

std::string Hub::file_url(const std::string& repository, const std::string& commit,
                          const std::string& path) const {
  return endpoint_ + "/" + repository + "/resolve/" + commit + "/" + escape_url_path(path);
}

}  // namespace hearth::store
