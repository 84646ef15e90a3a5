#include "formats/safetensors.h"

#include "formats/test_files.h"

namespace hearth::formats {
namespace {

std::string file_of(std::string_view header, std::size_t data) {
  return Bytes().u64(header.size()).raw(header).raw(std::string(data, 'd')).text;
}

void expect_corrupt(const std::string& file, std::initializer_list<std::string_view> parts,
                    ErrorKind kind = ErrorKind::kCorruptData) {
  const WithinASecond bound;
  expect_error(kind, parts, [&] { parse_safetensors(bytes_of(file), "bad.safetensors"); });
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirData) {
  const std::string file = file_of(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},)"
      R"("b":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"c":{"dtype":"BF16","shape":[0,4],"data_offsets":[20,20]},)"
      R"("d":{"dtype":"BOOL","shape":[3],"data_offsets":[20,23]}}   )",
      23);
  const auto tensors = parse_safetensors(bytes_of(file), "good.safetensors");
  ASSERT_EQ(tensors.size(), 4U);
  EXPECT_EQ(tensors[0].name, "b");
  EXPECT_EQ(tensors[0].type, ElementType::kF64);
  EXPECT_TRUE(tensors[0].shape.empty());
  EXPECT_EQ(tensors[1].name, "a");
  EXPECT_EQ(tensors[1].type, ElementType::kF16);
  EXPECT_EQ(tensors[1].shape, (Shape{2, 3}));
  EXPECT_EQ(tensors[1].bytes.data(), bytes_of(file).data() + file.size() - 15);
  EXPECT_EQ(tensors[1].bytes.size(), 12U);
  EXPECT_EQ(tensors[2].name, "c");
  EXPECT_EQ(tensors[2].bytes.size(), 0U);
  EXPECT_EQ(tensors[3].type, ElementType::kI8);
}

TEST(Safetensors, HeaderLength) {
  expect_corrupt("", {"bad.safetensors", "header's length"});
  expect_corrupt("\1\2\3", {"header's length"});
  expect_corrupt(Bytes().u64(100).raw("{}").text, {"the header", "100 bytes"});
  expect_corrupt(Bytes().u64(~0ULL).raw("{}").text, {"18446744073709551615"});
  expect_corrupt(Bytes().u64(0).text, {"'{'"});
  expect_corrupt(Bytes().u64(20 << 20).raw(std::string(20 << 20, ' ')).text, {"allowed for a header"});
}

TEST(Safetensors, HeaderJson) {
  expect_corrupt(file_of("[]", 0), {"'{'"});
  expect_corrupt(file_of(" {}", 0), {"'{'"});
  expect_corrupt(file_of("{", 0), {"header", "JSON"});
  expect_corrupt(file_of("{}x", 0), {"header", "JSON"});
  expect_corrupt(file_of(R"({"a":1})", 0), {"'a'"});
  expect_corrupt(file_of(R"({"__metadata__":{"n":1}})", 0), {"__metadata__"});
  expect_corrupt(file_of(R"({"a":)" + std::string(1000, '['), 0), {"deep"});
  expect_corrupt(file_of(R"({"__metadata__":{"n":"1"},"__metadata__":{}})", 0), {"__metadata__", "twice"});
  expect_corrupt(file_of("{\"\xff\":{}}", 0), {"JSON"});
}

TEST(Safetensors, HugeHeadersStayQuick) {
  const auto repeated = [](std::string_view begin, const auto& part) {
    std::string text(begin);
    for (int i = 0; text.size() < (std::size_t{15} << 20); ++i) text += part(i);
    return file_of(text, 0);
  };
  expect_corrupt(repeated(R"({"a":{"shape":[0)", [](int) { return "0"; }), {"JSON"});
  expect_corrupt(repeated(R"({"a":{"shape":[0)", [](int) { return ",0"; }), {"values"});
  expect_corrupt(repeated(R"({"a":{})", [](int i) { return ",\"" + std::to_string(i) + "\":{}"; }),
                 {"values"});
  const std::string beginning(900, 'k');
  const auto long_key = [&](int i) { return ",\"" + beginning + std::to_string(i) + "\":{}"; };
  expect_corrupt(repeated(R"({"a":{})", long_key), {"JSON"});
}

std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets, std::size_t data) {
  return file_of(fmt::format(R"({{"w":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, offsets),
                 data);
}

TEST(Safetensors, Types) {
  expect_corrupt(one("\"F8_E4M3\"", "[4]", "[0,4]", 4), {"'w'", "F8_E4M3"}, ErrorKind::kUnsupported);
  expect_corrupt(one("7", "[4]", "[0,4]", 4), {"'w'", "dtype"});
  expect_corrupt(file_of(R"({"w":{"shape":[4],"data_offsets":[0,4]}})", 4), {"'w'", "dtype"});
}

TEST(Safetensors, Shapes) {
  expect_corrupt(one("\"F32\"", "4", "[0,16]", 16), {"'w'", "shape"});
  expect_corrupt(one("\"F32\"", "[-4]", "[0,16]", 16), {"'w'", "shape"});
  expect_corrupt(one("\"F32\"", "[4.0]", "[0,16]", 16), {"'w'", "shape"});
  expect_corrupt(one("\"F32\"", "[\"4\"]", "[0,16]", 16), {"'w'", "shape"});
  expect_corrupt(one("\"F32\"", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]", 4), {"'w'", "shape"});
  expect_corrupt(one("\"F32\"", "[4294967296,4294967296]", "[0,16]", 16),
                 {"'w'", "[4294967296, 4294967296]"});
  expect_corrupt(one("\"F32\"", "[4611686018427387904]", "[0,0]", 0), {"'w'", "4611686018427387904"});
  expect_corrupt(one("\"F32\"", "[99999999999999999999999]", "[0,0]", 0), {"'w'", "shape"});
  expect_corrupt(one("\"F32\"", "[5]", "[0,16]", 16), {"'w'", "[5]", "F32", "20 bytes", "16"});
}

TEST(Safetensors, Offsets) {
  expect_corrupt(one("\"F32\"", "[4]", "[16,0]", 16), {"'w'", "16 to 0"});
  expect_corrupt(one("\"F32\"", "[4]", "[0,16]", 15), {"'w'", "15 bytes"});
  expect_corrupt(one("\"F32\"", "[4]", "[18446744073709551600,18446744073709551615]", 16), {"'w'"});
  expect_corrupt(one("\"F32\"", "[4]", "[0]", 16), {"'w'", "data_offsets"});
  expect_corrupt(one("\"F32\"", "[4]", "[-1,15]", 16), {"'w'", "data_offsets"});
  expect_corrupt(one("\"F32\"", "[4]", "null", 16), {"'w'", "data_offsets"});
}

TEST(Safetensors, OverlapsAndHoles) {
  const auto two = [](std::string_view first, std::string_view second, std::size_t data) {
    return file_of(fmt::format(R"({{"v":{{"dtype":"I8","shape":[4],"data_offsets":{}}},)"
                               R"("w":{{"dtype":"I8","shape":[4],"data_offsets":{}}}}})",
                               first, second),
                   data);
  };
  EXPECT_EQ(parse_safetensors(bytes_of(two("[4,8]", "[0,4]", 8)), "good").size(), 2U);
  expect_corrupt(two("[0,4]", "[3,7]", 7), {"'w'", "overlaps"});
  expect_corrupt(two("[0,4]", "[0,4]", 4), {"overlaps"});
  expect_corrupt(two("[0,4]", "[5,9]", 9), {"bytes 4 to 5", "'w'"});
  expect_corrupt(two("[1,5]", "[5,9]", 9), {"bytes 0 to 1"});
  expect_corrupt(two("[0,4]", "[4,8]", 10), {"2 bytes follow"});
  expect_corrupt(file_of("{}", 3), {"3 bytes follow"});
}

TEST(Safetensors, EveryTruncationAndBitFlipIsReadOrRefused) {
  std::string file = file_of(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                             R"("b":{"dtype":"I8","shape":[3],"data_offsets":[16,19]}})",
                             19);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::string cut = file.substr(0, size);
    EXPECT_THROW(parse_safetensors(bytes_of(cut), "cut"), Error) << size;
  }
  int refused = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    const char mask = static_cast<char>(1 << (bit % 8));
    file[bit / 8] ^= mask;
    try {
      for (const TensorEntry& tensor : parse_safetensors(bytes_of(file), "flipped"))
        EXPECT_LE(tensor.bytes.size(), 19U);
    } catch (const Error& error) {
      ++refused;
      EXPECT_NE(error.message().find("flipped"), std::string::npos) << error.message();
    }
    file[bit / 8] ^= mask;
  }
  EXPECT_GT(refused, 500);
}

class Shards : public testing::Test {
 protected:
  void SetUp() override {
    directory_.write("one.safetensors",
                     file_of(R"({"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}})", 4));
    directory_.write("two.safetensors",
                     file_of(R"({"b":{"dtype":"I8","shape":[8],"data_offsets":[0,8]}})", 8));
  }
  std::filesystem::path index(std::string_view weight_map) {
    return directory_.write("model.safetensors.index.json",
                            fmt::format(R"({{"metadata":{{"total_size":12}},"weight_map":{}}})", weight_map));
  }
  TemporaryDirectory directory_;
};

TEST_F(Shards, AreMerged) {
  const SafetensorsFiles files(index(R"({"a":"one.safetensors","b":"two.safetensors"})"));
  EXPECT_EQ(files.tensors().require("a").bytes.size(), 4U);
  EXPECT_EQ(files.tensors().require("b").bytes.size(), 8U);
  EXPECT_EQ(files.paths().size(), 2U);
}

TEST_F(Shards, MustHoldWhatTheIndexPromises) {
  const auto open = [this](std::string_view weight_map) { SafetensorsFiles files(index(weight_map)); };
  const ErrorKind kind = ErrorKind::kCorruptData;
  expect_error(kind, {"'c'"},
               [&] { open(R"({"a":"one.safetensors","b":"two.safetensors","c":"one.safetensors"})"); });
  expect_error(kind, {"'b'", "two.safetensors"},
               [&] { open(R"({"a":"one.safetensors","c":"two.safetensors"})"); });
  expect_error(kind, {"'a'"}, [&] { open(R"({"a":"two.safetensors","b":"two.safetensors"})"); });
  expect_error(ErrorKind::kNotFound, {"three.safetensors"}, [&] { open(R"({"a":"three.safetensors"})"); });
}

TEST_F(Shards, IndexesThatReachElsewhereAreRefused) {
  const ErrorKind kind = ErrorKind::kCorruptData;
  for (const std::string_view shard :
       {"../one.safetensors", "/etc/passwd", "sub/one.safetensors", "one.bin", ""})
    expect_error(kind, {shard},
                 [&] { SafetensorsFiles files(index(fmt::format(R"({{"a":"{}"}})", shard))); });
  expect_error(kind, {"'a'"}, [&] { SafetensorsFiles files(index(R"({"a":3})")); });
  expect_error(kind, {"weight_map"}, [&] { SafetensorsFiles files(index("[]")); });
}

}  // namespace
}  // namespace hearth::formats
