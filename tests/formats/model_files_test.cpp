#include "formats/model_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "formats/gguf_writer.h"
#include "formats/huggingface_directory.h"
#include "formats/test_files.h"

namespace hearth::formats {
namespace {

constexpr std::string_view kHeader = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

std::string tiny_safetensors() { return Bytes().u64(kHeader.size()).raw(kHeader).raw("12345678").text; }

class HuggingFace : public testing::Test {
 protected:
  void SetUp() override {
    directory_.write("config.json", R"({"model_type":"llama","hidden_size":64})");
    directory_.write("model.safetensors", tiny_safetensors());
  }
  ModelFiles open() const { return ModelFiles::open(directory_.path()); }
  TemporaryDirectory directory_;
};

TEST_F(HuggingFace, DirectoryOpens) {
  const ModelFiles files = open();
  EXPECT_EQ(files.kind(), ModelFilesKind::kHuggingFaceDirectory);
  EXPECT_EQ(files.gguf(), nullptr);
  ASSERT_NE(files.huggingface(), nullptr);
  EXPECT_EQ(files.huggingface()->config().at("hidden_size"), 64);
  EXPECT_EQ(text_of(files.require("w").bytes), "12345678");
  EXPECT_EQ(files.find("v"), nullptr);
  EXPECT_EQ(files.tensor_bytes(), 8U);
  EXPECT_EQ(files.weight_paths(), std::vector{directory_.path() / "model.safetensors"});
}

TEST_F(HuggingFace, SideFilesAreReadWherePresent) {
  directory_.write("tokenizer_config.json", R"({"eos_token":"</s>"})");
  directory_.write("chat_template.jinja", "{{ messages }}");
  const ModelFiles files = open();
  const HuggingFaceDirectory& model = *files.huggingface();
  EXPECT_TRUE(model.has("tokenizer_config.json"));
  EXPECT_EQ(model.read_json("tokenizer_config.json")->at("eos_token"), "</s>");
  EXPECT_EQ(model.read_text("chat_template.jinja"), "{{ messages }}");
  EXPECT_FALSE(model.has("tokenizer.json"));
  EXPECT_FALSE(model.read_json("tokenizer.json").has_value());
  EXPECT_FALSE(model.read_text("generation_config.json").has_value());
  directory_.write("tokenizer.json", R"({"version":)");
  expect_error(ErrorKind::kCorruptData, {"tokenizer.json", "JSON"},
               [&] { model.read_json("tokenizer.json"); });
}

TEST_F(HuggingFace, BadConfigurationsAreRefused) {
  directory_.write("config.json", "[1,2]");
  expect_error(ErrorKind::kCorruptData, {"config.json", "object"}, [&] { open(); });
  directory_.write("config.json", R"({"a":)" + std::string(100000, '['));
  expect_error(ErrorKind::kCorruptData, {"config.json", "deep"}, [&] { open(); });
  directory_.write("config.json", std::string(5 << 20, ' '));
  expect_error(ErrorKind::kPayloadTooLarge, {"config.json"}, [&] { open(); });
  std::filesystem::remove(directory_.path() / "config.json");
  expect_error(ErrorKind::kNotFound, {"config.json"}, [&] { open(); });
}

TEST_F(HuggingFace, ShardedDirectoryOpens) {
  std::filesystem::rename(directory_.path() / "model.safetensors",
                          directory_.path() / "model-00001-of-00001.safetensors");
  directory_.write("model.safetensors.index.json",
                   R"({"weight_map":{"w":"model-00001-of-00001.safetensors"}})");
  EXPECT_EQ(text_of(open().require("w").bytes), "12345678");
}

TEST_F(HuggingFace, PicklesAreRefusedByNameAndReason) {
  std::filesystem::remove(directory_.path() / "model.safetensors");
  expect_error(ErrorKind::kNotFound, {"model.safetensors"}, [&] { open(); });
  for (const char* name : {"pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "model.pt", "model.pth",
                           "model.ckpt", "model.pkl"}) {
    const auto path = directory_.write(name, "anything");
    expect_error(ErrorKind::kUnsupported, {name, "pickle", "code"}, [&] { open(); });
    expect_error(ErrorKind::kUnsupported, {name, "pickle", "code"}, [&] { ModelFiles::open(path); });
    std::filesystem::remove(path);
  }
}

TEST_F(HuggingFace, PicklesBesideSafetensorsAreLeftAlone) {
  directory_.write("pytorch_model.bin", "PK\x03\x04");
  EXPECT_NO_THROW(open());
}

TEST(ModelFiles, PicklesAreKnownByTheirBytesToo) {
  TemporaryDirectory directory;
  for (const std::string_view begin : {"PK\x03\x04", "\x80\x02", "\x80\x05"}) {
    const auto path = directory.write("model.gguf", std::string(begin) + "rest");
    expect_error(ErrorKind::kUnsupported, {"model.gguf", "pickle", "code"}, [&] { ModelFiles::open(path); });
  }
}

TEST(ModelFiles, OpensAGguf) {
  TemporaryDirectory directory;
  GgufWriter writer;
  writer.set_string("general.architecture", "llama");
  writer.add_tensor("w", ElementType::kF32, {2}, bytes_of("12345678"));
  writer.write(directory.path() / "model.gguf");
  ModelFiles files = ModelFiles::open(directory.path() / "model.gguf");
  const TensorEntry* entry = files.find("w");
  const ModelFiles moved = std::move(files);
  EXPECT_EQ(moved.kind(), ModelFilesKind::kGguf);
  EXPECT_EQ(moved.huggingface(), nullptr);
  EXPECT_EQ(moved.gguf()->metadata().require_string("general.architecture"), "llama");
  EXPECT_EQ(moved.find("w"), entry) << "an entry stays where it is";
  EXPECT_EQ(text_of(entry->bytes), "12345678");
}

TEST(ModelFiles, SaysWhatItCannotOpen) {
  TemporaryDirectory directory;
  const auto weights = directory.write("model.safetensors", tiny_safetensors());
  expect_error(ErrorKind::kNotFound, {"none.gguf"},
               [&] { ModelFiles::open(directory.path() / "none.gguf"); });
  expect_error(ErrorKind::kInvalidArgument, {"model.safetensors"}, [&] { ModelFiles::open(weights); });
  expect_error(ErrorKind::kInvalidArgument, {"/dev/zero"}, [&] { ModelFiles::open("/dev/zero"); });
  expect_error(ErrorKind::kCorruptData, {"text.txt", "GGUF"},
               [&] { ModelFiles::open(directory.write("text.txt", "hello world")); });
}

// The pages of `bytes` that are wholly inside and mapped in this process.
std::size_t pages_in_this_process(std::span<const std::byte> bytes) {
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const FileDescriptor map = open_file("/proc/self/pagemap", 0);
  const std::size_t first = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page;
  const std::size_t last = (reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.size()) / page;
  std::size_t present = 0;
  for (std::size_t i = first; i < last; ++i) {
    std::uint64_t entry = 0;
    if (::pread(map.get(), &entry, sizeof entry, static_cast<off_t>(i * sizeof entry)) != sizeof entry)
      return 0;
    present += entry >> 63;
  }
  return present;
}

TEST(ModelFiles, DiscardGivesPagesBackAndKeepsTheData) {
  TemporaryDirectory directory;
  std::string data(std::size_t{1} << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + i / 4096);
  GgufWriter writer;
  writer.add_tensor("w", ElementType::kI8, {data.size()}, bytes_of(data));
  writer.write(directory.path() / "model.gguf");
  const ModelFiles files = ModelFiles::open(directory.path() / "model.gguf");
  const TensorEntry& tensor = files.require("w");
  ASSERT_EQ(text_of(tensor.bytes), data);
  const std::size_t before = pages_in_this_process(tensor.bytes);
  if (before == 0) GTEST_SKIP() << "this system does not tell which pages are mapped";
  EXPECT_GE(before, 250U);
  files.discard(tensor);
  EXPECT_EQ(pages_in_this_process(tensor.bytes), 0U);
  EXPECT_EQ(text_of(tensor.bytes), data);
}

}  // namespace
}  // namespace hearth::formats
