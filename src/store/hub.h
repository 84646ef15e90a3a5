// A model hub that speaks the protocol of huggingface.co: what a repository holds, and the digests that the
// hub's own metadata states.
//
//   GET /api/models/OWNER/REPO/revision/REVISION             {"sha": commit, "cardData": {"license": …}, …}
//   GET /api/models/OWNER/REPO/tree/COMMIT?recursive=true    [{"path", "size", "oid", "lfs": {"oid",
//   "size"}}, …] GET /OWNER/REPO/resolve/COMMIT/PATH                      the file, by way of redirects
//
// `lfs.oid` is the SHA-256 of a large file; for a small one `oid` is git's SHA-1. The tree comes in pages
// (Link: <…>; rel="next"). Documentation: https://huggingface.co/docs/hub/api. Thread-safety: one Hub per
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/http_client.h"

namespace hearth::store {

struct HubFile {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256;   // of a large file, else empty
  std::string git_oid;  // of a small file, else empty
};

struct HubRevision {
  std::string commit;
  std::string licence;  // "apache-2.0"; empty where the model card names none
  std::vector<HubFile> files;
};

class Hub {
 public:
  // `endpoint` is "https://huggingface.co" or a mirror; `token` may be empty.
  Hub(std::string endpoint, const std::string& token, bool allow_plain_http, RetryPolicy retry);

  // Throws kNotFound for a repository or revision that does not exist, kNetwork with what to do for one that
  // is private or gated, kCorruptData for an answer that makes no sense.
  HubRevision revision(const std::string& repository, const std::string& revision,
                       const HttpClient::KeepGoing& keep_going);
  std::string file_url(const std::string& repository, const std::string& commit,
                       const std::string& path) const;
  const HttpOptions& http_options() const { return http_; }

 private:
  HttpText get(const std::string& url, const std::string& repository,
               const HttpClient::KeepGoing& keep_going);

  std::string endpoint_;
  bool has_token_;
  HttpOptions http_;
  RetryPolicy retry_;
  HttpClient client_;
};

}  // namespace hearth::store
