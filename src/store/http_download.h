// Downloads one file over HTTP: several connections, byte ranges, resumable after anything.
//
// Beside the data (TARGET) lies what is known of it (TARGET.state): the size, the validator (ETag) and how
// far each piece has come, written only after the data itself is on the disk. A later call goes on from
// there, when the file is still the same: by its expected digest where one is known (the caller checks it at
// the end), else by a strong ETag with If-Range, so that two versions are never spliced. A server without
// ranges is read in one piece from the start. Thread-safety: one download per target.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "store/http_client.h"

namespace hearth::store {

struct DownloadRequest {
  std::string url;
  std::string what;  // for messages: the file's name
  std::filesystem::path target;
  std::optional<std::uint64_t> size;  // as the source's metadata states it
  std::string expected_digest;        // any text that names the content; empty where nothing does
  int connections = 4;
  RetryPolicy retry;
  HttpOptions http;
};

struct DownloadResult {
  std::uint64_t size = 0;
  std::string etag;      // a strong one, or empty
  bool resumed = false;  // some bytes came from an earlier call
};

// `on_bytes` is called on this thread, at least five times a second, with the bytes that are here so far; it
// may throw to stop. Throws TransferError, kDiskFull (nothing lost: a later call goes on), kCorruptData where
// the size is not the stated one.
DownloadResult download_file(const DownloadRequest& request,
                             const std::function<void(std::uint64_t)>& on_bytes);

// The size and the strong ETag of a URL's file now; kUnknownLength and empty where the server does not say.
struct RemoteFile {
  std::uint64_t size = kUnknownLength;
  std::string etag;
  bool ranges = false;
};
RemoteFile probe_url(HttpClient& client, const std::string& url, std::string_view what,
                     const RetryPolicy& retry, const HttpClient::KeepGoing& keep_going);

}  // namespace hearth::store
