// Names, references, file names, URLs, digests: what is understood and what is refused.
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "store/digest.h"
#include "store/disk_space.h"
#include "store/file_names.h"
#include "store/model_name.h"
#include "store/reference.h"
#include "store/test_files.h"
#include "store/url.h"

namespace hearth::store {
namespace {

using test::expect_error;

TEST(ModelName, IsNameAndTag) {
  EXPECT_EQ(parse_model_name("SmolLM2:135M"), (ModelName{"smollm2", "135m"}));
  EXPECT_EQ(parse_model_name("qwen2.5-coder").text(), "qwen2.5-coder");
  for (const char* bad : {"", ":", "a:", ":b", "a:b:c", "..", ".a", "a/b", "a b", "-x", "a:../b", "ä"})
    expect_error(ErrorKind::kInvalidArgument, {"is not a model name"}, [&] { parse_model_name(bad); });
  expect_error(ErrorKind::kInvalidArgument, {}, [] { parse_model_name(std::string(81, 'a')); });
  EXPECT_EQ(name_part_from("Qwen2.5 Coder (1)"), "qwen2.5-coder--1-");
  EXPECT_EQ(name_part_from("../.."), "model");
}

TEST(ModelName, SuggestionsAreNear) {
  const std::vector<std::string> known = Catalogue::builtin().names();
  EXPECT_EQ(closest_names("smolm2", known).at(0), "smollm2:135m");
  EXPECT_EQ(closest_names("qwen2.5", known).at(0), "qwen2.5-coder:1.5b");
  EXPECT_TRUE(closest_names("completely-different", known).empty());
  EXPECT_EQ(suggestion_text({"a", "b", "c"}), "did you mean a, b or c?");
}

TEST(Reference, Kinds) {
  EXPECT_EQ(parse_reference("smollm2").kind, ReferenceKind::kName);
  EXPECT_EQ(parse_reference("./x.gguf").kind, ReferenceKind::kLocal);
  EXPECT_EQ(parse_reference("x.gguf").kind, ReferenceKind::kLocal);
  EXPECT_EQ(parse_reference("file:///a%20b/Model-Q4.gguf").path, "/a b/Model-Q4.gguf");
  EXPECT_EQ(parse_reference("file:///a/Model-Q4.gguf").name, (ModelName{"model-q4", "latest"}));
  EXPECT_EQ(parse_reference("/a/dir/").name, (ModelName{"dir", "latest"}));

  const Reference url =
      parse_reference("https://host/x/A-00001-of-00002.gguf#sha256=" + std::string(64, 'A'));
  EXPECT_EQ(url.kind, ReferenceKind::kUrl);
  EXPECT_EQ(url.sha256, std::string(64, 'a'));
  EXPECT_EQ(url.url, "https://host/x/A-00001-of-00002.gguf");
  EXPECT_EQ(url.name, (ModelName{"a", "latest"}));

  const Reference hub = parse_reference("hf://Owner/Repo-GGUF/sub/File-Q4_K_M.gguf@refs/pr/1");
  EXPECT_EQ(hub.hub_repository, "Owner/Repo-GGUF");
  EXPECT_EQ(hub.hub_file, "sub/File-Q4_K_M.gguf");
  EXPECT_EQ(hub.hub_revision, "refs/pr/1");
  EXPECT_EQ(hub.name, (ModelName{"file-q4_k_m", "latest"}));
  EXPECT_EQ(parse_reference("hf://o/r").hub_file, "");
  EXPECT_EQ(parse_reference("hf://o/r").hub_revision, "main");
  EXPECT_NE(parse_reference("hf://o/r").identity, parse_reference("hf://o/r@v2").identity);
}

TEST(Reference, SecretsAreNotShown) {
  const Reference reference = parse_reference("https://user:password@host/m.gguf?token=secret");
  EXPECT_EQ(reference.text, "https://host/m.gguf");
  EXPECT_EQ(without_url_credentials("see https://u:p@h/x and http://h2/y@z"),
            "see https://h/x and http://h2/y@z");
  EXPECT_NE(reference.identity, parse_reference("https://host/m.gguf?token=other").identity);
}

TEST(Reference, Refused) {
  for (const char* bad : {"hf://", "hf://owner", "hf://owner/", "hf://../x/y.gguf", "hf://o/r/../x.gguf@main",
                          "hf://o/r@", "https://", "https://h/x.gguf#md5=1", "file://host/x.gguf", ""})
    EXPECT_THROW(parse_reference(bad), Error) << bad;
  expect_error(ErrorKind::kUnsupported, {"ftp://"}, [] { parse_reference("ftp://host/x.gguf"); });
  for (const char* pickle : {"https://h/pytorch_model.bin", "https://h/a.PT?x=1", "hf://o/r/model.pth",
                             "./a.ckpt", "x.pkl", "/a/b.bin"})
    expect_error(ErrorKind::kUnsupported, {"pickle", "safetensors"}, [&] { parse_reference(pickle); });
}

TEST(FileNames, OnlySafeOnes) {
  EXPECT_NO_THROW(require_safe_relative_name("1_Pooling/config.json"));
  for (const char* bad :
       {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb", "a/b/c/d", "\xff"})
    expect_error(ErrorKind::kCorruptData, {"the file name"}, [&] { require_safe_relative_name(bad); });
}

TEST(FileNames, PartsOfASplitGguf) {
  EXPECT_EQ(
      gguf_parts("a-00002-of-00003.gguf"),
      (std::vector<std::string>{"a-00001-of-00003.gguf", "a-00002-of-00003.gguf", "a-00003-of-00003.gguf"}));
  EXPECT_EQ(gguf_parts("a.gguf"), std::vector<std::string>{"a.gguf"});
  EXPECT_EQ(gguf_parts("-00001-of-00003.gguf").size(), 1u);
  expect_error(ErrorKind::kInvalidArgument, {"99999 parts"}, [] { gguf_parts("a-00001-of-99999.gguf"); });
  expect_error(ErrorKind::kInvalidArgument, {"0 parts"}, [] { gguf_parts("a-00001-of-00000.gguf"); });
}

TEST(FileNames, OfAHuggingFaceModel) {
  for (const char* wanted :
       {"config.json", "tokenizer.json", "model.safetensors", "model-00001-of-00002.safetensors",
        "model.safetensors.index.json", "chat_template.jinja", "1_Pooling/config.json"})
    EXPECT_TRUE(is_huggingface_model_file(wanted)) << wanted;
  for (const char* other : {"README.md", "pytorch_model.bin", "consolidated.safetensors", "onnx/model.onnx",
                            "model.fp16.safetensors", "sub/config.json"})
    EXPECT_FALSE(is_huggingface_model_file(other)) << other;
}

TEST(Url, Parts) {
  const Url url = parse_url("HTTPS://u:p@Host.example/a%20b?q=1");
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.origin, "https://Host.example:443");
  EXPECT_EQ(url.without_credentials, "https://Host.example/a%20b?q=1");
  EXPECT_FALSE(url.is_loopback);
  for (const char* loopback :
       {"http://localhost:80/", "http://127.0.0.1/", "http://127.9.9.9/", "http://[::1]:5/"})
    EXPECT_TRUE(parse_url(loopback).is_loopback) << loopback;
  for (const char* other :
       {"http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "http://10.0.0.1/"})
    EXPECT_FALSE(parse_url(other).is_loopback) << other;
  for (const char* bad : {"ftp://h/x", "h/x", "http://", "https://h:99999/"})
    EXPECT_THROW(parse_url(bad), Error) << bad;
  EXPECT_EQ(escape_url_path("a b/ü#?.gguf"), "a%20b/%C3%BC%23%3F.gguf");
  EXPECT_EQ(unescape_url_path("a%20b%2"), "a b%2");
}

TEST(Digest, OfFiles) {
  const test::TemporaryDirectory folder;
  test::write_file(folder / "hello", "hello\n");
  const FileDigests digests = digest_file(folder / "hello", true);
  EXPECT_EQ(digests.size, 6u);
  EXPECT_EQ(digests.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
  EXPECT_EQ(digests.git_oid, "ce013625030ba8dba906f756967f9e9ca394464a");  // `git hash-object`
  EXPECT_EQ(parse_sha256("sha256:" + std::string(64, 'F')), std::string(64, 'f'));
  expect_error(ErrorKind::kInvalidArgument, {"is not a SHA-256"}, [] { parse_sha256("abc"); });
}

TEST(DiskSpace, SaysHowMuchIsMissing) {
  EXPECT_EQ(bytes_text(999), "999 bytes");
  EXPECT_EQ(bytes_text(98'362'432), "98.4 MB");
  EXPECT_EQ(bytes_text(999'960), "1.0 MB");
  EXPECT_NO_THROW(require_free_space("/", 1));
  expect_error(ErrorKind::kDiskFull, {"more are needed", "are free", "HEARTH_HOME"},
               [] { require_free_space("/", std::uint64_t{1} << 62); });
}

}  // namespace
}  // namespace hearth::store
