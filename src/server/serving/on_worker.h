// Work that would hold up a network thread, for handlers. Thread-safety: called on a connection's strand.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace hearth::server {

// Runs `work` on a worker thread; its result or exception comes back to the caller's strand.
template <typename Work>
boost::asio::awaitable<std::invoke_result_t<Work>> on_worker(boost::asio::thread_pool& workers, Work work) {
  auto run = [](Work task) -> boost::asio::awaitable<std::invoke_result_t<Work>> { co_return task(); };
  co_return co_await boost::asio::co_spawn(workers.get_executor(), run(std::move(work)),
                                           boost::asio::use_awaitable);
}

}  // namespace hearth::server
