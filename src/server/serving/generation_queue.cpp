#include "server/serving/generation_queue.h"

#include <utility>

namespace hearth::server {

engine::GenerationCallback GenerationQueue::sink(std::int32_t choice) {
  return [self = shared_from_this(), choice](const engine::GenerationEvent& event) {
    self->push(choice, event);
  };
}

void GenerationQueue::push(std::int32_t choice, const engine::GenerationEvent& event) {
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = items_.empty();
    Item* last = nullptr;
    for (Item& item : items_)
      if (item.choice == choice) last = &item;
    if (last) {
      last->event.text += event.text;
      last->event.reasoning += event.reasoning;
      last->event.finish = event.finish;
      last->event.stop_string = event.stop_string;
      last->event.error = event.error;
      last->event.usage = event.usage;
    } else {
      items_.push_back({choice, event});
    }
  }
  if (first) wake_();  // a reader that was woken and has not come yet will see this event too
}

std::vector<GenerationQueue::Item> GenerationQueue::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(items_, {});
}

}  // namespace hearth::server
