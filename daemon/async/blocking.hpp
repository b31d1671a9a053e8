#pragma once
// Work that may wait for a disk, off the loop.

#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace kmux::daemon {

/// One thread, which runs one piece of work after the other. Owns no objects: work takes values
/// and gives a value. The destructor waits for what runs.
class blocking {
public:
  /// `work()` on the thread; its result on the loop. What it throws is thrown to the awaiter.
  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work>> run(Work work) {
    using value = std::invoke_result_t<Work>;
    std::optional<value> result;
    std::exception_ptr failure;
    auto initiation = [this, &work, &result, &failure](auto handler) {
      // The loop must not run dry meanwhile.
      auto loop = boost::asio::prefer(boost::asio::get_associated_executor(handler),
                                      boost::asio::execution::outstanding_work.tracked);
      boost::asio::post(pool_, [&work, &result, &failure, loop = std::move(loop),
                                handler = std::move(handler)]() mutable {
        try {
          result.emplace(work());
        } catch (...) {
          failure = std::current_exception();
        }
        boost::asio::post(loop, std::move(handler));
      });
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        std::move(initiation), boost::asio::use_awaitable);
    if (!result) std::rethrow_exception(failure);
    co_return std::move(*result);
  }

private:
  boost::asio::thread_pool pool_{1};
};

}  // namespace kmux::daemon
