// Files and command lines into the options of the server, and what is said of those that are wrong.
#include "configuration/configuration.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "configuration/settings.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::configuration {
namespace {

using namespace std::chrono_literals;

Configuration read(std::string_view yaml) { return load_text(yaml, "h.yaml", {}).configuration; }

std::string origin(const Loaded& loaded, std::string_view section, std::string_view key) {
  return loaded.origins.at(static_cast<std::size_t>(find_setting(section, key) - settings().data()));
}

void expect_wrong(std::string_view yaml, std::initializer_list<std::string_view> parts) {
  SCOPED_TRACE(yaml);
  test::expect_error(ErrorKind::kInvalidArgument, parts, [&] { read(yaml); });
}

TEST(Configuration, AFileSetsTheOptionsOfEachPart) {
  const Configuration c = read(R"(
inference:
  device: cpu
  threads: 3
  memory_fraction: 0.25
  context: 1024
  parallel: 5
  batch_size: 64
  queue_limit: 7
  cache_tokens: 4096
  precision: q8
  draft_tokens: 4
  draft_layers: 2
service:
  host: "::1"
  port: 0
  allow_unauthenticated: true
  workers: 4
  log_level: warning
  header_size: 2KiB
  body_size: 1 MiB
  read_ahead_size: 4096B
  connections: 12
  header_time: 1s
  body_time: 2min
  idle_time: 1500ms
  stalled_write_time: 1h
  heartbeat: 4s
  drain_time: 0ms
sampling: {temperature: 0, top_p: 0.5, top_k: 3, min_p: 1, max_tokens: 17}
models:
  default: 12
  preload: [a, "b c"]
)");
  EXPECT_EQ(c.device, Device::kCpu);
  EXPECT_EQ(c.threads, 3);
  EXPECT_EQ(c.memory_fraction, 0.25);
  const engine::EngineOptions& engine = c.registry.engine;
  EXPECT_EQ(engine.context_tokens, 1024);
  EXPECT_EQ(engine.parallel_sequences, 5);
  EXPECT_EQ(engine.batch_rows, 64);
  EXPECT_EQ(engine.queue_limit, 7);
  EXPECT_EQ(engine.cache_tokens, 4096);
  EXPECT_EQ(engine.numerics.key_value_cache, kernels::CacheType::kQ8);
  EXPECT_EQ(engine.speculation.draft_tokens, 4);
  EXPECT_EQ(engine.speculation.draft_layers, 2);
  EXPECT_EQ(c.server.host, "::1");
  EXPECT_EQ(c.server.port, 0);
  EXPECT_TRUE(c.server.allow_unauthenticated);
  EXPECT_EQ(c.server.network_threads, 4);
  EXPECT_EQ(c.log_level, LogLevel::kWarning);
  const server::ServerLimits& limits = c.server.live.limits;
  EXPECT_EQ(limits.header_bytes, 2048u);
  EXPECT_EQ(limits.body_bytes, 1u << 20);
  EXPECT_EQ(limits.read_ahead_bytes, 4096u);
  EXPECT_EQ(limits.connections, 12u);
  EXPECT_EQ(limits.header_time, 1s);
  EXPECT_EQ(limits.body_time, 2min);
  EXPECT_EQ(limits.idle_time, 1500ms);
  EXPECT_EQ(limits.stalled_write_time, 1h);
  EXPECT_EQ(limits.heartbeat, 4s);
  EXPECT_EQ(limits.drain_time, 0ms);
  const server::SamplingDefaults& sampling = c.server.live.sampling;
  EXPECT_EQ(sampling.temperature, 0.0f);
  EXPECT_EQ(sampling.top_p, 0.5f);
  EXPECT_EQ(sampling.top_k, 3);
  EXPECT_EQ(sampling.min_p, 1.0f);
  EXPECT_EQ(sampling.maximum_tokens, 17);
  EXPECT_EQ(c.registry.preferred, "12");
  EXPECT_EQ(c.preload, (std::vector<std::string>{"a", "b c"}));
}

TEST(Configuration, AnEmptyFileOrSectionChangesNothing) {
  for (const char* text : {"", "---\n", "service:\n", "service: {}\nsampling:\n"}) {
    const Change change = difference(Configuration{}, read(text));
    EXPECT_TRUE(change.live.empty() && change.restart.empty()) << text;
  }
}

TEST(Configuration, EveryDefaultIsAllowed) {
  for (const Setting& setting : settings()) {
    Configuration defaults;
    const std::string shown = setting.show(defaults);
    if (shown == "unset" || shown == "[]" || shown == "{}") continue;
    EXPECT_TRUE(read_text(setting, shown, defaults)) << setting.name() << ": " << shown;
    EXPECT_EQ(setting.show(defaults), shown);
  }
}

TEST(Configuration, WhatIsNotAllowedIsNamedWithItsPlaceAndWhatIs) {
  expect_wrong("service:\n  port: 65536\n",
               {"h.yaml:2:9: `service.port` must be an integer from 0 to 65535, but is 65536"});
  for (const char* port : {"-1", "1.5", "1e3", "0x10", "1_000", "+1", "\"80\"", "'80'", "eighty", "~", "",
                           "[80]", "{a: 1}", "99999999999999999999", "true", "8 0"})
    expect_wrong("service:\n  port: " + std::string(port) + "\n", {"h.yaml:2:", "`service.port` must be"});
  for (const char* fraction : {".nan", "nan", "NaN", "inf", "-.inf", "0", "1.01", "-0.5", "50%", "1e999"})
    expect_wrong("inference:\n  memory_fraction: " + std::string(fraction) + "\n", {"from 0.01 to 1"});
  for (const char* size :
       {"1000000", "8MB", "8 mib", "-8MiB", "1.5MiB", "9999999999GiB", "MiB", "2GiB", "1KiB KiB"})
    expect_wrong("service:\n  body_size: " + std::string(size) + "\n",
                 {"a size from 1KiB to 1GiB, in B, KiB, MiB or GiB"});
  for (const char* time : {"30", "30 seconds", "0s", "25h", "-1s", "99999999999999999h"})
    expect_wrong("service:\n  idle_time: " + std::string(time) + "\n", {"a time from 100ms to 24h"});
  for (const char* truth : {"yes", "on", "1", "True", "'true'"})
    expect_wrong("service:\n  allow_unauthenticated: " + std::string(truth) + "\n", {"true or false"});
  expect_wrong("inference: {precision: f8}", {"one of bf16, q8, f16, f32, but is f8"});
  expect_wrong("models: {preload: one}", {"a list of models"});
  expect_wrong("models: {preload: [one, [two]]}", {"a list of models"});
  expect_wrong("models: {default: \"a\\nb\"}", {"`models.default`"});
  expect_wrong("models:\n  default: \"never ended\n", {"`models.default`"});
  expect_wrong("- service\n",
               {"h.yaml:1:1: the file must hold the sections inference, cache, responses, service"});
  expect_wrong("service: 3\n", {"h.yaml:1:10: `service` must hold settings"});
}

TEST(Configuration, AnUnknownNameGetsTheNearestOne) {
  expect_wrong("servcie:\n  port: 1\n",
               {"h.yaml:1:1: there is no section named `servcie`: did you mean `service`?"});
  expect_wrong("service:\n  prot: 1\n",
               {"h.yaml:2:3: there is no setting in `service` named `prot`: did you mean `port`?"});
  expect_wrong("inference:\n  bach-size: 1\n", {"did you mean `batch_size`?"});
  expect_wrong("models:\n  zzz: 1\n", {"there are default, preload"});
  expect_wrong("service:\n  temperature: 1\n", {"`temperature` belongs into the section `sampling`"});
  expect_wrong("port: 1\n", {"`port` belongs into the section `service`"});
  expect_wrong("\"\\e[2J\": 1\n", {"`\\x1b[2J`"});
  expect_wrong(std::string(900, 'x') + ": 1\n", {"..."});
}

TEST(Configuration, EverythingWrongIsSaidAtOnceAndInOrder) {
  const auto error = test::error_of([] {
    read("inference:\n  threads: x\nservice:\n  port: -1\n  prt: 2\n  port: 3\nmodels: {default: !x y}\n");
  });
  ASSERT_TRUE(error);
  std::size_t last = 0;
  for (const char* part : {"h.yaml:2:12: `inference.threads`", "h.yaml:4:9: `service.port`",
                           "h.yaml:5:3: ", "h.yaml:6:3: ", "h.yaml:7:19: tags"}) {
    const std::size_t at = error->message().find(part);
    ASSERT_NE(at, std::string::npos) << part << " in " << error->message();
    EXPECT_GT(at, last);
    last = at;
  }
}

TEST(Configuration, TheLogNamesSettingsAndPlacesButNotWhatWasWritten) {
  const auto error = test::error_of([] { read("service:\n  port: sk-hidden\n  sk-secret: 1\n"); });
  ASSERT_TRUE(error);
  EXPECT_NE(error->log_text().find("line 2:9 service.port has a value"), std::string::npos)
      << error->log_text();
  EXPECT_NE(error->log_text().find("line 3:3"), std::string::npos) << error->log_text();
  EXPECT_EQ(error->log_text().find("sk-"), std::string::npos) << error->log_text();
}

TEST(Configuration, ManyProblemsAreCounted) {
  std::string yaml = "service:\n";
  for (int i = 0; i < 250; ++i) yaml += "  unknown" + std::to_string(i) + ": 1\n";
  expect_wrong(yaml, {"unknown99", "and 150 more"});
}

TEST(Configuration, TheCommandLineWinsOverTheFile) {
  const Sources sources{.file = {}, .command_line = {{"service.port", "8080"}, {"models.default", "b"}}};
  const Loaded loaded =
      load_text("service:\n  port: 80\n  workers: 3\nmodels: {default: a}\n", "h.yaml", sources);
  EXPECT_EQ(loaded.configuration.server.port, 8080);
  EXPECT_EQ(loaded.configuration.registry.preferred, "b");
  EXPECT_EQ(origin(loaded, "service", "port"), "--port");
  EXPECT_EQ(origin(loaded, "service", "workers"), "h.yaml:3:12");
  EXPECT_EQ(origin(loaded, "service", "host"), "default");
  const std::string lines = describe(loaded);
  for (const Setting& setting : settings()) EXPECT_NE(lines.find(setting.name()), lines.npos);
  EXPECT_NE(lines.find("8080"), lines.npos);
}

TEST(Configuration, SettingsThatDoNotGoTogetherAreRefused) {
  expect_wrong("service:\n  read_ahead_size: 8KiB\n",
               {"`service.header_size`", "less than `service.read_ahead_size`"});
  expect_wrong("service:\n  host: example.org\n", {"h.yaml:2:9: `service.host`", "not an IP address"});
  expect_wrong("service:\n  host: 0.0.0.0\n", {"`service.host`", "allow_unauthenticated"});
  expect_wrong("models: {default: a}\ninference: {draft_model: b, draft_layers: 1}\n",
               {"both a draft model and"});
  expect_wrong("inference: {draft_model: b}\n", {"`inference.draft_model`", "no model is named"});
  expect_wrong("models: {default: a}\ninference: {draft_layers: 1, draft_tokens: 0}\n",
               {"`inference.draft_layers`", "never be used"});
}

TEST(Configuration, AllThatDoesNotGoTogetherIsSaidAtOnce) {
  expect_wrong(
      "service: {read_ahead_size: 8KiB, host: 0.0.0.0}\ninference: {draft_layers: 1, draft_tokens: 0}\n",
      {"`service.header_size`", "`service.host`", "no model is named", "never be used"});
}

TEST(Configuration, PublicPrefixesAreTextsInFiles) {
  const test::TemporaryDirectory folder;
  const auto yaml = [&](const std::string& name) {
    return "cache:\n  public_prefixes: [\"" + (folder / name).string() + "\"]\n";
  };
  std::ofstream(folder / "text") << "Be kind.\n\u00fc\n\n";
  std::ofstream(folder / "windows") << "Be kind.\r\n";
  std::ofstream(folder / "empty") << "\n";
  std::ofstream(folder / "latin") << "\xfc";
  std::ofstream(folder / "long") << std::string((1 << 20) + 1, 'x');
  EXPECT_EQ(read(yaml("text")).registry.public_texts, std::vector<std::string>{"Be kind.\n\u00fc\n"})
      << "the last line break is the editor's";
  EXPECT_EQ(read(yaml("windows")).registry.public_texts, std::vector<std::string>{"Be kind."});
  expect_wrong(yaml("empty"), {"h.yaml:2:20: `cache.public_prefixes`", "empty"});
  expect_wrong(yaml("latin"), {"h.yaml:2:20: `cache.public_prefixes`", "latin", "UTF-8"});
  expect_wrong(yaml("long"), {"h.yaml:2:20: `cache.public_prefixes`", "long"});
  expect_wrong(yaml("text") + "inference: {prefix_cache: false}\n",
               {"`cache.public_prefixes`", "never be used"});
  expect_wrong(yaml("absent"), {"h.yaml:2:20: `cache.public_prefixes`", "absent"});
  expect_wrong("cache:\n  public_prefixes: text\n",
               {"h.yaml:2:20: `cache.public_prefixes` must be a list of files"});
  EXPECT_EQ(difference(read(""), read(yaml("text"))).live, std::vector<std::string>{"cache.public_prefixes"});
}

TEST(Configuration, AliasesAreAMapOfNames) {
  using Aliases = std::map<std::string, std::string>;
  EXPECT_EQ(
      read("models:\n  aliases: {gpt-4o: qwen2.5-coder:1.5b, small: smollm2:135m}\n").server.live.aliases,
      (Aliases{{"gpt-4o", "qwen2.5-coder:1.5b"}, {"small", "smollm2:135m"}}));
  EXPECT_EQ(read("models:\n  aliases: {}\n").server.live.aliases, Aliases());
  expect_wrong("models:\n  aliases: [a]\n", {"h.yaml:2:12: `models.aliases` must be a map of names"});
  expect_wrong("models:\n  aliases: {a: [b]}\n", {"`models.aliases`"});
}

TEST(Configuration, ADifferenceTellsWhatNeedsARestart) {
  const Change change = difference(read("service: {port: 1, heartbeat: 2s}\nsampling: {top_k: 3}\n"),
                                   read("service: {port: 2, heartbeat: 3s}\nmodels: {preload: [a]}\n"));
  EXPECT_EQ(change.live, (std::vector<std::string>{"service.heartbeat", "sampling.top_k"}));
  EXPECT_EQ(change.restart, (std::vector<std::string>{"service.port", "models.preload"}));
}

TEST(Configuration, AFileThatIsNotThereOrTooLargeIsNamed) {
  const test::TemporaryDirectory folder;
  test::expect_error(ErrorKind::kNotFound, {"absent.yaml"}, [&] { load({folder / "absent.yaml", {}}); });
  std::ofstream(folder / "large.yaml") << std::string(kMostYamlBytes + 1, '#');
  test::expect_error(ErrorKind::kPayloadTooLarge, {"large.yaml"}, [&] { load({folder / "large.yaml", {}}); });
}

// With HEARTH_WRITE_DOCS=1 the page is written anew.
TEST(Configuration, TheReferencePageIsWhatTheTableSays) {
  const std::filesystem::path page = std::filesystem::path(HEARTH_TEST_DATA) / "../../docs/configuration.md";
  if (std::getenv("HEARTH_WRITE_DOCS") != nullptr) write_file_atomically(page, reference_page());
  EXPECT_EQ(read_file(page), reference_page()) << "HEARTH_WRITE_DOCS=1 configuration_tests writes it anew";
}

// Its example must be one.
TEST(Configuration, TheExampleOfTheReferencePageIsAllowed) {
  const std::string page = reference_page();
  const std::size_t begin = page.find("```yaml\n") + 8;
  const Configuration example = read(page.substr(begin, page.find("```", begin) - begin));
  EXPECT_EQ(example.server.live.limits.body_bytes, 1u << 20);
}

}  // namespace
}  // namespace hearth::configuration
