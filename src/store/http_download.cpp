#include "store/http_download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"
#include "store/disk_space.h"

namespace hearth::store {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// A piece is one request: large enough that requests cost nothing, small enough that connections share the
// work.
constexpr std::uint64_t kSmallestPiece = std::uint64_t{4} << 20;
constexpr std::uint64_t kLargestPiece = std::uint64_t{64} << 20;
constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kCheckpointInterval = std::chrono::seconds(2);
constexpr int kMaximumRestarts = 3;
constexpr std::size_t kMaximumStateBytes = std::size_t{8} << 20;
// Of a state file at most, with room for the folder's own growth.
constexpr std::size_t kStateBytes = 16 << 10;
constexpr std::size_t kStateBytesPerPiece = 64;

struct FileChanged {};  // thrown by a worker: the server now has another file

struct Piece {
  Piece(std::uint64_t begin, std::uint64_t end, std::uint64_t done) : begin(begin), end(end), done(done) {}
  const std::uint64_t begin, end;   // end is kUnknownLength where the server tells no length
  std::atomic<std::uint64_t> done;  // written and so not to be fetched again
};

struct ContentRange {
  std::uint64_t begin = 0, end = 0, total = kUnknownLength;  // end: one past the last byte
};

// "bytes 0-99/1234", or "bytes */1234" (of a 416). False where it is neither.
bool parse_content_range(std::string_view text, ContentRange& range) {
  const auto number = [&](std::uint64_t& value) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
  };
  const auto skip = [&](std::string_view literal) {
    if (!text.starts_with(literal)) return false;
    text.remove_prefix(literal.size());
    return true;
  };
  if (!skip("bytes ")) return false;
  if (!skip("*")) {
    if (!number(range.begin) || !skip("-") || !number(range.end) || range.end < range.begin) return false;
    ++range.end;
  }
  return skip("/") && number(range.total) && text.empty();
}

// What If-Range accepts (RFC 9110, 13.1.5): a strong ETag, or a date that is old enough to be one.
std::string validator_of(const HttpHead& head) {
  const std::string_view etag = head.header("etag");
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (etag.starts_with('"') && std::all_of(etag.begin(), etag.end(), is_plain)) return std::string(etag);
  const std::string modified(head.header("last-modified")), date(head.header("date"));
  const std::time_t modified_time = curl_getdate(modified.c_str(), nullptr);
  const std::time_t now = curl_getdate(date.c_str(), nullptr);
  if (!std::all_of(modified.begin(), modified.end(), is_plain)) return {};
  return modified_time > 0 && now >= modified_time + 60 ? modified : std::string();
}

class Download {
 public:
  Download(const DownloadRequest& request, const RemoteFile& remote) : request_(request), remote_(remote) {
    resumed_ = load_state();
    if (!resumed_) start_anew();
    file_ = open_file(request.target, O_WRONLY | O_CREAT | (resumed_ ? 0 : O_TRUNC));
    if (remote.size != kUnknownLength)
      require_free_space(request.target.parent_path(), remote.size - std::min(remote.size, bytes_done()));
    make_reserve();
  }
  ~Download() { drop_reserve(); }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  bool resumed() const { return resumed_; }
  std::uint64_t bytes_done() const {
    std::uint64_t sum = 0;
    for (const Piece& piece : pieces_) sum += piece.done;
    return sum;
  }
  void run(const std::function<void(std::uint64_t)>& on_bytes);

 private:
  // Whether two requests can be parts of one file: by the digest that judges the end, or by the validator.
  bool resumable() const {
    return remote_.ranges && (!request_.expected_digest.empty() || !remote_.etag.empty());
  }
  bool load_state();
  void start_anew();
  void checkpoint();
  void work();
  void fetch(HttpClient& client, Piece& piece);
  void check_answer(const HttpHead& head, const Piece& piece) const;
  void write_at(std::span<const std::byte> bytes, std::uint64_t offset) const;
  fs::path state_path() const { return request_.target.string() + ".state"; }
  // Room on the disk that is given up when it is full, so that how far we came can still be written down.
  void make_reserve() const;
  void drop_reserve() const;
  fs::path reserve_path() const { return request_.target.string() + ".reserve"; }

  const DownloadRequest& request_;
  const RemoteFile remote_;
  FileDescriptor file_;
  std::deque<Piece> pieces_;
  bool resumed_ = false;

  std::atomic<std::size_t> next_piece_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;  // guards the three below
  std::condition_variable changed_;
  int running_ = 0;
  std::exception_ptr failure_;
};

bool Download::load_state() {
  if (!resumable() || !fs::exists(state_path()) || !fs::exists(request_.target)) return false;
  try {
    const json state = parse_json(read_file(state_path(), kMaximumStateBytes), state_path().string());
    if (state.at("size") != remote_.size || state.at("digest") != request_.expected_digest) return false;
    if (request_.expected_digest.empty() && state.at("etag") != remote_.etag) return false;
    std::uint64_t expected_begin = 0;
    std::uint64_t done = 0;
    for (const json& entry : state.at("pieces")) {
      const std::uint64_t begin = entry.at(0), end = entry.at(1), length = entry.at(2);
      if (begin != expected_begin || end <= begin || length > end - begin) return false;
      pieces_.emplace_back(begin, end, length);
      expected_begin = end;
      done += length;
    }
    if (expected_begin == remote_.size && done > 0) return true;
  } catch (const Error&) {  // a damaged state means starting anew
  } catch (const json::exception&) {
  }
  pieces_.clear();
  return false;
}

void Download::start_anew() {
  pieces_.clear();
  std::error_code error;
  fs::remove(state_path(), error);
  if (!resumable()) {
    if (remote_.size != 0) pieces_.emplace_back(0, remote_.size, 0);
    return;
  }
  const std::uint64_t share = remote_.size / (4 * static_cast<std::uint64_t>(request_.connections));
  const std::uint64_t length = std::clamp(share, kSmallestPiece, kLargestPiece);
  for (std::uint64_t begin = 0; begin < remote_.size; begin += length)
    pieces_.emplace_back(begin, std::min(begin + length, remote_.size), 0);
}

// The data first, then what is said of it: the state never promises bytes that a power cut could take.
void Download::checkpoint() {
  json pieces = json::array();
  for (const Piece& piece : pieces_) pieces.push_back({piece.begin, piece.end, piece.done.load()});
  if (::fdatasync(file_.get()) != 0) throw system_error("cannot write " + request_.target.string(), errno);
  if (!resumable()) return;
  write_file_atomically(state_path(), json{{"size", remote_.size},
                                           {"etag", remote_.etag},
                                           {"digest", request_.expected_digest},
                                           {"pieces", std::move(pieces)}}
                                          .dump());
}

void Download::make_reserve() const {
  if (!resumable()) return;
  const std::vector<std::byte> room(kStateBytes + pieces_.size() * kStateBytesPerPiece);
  const FileDescriptor fd = open_file(reserve_path(), O_WRONLY | O_CREAT | O_TRUNC);
  write_all(fd.get(), room, reserve_path());
}

void Download::drop_reserve() const {
  std::error_code error;
  fs::remove(reserve_path(), error);
}

void Download::write_at(std::span<const std::byte> bytes, std::uint64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error("cannot write " + request_.target.string(), errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void Download::check_answer(const HttpHead& head, const Piece& piece) const {
  if (!resumable()) {
    if (head.status != 200) throw status_error(head, request_.what);
    return;
  }
  if (head.status == 200 || head.status == 416) throw FileChanged{};
  if (head.status != 206) throw status_error(head, request_.what);
  ContentRange range;
  if (!parse_content_range(head.header("content-range"), range) || range.begin != piece.begin + piece.done)
    throw TransferError(ErrorKind::kNetwork, request_.what + ": the server sends another part than asked for",
                        "", false);
  if (range.total != remote_.size) throw FileChanged{};
  if (request_.expected_digest.empty() && validator_of(head) != remote_.etag) throw FileChanged{};
}

void Download::fetch(HttpClient& client, Piece& piece) {
  const auto keep_going = [&] { return !stop_.load(); };
  with_retries(
      request_.retry, [&] { return piece.done.load(); }, keep_going,
      [&] {
        std::vector<std::string> headers = {"Accept-Encoding: identity"};
        if (resumable()) {
          headers.push_back(fmt::format("Range: bytes={}-{}", piece.begin + piece.done, piece.end - 1));
          if (request_.expected_digest.empty()) headers.push_back("If-Range: " + remote_.etag);
        } else {
          piece.done = 0;
        }
        bool checked = false;
        const HttpHead head = client.get(
            request_.url, headers,
            [&](const HttpHead& answer, std::span<const std::byte> bytes) {
              if (!checked) check_answer(answer, piece);
              checked = true;
              const std::uint64_t wanted = piece.end - piece.begin - piece.done;
              bytes = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), wanted)));
              write_at(bytes, piece.begin + piece.done);
              piece.done += bytes.size();
              return bytes.size() < wanted;
            },
            keep_going);
        if (!checked) check_answer(head, piece);
        if (piece.end != kUnknownLength && piece.done < piece.end - piece.begin)
          throw TransferError(ErrorKind::kNetwork, request_.what + ": the connection ended early", "", true);
      });
}

void Download::work() {
  try {
    HttpClient client(request_.http);
    for (std::size_t i = next_piece_++; i < pieces_.size() && !stop_; i = next_piece_++)
      if (pieces_[i].done < pieces_[i].end - pieces_[i].begin) fetch(client, pieces_[i]);
  } catch (...) {
    const std::lock_guard guard(mutex_);
    if (!failure_) failure_ = std::current_exception();  // those after it are its consequences
    stop_ = true;
  }
  const std::lock_guard guard(mutex_);
  --running_;
  changed_.notify_all();
}

void Download::run(const std::function<void(std::uint64_t)>& on_bytes) {
  const std::size_t connections =
      resumable() ? std::min<std::size_t>(static_cast<std::size_t>(request_.connections), pieces_.size())
                  : pieces_.size();
  std::vector<std::thread> threads;
  running_ = static_cast<int>(connections);
  try {
    for (std::size_t i = 0; i < connections; ++i) threads.emplace_back([this] { work(); });
    Clock::time_point last_checkpoint = Clock::now();
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
      changed_.wait_for(lock, kTick);
      lock.unlock();
      on_bytes(bytes_done());
      if (Clock::now() - last_checkpoint >= kCheckpointInterval) {
        checkpoint();
        last_checkpoint = Clock::now();
      }
      lock.lock();
    }
  } catch (...) {
    const std::lock_guard guard(mutex_);
    if (!failure_) failure_ = std::current_exception();
    stop_ = true;
  }
  for (std::thread& thread : threads) thread.join();
  drop_reserve();
  if (failure_) {
    try {
      checkpoint();
    } catch (const Error&) {  // a full disk: the earlier state stands
    }
    std::error_code error;
    if (!resumable()) fs::remove(request_.target, error);  // of no use to a later call
    std::rethrow_exception(failure_);
  }
  checkpoint();
  on_bytes(bytes_done());
}

}  // namespace

RemoteFile probe_url(HttpClient& client, const std::string& url, std::string_view what,
                     const RetryPolicy& retry, const HttpClient::KeepGoing& keep_going) {
  RemoteFile remote;
  with_retries(
      retry, [] { return std::uint64_t{0}; }, keep_going,
      [&] {
        const HttpHead head = client.get(
            url, {"Accept-Encoding: identity", "Range: bytes=0-0"},
            [](const HttpHead& answer, std::span<const std::byte>) { return answer.status == 206; },
            keep_going);
        ContentRange range;
        const bool has_range = parse_content_range(head.header("content-range"), range);
        if (head.status == 206 && has_range) {
          remote = {range.total, validator_of(head), true};
        } else if (head.status == 416 && has_range && range.total == 0) {
          remote = {0, {}, false};
        } else if (head.status == 200) {
          remote = {head.content_length(), validator_of(head), false};
        } else {
          throw status_error(head, what);
        }
      });
  return remote;
}

DownloadResult download_file(const DownloadRequest& request,
                             const std::function<void(std::uint64_t)>& on_bytes) {
  HttpClient client(request.http);
  std::exception_ptr stopped;
  const auto keep_going = [&] {
    try {
      on_bytes(0);
      return true;
    } catch (...) {
      stopped = std::current_exception();
      return false;
    }
  };
  for (int restart = 0; restart <= kMaximumRestarts; ++restart) {
    RemoteFile remote;
    try {
      remote = probe_url(client, request.url, request.what, request.retry, keep_going);
    } catch (const Error&) {
      if (stopped) std::rethrow_exception(stopped);
      throw;
    }
    if (request.size && remote.size != kUnknownLength && remote.size != *request.size)
      throw Error(ErrorKind::kCorruptData, fmt::format("{}: the server has {} bytes, its metadata says {}",
                                                       request.what, remote.size, *request.size));
    if (request.size && remote.size == kUnknownLength) remote.size = *request.size;
    Download download(request, remote);
    try {
      download.run(on_bytes);
      std::error_code error;
      fs::remove(request.target.string() + ".state", error);
      return {download.bytes_done(), remote.etag, download.resumed()};
    } catch (const FileChanged&) {  // from the start, with the new file
      std::error_code error;
      fs::remove(request.target.string() + ".state", error);
    }
  }
  throw TransferError(ErrorKind::kNetwork,
                      request.what + ": the file changes again and again while it is read", "try again later",
                      true);
}

}  // namespace hearth::store
