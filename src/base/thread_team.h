// A fixed team of threads that runs one function on all members at once: the way every operator divides its
// work.
//
// The caller is member 0. Members spin a short while for the next call, then sleep, so that an idle server
// uses no processor. Results must not depend on the team's size: operators give each output element to
// exactly one member. Thread-safety: run() is called by one thread at a time (the engine's compute thread
// owns the team).
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace hearth {

class ThreadTeam {
 public:
  // 0 threads means default_thread_count().
  explicit ThreadTeam(int threads = 0);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  // Calls function(member) once for each member in [0, size()) and returns when all have returned.
  // The function must not throw.
  template <typename Function>
  void run(Function&& function) {
    using Plain = std::remove_reference_t<Function>;
    run_erased([](void* f, int member) { (*static_cast<Plain*>(f))(member); },
               const_cast<void*>(static_cast<const void*>(&function)));
  }

  // Waits until every member of the running call has arrived. Only inside run(), by all members.
  void barrier();

 private:
  void run_erased(void (*call)(void*, int), void* function);
  struct Shared;
  std::unique_ptr<Shared> shared_;
  int size_;
};

// The part [first, second) of `count` items that falls to `member`, in multiples of `granule`.
std::pair<std::size_t, std::size_t> divide_work(std::size_t count, int member, int members,
                                                std::size_t granule = 1);

// Physical cores within this process's affinity and its container's CPU quota, at least 1; never
// hyperthreads.
int default_thread_count();

}  // namespace hearth
