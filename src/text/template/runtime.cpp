#include "text/template/runtime.h"

#include <ctime>

#include "text/template/arguments.h"

namespace hearth::text::jinja {
namespace {

constexpr std::size_t kStepsBetweenClockChecks = 4096;
constexpr std::size_t kTextBytesPerStep = 64;
// What a map node and its bookkeeping take beside the entry itself.
constexpr std::size_t kDictionaryEntryBytes = 2 * sizeof(Value) + 96;
// About what an object kept until the end takes: a namespace or scope with its closure.
constexpr std::size_t kKeptObjectBytes = 256;

std::chrono::nanoseconds thread_time() {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

Runtime::Runtime(const TemplateLimits& limits, std::chrono::local_seconds now)
    : limits_(limits), now_(now), deadline_(thread_time() + limits.time) {}

Runtime::~Runtime() {
  for (const auto& clean_up : clean_ups_) clean_up();
}

void Runtime::step(std::size_t work) {
  steps_ += work;
  if (steps_ > limits_.steps) fail_limit("steps", limits_.steps);
  if (steps_ < next_clock_check_) return;
  next_clock_check_ = steps_ + kStepsBetweenClockChecks;
  if (thread_time() > deadline_) {
    throw Error(
        ErrorKind::kDeadlineExceeded,
        fmt::format("chat template, line {}: took more than {} ms of computing", line_, limits_.time.count()),
        "the template may not end, or the conversation is very long");
  }
}

void Runtime::check_string_bytes(std::size_t bytes) const {
  if (bytes > limits_.string_bytes) fail_limit("bytes in one string", limits_.string_bytes);
}

std::size_t Runtime::check_product(std::size_t size, Integer count, std::size_t limit) const {
  if (count <= 0 || size == 0) return 0;
  if (count > static_cast<Integer>(limit / size)) fail_limit("bytes or elements by repetition", limit);
  return size * static_cast<std::size_t>(count);
}

Value Runtime::string(TaggedText text, bool markup) {
  check_string_bytes(text.size());
  step(text.size() / kTextBytesPerStep);
  MemoryCharge taken = charge(text.size() + sizeof(String));
  return std::make_shared<const String>(String{std::move(text), markup, std::move(taken)});
}

Value Runtime::string(std::string_view bytes, bool trusted) { return string(TaggedText(bytes, trusted)); }

Value Runtime::sequence(SequenceKind kind, std::vector<Value> items) {
  Extent extent{1, 1};
  for (const Value& item : items) extent.include(item.extent());
  check_extent(extent);
  step(items.size());
  MemoryCharge taken = charge(sizeof(Sequence) + items.size() * sizeof(Value));
  return std::make_shared<const Sequence>(Sequence{kind, std::move(items), extent, std::move(taken), {}});
}

Value Runtime::range(Integer start, Integer stop, Integer step) {
  if (step == 0) fail("range() arg 3 must not be zero");
  // Bounds near the ends of the type could overflow below; no range that long is allowed anyway.
  constexpr Integer kFar = Integer{1} << 100;
  for (const Integer bound : {start, stop, step}) {
    if (bound > kFar || bound < -kFar) fail("range() arguments are too large");
  }
  Integer count = step > 0 ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step;
  if (count < 0) count = 0;
  if (count > static_cast<Integer>(limits_.range_items)) fail_limit("items in a range", limits_.range_items);
  Sequence range;
  range.kind = SequenceKind::kRange;
  range.range = {start, stop, step};
  range.extent = {1, static_cast<std::size_t>(count) + 1};
  range.items.reserve(static_cast<std::size_t>(count));
  for (Integer i = 0; i < count; ++i) range.items.emplace_back(start + i * step);
  this->step(range.items.size());
  range.charge = charge(sizeof(Sequence) + range.items.size() * sizeof(Value));
  return std::make_shared<const Sequence>(std::move(range));
}

Value Runtime::dictionary(Dictionary dictionary) {
  check_extent(dictionary.extent);
  step(dictionary.size());
  std::size_t bytes = sizeof(Dictionary);
  for (const auto& [key, value] : dictionary.entries()) {
    bytes += kDictionaryEntryBytes + (key.string() != nullptr ? key.string()->text.size() : 0);
  }
  dictionary.charge = charge(bytes);
  return std::make_shared<const Dictionary>(std::move(dictionary));
}

Value Runtime::generator(const Value& source, std::function<bool(Value&)> next) {
  Extent extent{1, 1};
  extent.include(source.extent());
  check_extent(extent);
  return std::make_shared<Generator>(Generator{std::move(next), extent});
}

Value Runtime::name_space() {
  auto made = std::make_shared<Namespace>();
  at_end([made] { made->attributes.clear(); });
  return made;
}

Value Runtime::undefined(std::string message) {
  return std::make_shared<const Undefined>(Undefined{std::move(message)});
}

Value Runtime::function(std::string name, std::function<Value(Runtime&, Arguments)> call) {
  return std::make_shared<const Function>(Function{std::move(name), std::move(call), false});
}

void Runtime::at_end(std::function<void()> clean_up) {
  charge(kKeptObjectBytes).keep();
  clean_ups_.push_back(std::move(clean_up));
}

std::string Runtime::hash_key(const Value& value) {
  step(value.extent().weight);
  auto key = jinja::hash_key(value);
  if (!key) fail(fmt::format("unhashable type: '{}'", type_name(value)));
  return *std::move(key);
}

void Runtime::fail(std::string_view message) const {
  throw Error(ErrorKind::kInvalidArgument, fmt::format("chat template, line {}: {}", line_, message),
              "the model's chat template cannot be applied to this conversation");
}

void Runtime::fail_undefined(const Value& value) const { fail(value.undefined()->message); }

void Runtime::fail_limit(std::string_view what, std::size_t limit) const {
  throw Error(ErrorKind::kInvalidArgument,
              fmt::format("chat template, line {}: more than {} {}", line_, limit, what),
              "the conversation is too long for the limits on chat templates, or the template does not end");
}

void Runtime::check_extent(const Extent& extent) const {
  if (extent.depth > limits_.value_depth) {
    fail_limit("levels of nested values", static_cast<std::size_t>(limits_.value_depth));
  }
  if (extent.weight > limits_.steps) fail_limit("parts in one value", limits_.steps);
}

MemoryCharge Runtime::charge(std::size_t bytes) {
  if (bytes > limits_.memory_bytes - memory_used_) fail_limit("bytes of values", limits_.memory_bytes);
  return {&memory_used_, bytes};
}

Runtime::Nesting::Nesting(Runtime& runtime) : runtime_(runtime) {
  if (runtime.nesting_ >= runtime.limits_.evaluation_depth) {
    runtime.fail_limit("nested evaluations", static_cast<std::size_t>(runtime.limits_.evaluation_depth));
  }
  ++runtime_.nesting_;
}

}  // namespace hearth::text::jinja
