#include "engine/disk_reader.h"

#include <algorithm>

namespace hearth::engine {
namespace {

using Clock = DiskCache::Clock;

// Of one piece: some milliseconds of copying between two steps.
constexpr std::size_t kPieceBytes = std::size_t{16} << 20;
// How long the thread sleeps where nobody can go on; who comes meanwhile waits as long.
constexpr std::chrono::milliseconds kMoment{2};

}  // namespace

bool DiskReader::proceed(std::list<Sequence>& running) {
  const auto has_read = [](Sequence& sequence) {
    return sequence.is_reading() && sequence.disk_wait().read != nullptr;
  };
  auto current = std::ranges::find_if(running, has_read);
  if (current != running.end() && disk_.is_done(*current->disk_wait().read)) take(*current);
  for (Sequence& sequence : running)
    if (sequence.is_reading() && Clock::now() - sequence.disk_wait().since > disk_.patience())
      sequence.end_reading(prefixes_);
  for (Sequence& sequence : running) {
    if (std::ranges::any_of(running, has_read)) break;
    if (sequence.is_reading()) begin(sequence);
  }
  if (!std::ranges::all_of(running, [](const Sequence& sequence) { return sequence.is_reading(); }))
    return false;
  current = std::ranges::find_if(running, has_read);
  if (current != running.end()) disk_.is_done(*current->disk_wait().read, kMoment);
  return true;
}

void DiskReader::begin(Sequence& sequence) {
  sequence.find_again(cache_, prefixes_);
  read_on(sequence);
}

void DiskReader::read_on(Sequence& sequence) {
  const std::size_t most = std::max<std::size_t>(kPieceBytes / cache_.page_bytes(), 1);
  const auto tokens = sequence.tokens();
  auto read = prefixes_.read_on(sequence.path(), tokens.first(tokens.size() - 1), most);
  if (read == nullptr) return sequence.end_reading(prefixes_);
  sequence.disk_wait() = {.read = std::move(read), .since = Clock::now()};
}

void DiskReader::take(Sequence& sequence) {
  const std::shared_ptr<DiskCache::Read> read = sequence.disk_wait().read;
  for (const DiskPage& page : read->pages) {
    const std::int64_t first = sequence.computed();
    if (!sequence.pages().prepare(first, first + kernels::kPageTokens))
      return sequence.end_reading(prefixes_);
    std::span<const std::byte> rest = page.content();
    for (std::int32_t g = 0; g < cache_.group_count(); ++g) {
      const std::int32_t target = sequence.pages().page(g, first / kernels::kPageTokens);
      cache_.copy_in(g, target, rest.first(cache_.page_bytes(g)));
      rest = rest.subspan(cache_.page_bytes(g));
    }
    sequence.take_read_page(prefixes_);
  }
  if (read->pages.size() < read->names.size()) return sequence.end_reading(prefixes_);
  read_on(sequence);
}

}  // namespace hearth::engine
