#include "server/routes/detached_exchange.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace hearth::server {

namespace net = boost::asio;

DetachedExchange::DetachedExchange(const Exchange& first, net::any_io_executor strand,
                                   std::weak_ptr<net::io_context> io_context,
                                   std::shared_ptr<RecordedAnswer> answer)
    : message_(first.message()),
      peer_address_(first.peer_address()),
      path_rest_(first.path_rest()),
      options_(first.options()),
      received_(first.received()),
      strand_(std::move(strand)),
      io_context_(std::move(io_context)),
      answer_(std::move(answer)),
      wakeup_(strand_) {
  const engine::RequestContext& context = *first.context();
  context_->request_id = context.request_id;
  context_->principal = context.principal;
  context_->deadline = context.deadline;
  context_->queue_deadline = context.queue_deadline;
}

std::string_view DetachedExchange::header(std::string_view name) const {
  const auto value = message_[boost::beast::string_view(name.data(), name.size())];
  return {value.data(), value.size()};
}

void DetachedExchange::set_meter(std::shared_ptr<const GenerationMeter> meter) {
  answer_->set_meter(std::move(meter));
}

// Where nobody listens any more, the request is cancelled at once, whatever its handler waits for.
std::function<void()> DetachedExchange::waker() {
  return [weak = weak_from_this(), weak_io = io_context_] {
    const auto io_context = weak_io.lock();
    const auto self = weak.lock();
    if (!io_context || !self) return;
    net::post(self->strand_, [weak] {
      const auto alive = weak.lock();
      if (!alive) return;
      if (alive->answer_->is_abandoned()) alive->context_->cancelled = true;
      alive->wakeup_.notify();
    });
  };
}

net::awaitable<void> DetachedExchange::respond(Response response) {
  answer_->begin({response.status, std::move(response.headers), false});
  answer_->add(response.body);
  co_return;
}

net::awaitable<bool> DetachedExchange::begin_stream(HeaderList headers) {
  answer_->begin({200, std::move(headers), true});
  co_return !context_->cancelled;
}

net::awaitable<bool> DetachedExchange::send(std::string_view bytes) {
  answer_->add(bytes);
  co_return !context_->cancelled;
}

}  // namespace hearth::server
