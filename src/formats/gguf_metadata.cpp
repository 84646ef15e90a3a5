#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "formats/byte_reader.h"
#include "formats/gguf.h"
#include "formats/gguf_types.h"

namespace hearth::formats {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Calls visitor with the number at `from`, in its own C++ type; a bool comes as bool. Not for strings and
// arrays.
template <typename Visitor>
auto visit_number(GgufType type, const std::byte* from, Visitor&& visitor) {
  switch (type) {
    case GgufType::kU8:
      return visitor(load_number<std::uint8_t>(from));
    case GgufType::kI8:
      return visitor(load_number<std::int8_t>(from));
    case GgufType::kU16:
      return visitor(load_number<std::uint16_t>(from));
    case GgufType::kI16:
      return visitor(load_number<std::int16_t>(from));
    case GgufType::kU32:
      return visitor(load_number<std::uint32_t>(from));
    case GgufType::kI32:
      return visitor(load_number<std::int32_t>(from));
    case GgufType::kU64:
      return visitor(load_number<std::uint64_t>(from));
    case GgufType::kI64:
      return visitor(load_number<std::int64_t>(from));
    case GgufType::kF32:
      return visitor(load_number<float>(from));
    case GgufType::kF64:
      return visitor(load_number<double>(from));
    default:
      return visitor(load_number<std::uint8_t>(from) != 0);
  }
}

template <typename Target>
constexpr std::string_view kNeeded = std::is_same_v<Target, bool>    ? "bool"
                                     : std::is_same_v<Target, float> ? "number"
                                     : std::is_unsigned_v<Target>    ? "unsigned integer"
                                                                     : "integer";

// Converts between number types as GgufMetadata promises, or says what is in the way.
template <typename Target>
class Converter {
 public:
  Converter(const std::string& source, const GgufValue& value) : source_(source), value_(value) {}

  Target convert(GgufType type, const std::byte* from) const {
    if (type == GgufType::kString || type == GgufType::kArray) wrong_type(kNeeded<Target>);
    return visit_number(type, from, [this](auto number) { return this->convert_number(number); });
  }

  [[noreturn]] void wrong_type(std::string_view needed) const {
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{}: metadata key '{}' holds {}, where {} is needed", source_,
                            printable(value_.key), describe_type(value_), needed));
  }

 private:
  template <typename Number>
  Target convert_number(Number number) const {
    if constexpr (std::is_same_v<Number, bool> || std::is_same_v<Target, bool>) {
      if constexpr (std::is_same_v<Number, Target>) return number;
      wrong_type(kNeeded<Target>);
    } else if constexpr (std::is_floating_point_v<Target>) {
      const double wide = static_cast<double>(number);
      if (std::isfinite(wide) && std::abs(wide) > std::numeric_limits<Target>::max()) out_of_range(wide);
      return static_cast<Target>(number);
    } else if constexpr (std::is_integral_v<Number>) {
      if (!std::in_range<Target>(number)) out_of_range(+number);
      return static_cast<Target>(number);
    } else {
      wrong_type(kNeeded<Target>);
    }
  }

  template <typename Number>
  [[noreturn]] void out_of_range(Number number) const {
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{}: metadata key '{}' holds {}, which is out of the range of {} to {}", source_,
                            printable(value_.key), number, +std::numeric_limits<Target>::lowest(),
                            +std::numeric_limits<Target>::max()));
  }

  const std::string& source_;
  const GgufValue& value_;
};

template <typename Target>
std::optional<Target> find_number(const GgufMetadata& metadata, std::string_view key) {
  const GgufValue* value = metadata.find(key);
  if (value == nullptr) return std::nullopt;
  return Converter<Target>(metadata.source(), *value).convert(value->type, value->bytes.data());
}

template <typename Target>
std::optional<std::vector<Target>> find_number_array(const GgufMetadata& metadata, std::string_view key) {
  const GgufValue* value = metadata.find(key);
  if (value == nullptr) return std::nullopt;
  const Converter<Target> converter(metadata.source(), *value);
  const std::size_t size = gguf_number_size(value->element_type);
  if (value->type != GgufType::kArray || size == 0)
    converter.wrong_type(fmt::format("an array of {}s", kNeeded<Target>));
  std::vector<Target> numbers;
  numbers.reserve(value->count);
  for (std::size_t i = 0; i < value->count; ++i)
    numbers.push_back(converter.convert(value->element_type, value->bytes.data() + i * size));
  return numbers;
}

template <typename Value>
Value required(std::optional<Value> found, const GgufMetadata& metadata, std::string_view key) {
  if (found) return *std::move(found);
  throw Error(ErrorKind::kCorruptData,
              fmt::format("{} lacks the metadata key '{}'", metadata.source(), printable(key)));
}

// The text of the string at `from`, and the place after it; parse_gguf has checked that it lies inside.
std::string_view take_string(const std::byte*& from) {
  const auto length = load_number<std::uint64_t>(from);
  const std::string_view text(reinterpret_cast<const char*>(from) + sizeof length, length);
  from += sizeof length + length;
  return text;
}

std::string number_to_string(GgufType type, const std::byte* from) {
  return visit_number(type, from, [](auto number) { return fmt::format("{}", number); });
}

}  // namespace

std::size_t gguf_number_size(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    default:
      return 0;
  }
}

std::string_view name_of(GgufType type) {
  static constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<std::uint32_t>(type)];
}

std::string describe_type(const GgufValue& value) {
  if (value.type != GgufType::kArray) return std::string(name_of(value.type));
  return fmt::format("array of {} {} values", value.count, name_of(value.element_type));
}

std::string describe_value(const GgufValue& value, std::size_t maximum_elements) {
  if (value.type == GgufType::kString) return '"' + printable(text_of(value.bytes), 200) + '"';
  if (value.type != GgufType::kArray) return number_to_string(value.type, value.bytes.data());
  if (value.element_type == GgufType::kArray) return describe_type(value);
  std::string out = "[";
  const std::byte* from = value.bytes.data();
  for (std::size_t i = 0; i < value.count; ++i) {
    if (i > 0) out += ", ";
    if (i == maximum_elements) return out + fmt::format("... {} in all]", value.count);
    if (value.element_type == GgufType::kString) {
      out += '"' + printable(take_string(from)) + '"';
    } else {
      out += number_to_string(value.element_type, from);
      from += gguf_number_size(value.element_type);
    }
  }
  return out + "]";
}

GgufMetadata::GgufMetadata(std::vector<GgufValue> values, std::string source)
    : values_(std::move(values)), source_(std::move(source)) {
  std::ranges::sort(values_, {}, &GgufValue::key);
  const auto twice = std::ranges::adjacent_find(values_, {}, &GgufValue::key);
  if (twice != values_.end())
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{}: the metadata key '{}' comes twice", source_, printable(twice->key)));
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto place = std::ranges::lower_bound(values_, key, {}, &GgufValue::key);
  return place == values_.end() || place->key != key ? nullptr : &*place;
}

std::optional<std::uint32_t> GgufMetadata::find_u32(std::string_view key) const {
  return find_number<std::uint32_t>(*this, key);
}
std::optional<std::int32_t> GgufMetadata::find_i32(std::string_view key) const {
  return find_number<std::int32_t>(*this, key);
}
std::optional<std::uint64_t> GgufMetadata::find_u64(std::string_view key) const {
  return find_number<std::uint64_t>(*this, key);
}
std::optional<float> GgufMetadata::find_f32(std::string_view key) const {
  return find_number<float>(*this, key);
}
std::optional<bool> GgufMetadata::find_bool(std::string_view key) const {
  return find_number<bool>(*this, key);
}

std::optional<std::string_view> GgufMetadata::find_string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kString) Converter<bool>(source_, *value).wrong_type("string");
  return text_of(value->bytes);
}

std::optional<std::vector<std::uint32_t>> GgufMetadata::find_u32_array(std::string_view key) const {
  return find_number_array<std::uint32_t>(*this, key);
}
std::optional<std::vector<std::int32_t>> GgufMetadata::find_i32_array(std::string_view key) const {
  return find_number_array<std::int32_t>(*this, key);
}
std::optional<std::vector<float>> GgufMetadata::find_f32_array(std::string_view key) const {
  return find_number_array<float>(*this, key);
}
std::optional<std::vector<bool>> GgufMetadata::find_bool_array(std::string_view key) const {
  return find_number_array<bool>(*this, key);
}

std::optional<std::vector<std::string_view>> GgufMetadata::find_string_array(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kArray || value->element_type != GgufType::kString)
    Converter<bool>(source_, *value).wrong_type("an array of strings");
  std::vector<std::string_view> strings(value->count);
  const std::byte* from = value->bytes.data();
  for (std::string_view& text : strings) text = take_string(from);
  return strings;
}

std::uint32_t GgufMetadata::require_u32(std::string_view key) const {
  return required(find_u32(key), *this, key);
}
std::uint64_t GgufMetadata::require_u64(std::string_view key) const {
  return required(find_u64(key), *this, key);
}
float GgufMetadata::require_f32(std::string_view key) const { return required(find_f32(key), *this, key); }
bool GgufMetadata::require_bool(std::string_view key) const { return required(find_bool(key), *this, key); }
std::string_view GgufMetadata::require_string(std::string_view key) const {
  return required(find_string(key), *this, key);
}
std::vector<std::int32_t> GgufMetadata::require_i32_array(std::string_view key) const {
  return required(find_i32_array(key), *this, key);
}
std::vector<float> GgufMetadata::require_f32_array(std::string_view key) const {
  return required(find_f32_array(key), *this, key);
}
std::vector<std::string_view> GgufMetadata::require_string_array(std::string_view key) const {
  return required(find_string_array(key), *this, key);
}

}  // namespace hearth::formats
