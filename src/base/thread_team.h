// A fixed team of threads that share the parts of one piece of work: the way every operator divides its work.
//
// The caller is member 0. A member that is late (asleep, or its processor taken by another process) holds
// nobody up: the others take its parts, and only parts that were begun are waited for. Members spin a short
// while for the next call, then sleep, so that an idle server uses no processor. Results must not depend on
// who does what: operators give each output element to exactly one part. Thread-safety: one thread at a time
// calls (the engine's compute thread owns the team), and not from within a call.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace hearth {

class ThreadTeam {
 public:
  // 0 threads means default_thread_count().
  explicit ThreadTeam(int threads = 0);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  // The first item of a member's even share.
  std::size_t share_begin(std::size_t count, std::size_t granule, int member) const {
    const std::size_t granules = (count + granule - 1) / granule;
    return granules * static_cast<std::size_t>(member) / static_cast<std::size_t>(size_) * granule;
  }

  // Calls function(member, first, last) for parts [first, last) that together make up [0, count), each item
  // once, and returns when all have returned. Parts begin at multiples of `granule`. `member` is in
  // [0, size()), and no two calls at a time have the same: it may choose scratch memory. A member begins with
  // its even share, in rising order and in parts that shrink, and then takes from what others have left. At
  // most 2^32 - 1 items. The function must not throw.
  template <typename Function>
  void for_each_part(std::size_t count, std::size_t granule, Function&& function) {
    using Plain = std::remove_reference_t<Function>;
    const auto call = [](void* f, int member, std::size_t first, std::size_t last) {
      (*static_cast<Plain*>(f))(member, first, last);
    };
    if (count == 0) return;
    if (size_ == 1 || count <= granule)
      function(0, std::size_t{0}, count);
    else
      share(count, granule, call, const_cast<void*>(static_cast<const void*>(&function)));
  }

 private:
  using Call = void (*)(void*, int member, std::size_t first, std::size_t last);
  void share(std::size_t count, std::size_t granule, Call call, void* function);
  struct Shared;
  std::unique_ptr<Shared> shared_;
  int size_;
};

// Physical cores within this process's affinity and its container's CPU quota, at least 1; never
// hyperthreads.
int default_thread_count();

}  // namespace hearth
