// A request that is answered for whoever listens, apart from any connection: what a handler sees of it. Its
// answer goes into a RecordedAnswer. Thread-safety: as Exchange, with a strand of its own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "server/network/exchange.h"
#include "server/serving/recorded_answer.h"

namespace hearth::server {

class DetachedExchange : public Exchange, public std::enable_shared_from_this<DetachedExchange> {
 public:
  // `first`: the exchange that the request came by.
  DetachedExchange(const Exchange& first, boost::asio::any_io_executor strand,
                   std::weak_ptr<boost::asio::io_context> io_context, std::shared_ptr<RecordedAnswer> answer);

  const Message& message() const override { return message_; }
  std::string peer_address() const override { return peer_address_; }
  std::string_view body() const override { return message_.body(); }
  void drop_body() override { message_.body() = std::string(); }
  std::string_view path_rest() const override { return path_rest_; }
  std::string_view header(std::string_view name) const override;
  const std::shared_ptr<engine::RequestContext>& context() const override { return context_; }
  const LiveOptions& options() const override { return options_; }
  Wakeup::Time received() const override { return received_; }
  void set_meter(std::shared_ptr<const GenerationMeter> meter) override;
  void leave_audit(bool /*to_another*/) override {}
  bool must_end() const override { return answer_->must_end(); }
  Wakeup& wakeup() override { return wakeup_; }
  std::function<void()> waker() override;
  boost::asio::awaitable<void> respond(Response response) override;
  boost::asio::awaitable<bool> begin_stream(HeaderList headers) override;
  boost::asio::awaitable<bool> send(std::string_view bytes) override;
  boost::asio::awaitable<void> end_stream() override { co_return; }

 private:
  Message message_;
  const std::string peer_address_, path_rest_;
  const LiveOptions options_;
  const Wakeup::Time received_;
  const boost::asio::any_io_executor strand_;
  const std::weak_ptr<boost::asio::io_context> io_context_;
  const std::shared_ptr<RecordedAnswer> answer_;
  const std::shared_ptr<engine::RequestContext> context_ = std::make_shared<engine::RequestContext>();
  Wakeup wakeup_;
};

}  // namespace hearth::server
