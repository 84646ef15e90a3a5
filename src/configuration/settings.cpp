#include "configuration/settings.h"

#include <algorithm>
#include <type_traits>

#include "configuration/values.h"
#include "engine/model.h"
#include "kernels/cache_type.h"
#include "server/api/generation_parameters.h"

namespace hearth::configuration {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;
constexpr std::size_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30;
constexpr Applies kAtOnce = Applies::kAtOnce, kAfterRestart = Applies::kAfterRestart;

template <typename Field>
constexpr bool is_optional = false;
template <typename Value>
constexpr bool is_optional<std::optional<Value>> = true;

// `field` gives a reference to the option that the setting is.
template <typename Value, typename Field>
Setting make(std::string section, std::string key, std::string option, Applies applies, ValueType<Value> type,
             Field field, std::string help) {
  Setting setting{std::move(section),
                  std::move(key),
                  std::move(option),
                  std::move(help),
                  type.allowed,
                  type.name,
                  applies,
                  {},
                  {}};
  setting.read = [type, field](Configuration& configuration, const YamlNode& node) {
    auto value = type.read(node);
    if (!value) return false;
    auto& target = field(configuration);
    using Target = std::remove_reference_t<decltype(target)>;
    if constexpr (is_optional<Target>)
      target = static_cast<typename Target::value_type>(*value);
    else
      target = static_cast<Target>(*value);
    return true;
  };
  setting.show = [type, field](const Configuration& configuration) -> std::string {
    const auto& source = field(configuration);
    std::string shown;
    if constexpr (is_optional<std::remove_cvref_t<decltype(source)>>)
      shown = source ? type.show(static_cast<Value>(*source)) : "";
    else
      shown = type.show(static_cast<Value>(source));
    return shown.empty() ? "unset" : shown;
  };
  return setting;
}

// The option that a setting is, of a Configuration that may be constant.
#define HEARTH_FIELD(path) \
  [](auto& c) -> auto& { return c.path; }

void add_inference(std::vector<Setting>& all) {
  const auto add = [&](auto&&... rest) {
    all.push_back(make("inference", std::forward<decltype(rest)>(rest)...));
  };
  add("device", "", kAfterRestart, choice<Device>({{"auto", Device::kAuto}, {"cpu", Device::kCpu}}),
      HEARTH_FIELD(device), "What computes: auto is the best that this build can use, today the processor");
  add("threads", "--threads", kAfterRestart, integer(0, 1024), HEARTH_FIELD(threads),
      "Compute threads; 0: one for each physical core");
  add("memory_fraction", "", kAfterRestart, number(0.01, 1), HEARTH_FIELD(memory_fraction),
      "The part of the memory of the machine, or of its container, that models may take together; unset: "
      "nine "
      "tenths of what is free at the start");
  add("context", "--context", kAfterRestart, integer(0, 1 << 24),
      HEARTH_FIELD(registry.engine.context_tokens),
      "Tokens of context for each answer; 0: the model's own, at most 4096");
  add("parallel", "--parallel", kAfterRestart, integer(1, 1024),
      HEARTH_FIELD(registry.engine.parallel_sequences), "Answers computed at once, per model");
  add("batch_size", "", kAfterRestart, integer(1, 65536), HEARTH_FIELD(registry.engine.batch_rows),
      "Most rows (tokens of all answers and prompts) in one step");
  add("queue_limit", "", kAfterRestart, integer(1, 1'000'000), HEARTH_FIELD(registry.engine.queue_limit),
      "Answers that may wait for their turn, per model; beyond them a request gets 503");
  add("queued_tokens", "", kAfterRestart, integer(1, std::int64_t{1} << 40),
      HEARTH_FIELD(registry.engine.queued_tokens),
      "Tokens of the prompts that may wait, per model; beyond them a request gets 503, unless it would wait "
      "alone");
  add("cache_tokens", "", kAfterRestart, integer(0, std::int64_t{1} << 40),
      HEARTH_FIELD(registry.engine.cache_tokens),
      "Tokens that the key/value cache holds for all answers of a model together; 0: each can have a full "
      "context");
  add("prefix_cache", "", kAfterRestart, boolean(), HEARTH_FIELD(registry.engine.prefix_cache),
      "Keep texts that were read, each caller's for itself, and begin behind them: faster, never another "
      "answer");
  using kernels::CacheType;
  add("precision", "--cache-type", kAfterRestart,
      choice<CacheType>({{"bf16", CacheType::kBf16},
                         {"q8", CacheType::kQ8},
                         {"f16", CacheType::kF16},
                         {"f32", CacheType::kF32}}),
      HEARTH_FIELD(registry.engine.numerics.key_value_cache),
      "How keys and values of earlier tokens are kept: bf16; q8 in half the memory, slightly less exact; "
      "f16, slower and slightly more exact; f32");
  using models::EncoderPrecision;
  add("encoder_precision", "", kAfterRestart,
      choice<EncoderPrecision>(
          {{"int8", EncoderPrecision::kEightBits}, {"float32", EncoderPrecision::kAsStored}}),
      HEARTH_FIELD(registry.encoder_precision),
      "What models that make embeddings compute in: int8, or float32, several times slower and slightly more "
      "exact");
  add("draft_tokens", "--speculate", kAfterRestart, integer(0, engine::kMostDraftTokens),
      HEARTH_FIELD(registry.engine.speculation.draft_tokens),
      "Most tokens drafted ahead in a step where the text repeats itself or a draft model is given: faster, "
      "never another answer; 0: none");
  add("draft_layers", "--draft-layers", kAfterRestart, integer(0, 10'000),
      HEARTH_FIELD(registry.engine.speculation.draft_layers),
      "So many first layers of the default model itself draft where the text does not repeat");
  add("draft_model", "--draft", kAfterRestart, text("a model in the store or a path"),
      HEARTH_FIELD(registry.engine.speculation.draft_model),
      "A smaller model of the default model's vocabulary that drafts where the text does not repeat: a model "
      "in "
      "the store or a path");
}

void add_cache(std::vector<Setting>& all) {
  const auto add = [&](auto&&... rest) {
    all.push_back(make("cache", std::forward<decltype(rest)>(rest)...));
  };
  add("disk_directory", "", kAfterRestart, text("a path"), HEARTH_FIELD(disk_cache.directory),
      "A folder that keeps the prefix cache over restarts, encrypted; unset: none. `hearth cache clear` "
      "removes it, or one tenant's part");
  add("disk_size", "", kAfterRestart, size(kMiB, std::size_t{1} << 50), HEARTH_FIELD(disk_cache.bytes),
      "The most that it takes; what was used longest ago goes first");
  add("disk_key_file", "", kAfterRestart, text("a path"), HEARTH_FIELD(disk_cache.key_file),
      "A file that holds its key, 64 hexadecimal digits; unset: the variable HEARTH_CACHE_KEY, and without "
      "that prefix-cache.key in the home, which is made");
  add("disk_wait", "", kAfterRestart, duration(0ms, 24h), HEARTH_FIELD(disk_cache.patience),
      "How long a prompt waits for pages from there before it is computed instead");
  add("public_prefixes", "", kAtOnce, texts("a list of files"), HEARTH_FIELD(public_prefixes),
      "Files, each with a text that many prompts begin with, which all tenants share; at most 100, of 1 MiB "
      "each. Read again at SIGHUP");
  // Off: kept answers are what callers wrote and got, held after they left, and hide from whoever measures
  // whether anything was computed.
  add("responses_size", "", kAfterRestart, size(0, 1024 * kGiB), HEARTH_FIELD(server.response_cache_bytes),
      "Of answers kept for who asks the very same again, at temperature 0 or with a seed; the "
      "one asked for longest ago goes first; 0B: none");
}

void add_responses(std::vector<Setting>& all) {
  const auto add = [&](auto&&... rest) {
    all.push_back(make("responses", std::forward<decltype(rest)>(rest)...));
  };
  // Off: what is stored is what callers wrote and got, and outlives the process.
  add("store", "", kAfterRestart, boolean(), HEARTH_FIELD(responses.is_on),
      "Store answers of the Responses API that are asked for without `\"store\": false`, encrypted on disk, "
      "each tenant's for itself. Their key is the prefix cache's (`cache.disk_key_file`)");
  add("directory", "", kAfterRestart, text("a path"), HEARTH_FIELD(responses.directory),
      "The folder that keeps them; unset: `responses` in the home");
  add("time", "", kAfterRestart, duration(1s, 24h * 3650), HEARTH_FIELD(responses.time),
      "How long one is stored");
  add("size", "", kAfterRestart, size(kMiB, std::size_t{1} << 50), HEARTH_FIELD(responses.bytes),
      "The most that those of one tenant take; what it stored longest ago goes first");
}

void add_service(std::vector<Setting>& all) {
  const auto add = [&](auto&&... rest) {
    all.push_back(make("service", std::forward<decltype(rest)>(rest)...));
  };
  add("host", "--host", kAfterRestart, text("an IP address or localhost"), HEARTH_FIELD(server.host),
      "Address to listen on");
  add("port", "--port", kAfterRestart, integer(0, 65535), HEARTH_FIELD(server.port),
      "Port to listen on; 0: any free one");
  add("allow_unauthenticated", "--allow-unauthenticated", kAfterRestart, boolean(),
      HEARTH_FIELD(server.allow_unauthenticated),
      "Let everybody who reaches the host's address use the models, beyond this machine, as long as there "
      "are no "
      "keys");
  add("admin_port", "--admin-port", kAfterRestart, integer(0, 65535), HEARTH_FIELD(server.admin.port),
      "Port for administration (/metrics, clearing a tenant's cache), on this machine alone; 0: any free "
      "one; unset: none");
  add("admin_host", "--admin-host", kAfterRestart, text("a loopback address"),
      HEARTH_FIELD(server.admin.host), "Loopback address of the port for administration");
  add("admin_socket", "--admin-socket", kAfterRestart, text("a path"), HEARTH_FIELD(server.admin.socket),
      "Unix socket for administration instead, open to its owner alone");
  auto networks = texts("a list of IP addresses and networks, as [127.0.0.1, 10.0.0.0/8]");
  networks.read = [read = networks.read](const YamlNode& node) {
    auto written = read(node);
    try {
      if (written) server::TrustedProxies{*written};
    } catch (const Error&) {
      written.reset();
    }
    return written;
  };
  add("trusted_proxies", "", kAtOnce, networks, HEARTH_FIELD(server.live.trusted_proxies),
      "Proxies whose `X-Forwarded-For` says where a request comes from; from others it says nothing");
  add("tls_certificate", "--tls-certificate", kAtOnce, text("a path"),
      HEARTH_FIELD(server.live.tls.certificate),
      "Certificate in PEM, its chain after it: then the host and port speak HTTPS. Read again at SIGHUP, for "
      "new connections");
  add("tls_key", "--tls-key", kAtOnce, text("a path"), HEARTH_FIELD(server.live.tls.key),
      "The certificate's private key in PEM, without a password");
  add("idempotency_size", "", kAfterRestart, size(0, kGiB), HEARTH_FIELD(server.idempotency.bytes),
      "Of answers kept in memory for who sends the same request again with the same `Idempotency-Key`; the "
      "oldest goes first; 0B: none, but who asks while an answer is given still shares it");
  add("idempotency_time", "", kAfterRestart, duration(1s, 24h * 7), HEARTH_FIELD(server.idempotency.time),
      "How long such an answer is kept");
  add("audit_file", "", kAfterRestart, text("a path"), HEARTH_FIELD(server.audit_file),
      "A file that says who did what, a line of JSON for each request and each change of a key; unset: none. "
      "`hearth audit verify` checks it");
  add("strict_requests", "--strict-requests", kAtOnce, boolean(), HEARTH_FIELD(server.live.strict_requests),
      "Answer a request with a field that its API does not have with 400, naming it; else such fields are "
      "named in the answer's header x-hearth-ignored");
  add("workers", "", kAfterRestart, integer(1, 64), HEARTH_FIELD(server.network_threads),
      "Network threads; they move bytes only");
  add("supervise", "--supervise", kAfterRestart, boolean(), HEARTH_FIELD(supervise),
      "Compute in a process of its own, which is started again where it crashes: connections are kept, and "
      "its answers end with an error");
  add("log_level", "", kAtOnce,
      choice<LogLevel>({{"debug", LogLevel::kDebug},
                        {"info", LogLevel::kInfo},
                        {"warning", LogLevel::kWarning},
                        {"error", LogLevel::kError},
                        {"off", LogLevel::kOff}}),
      HEARTH_FIELD(log_level), "The least severe lines that the log has");
  add("log_format", "--log-format", kAfterRestart,
      choice<LogFormat>({{"text", LogFormat::kText}, {"json", LogFormat::kJson}}), HEARTH_FIELD(log_format),
      "Lines of the log: text, or json: one object each");
  add("core_dumps", "", kAfterRestart, boolean(), HEARTH_FIELD(core_dumps),
      "Let a crash write the server's memory to a core dump, with the prompts and answers in it");
}

void add_service_limits(std::vector<Setting>& all) {
  const auto add = [&](auto&&... rest) {
    all.push_back(make("service", std::forward<decltype(rest)>(rest)...));
  };
  // The library that parses HTTP holds one header in 65,535 bytes.
  add("header_size", "", kAtOnce, size(kKiB, 64 * kKiB - 1), HEARTH_FIELD(server.live.limits.header_bytes),
      "Of a request's first line and headers, less than `read_ahead_size`; beyond: 431");
  add("body_size", "", kAtOnce, size(kKiB, kGiB), HEARTH_FIELD(server.live.limits.body_bytes),
      "Of a request's body; beyond: 413");
  add("read_ahead_size", "", kAtOnce, size(2 * kKiB, 16 * kMiB),
      HEARTH_FIELD(server.live.limits.read_ahead_bytes),
      "Of further requests on a connection kept while one is answered");
  add("connections", "", kAtOnce, integer(1, 1'000'000), HEARTH_FIELD(server.live.limits.connections),
      "At once; beyond: 503");
  const auto time = duration(100ms, 24h);
  add("handshake_time", "", kAtOnce, time, HEARTH_FIELD(server.live.limits.handshake_time),
      "For TLS to be agreed on; beyond, the connection is closed");
  add("header_time", "", kAtOnce, time, HEARTH_FIELD(server.live.limits.header_time),
      "From a request's first byte to the end of its headers; beyond: 408");
  add("body_time", "", kAtOnce, time, HEARTH_FIELD(server.live.limits.body_time),
      "For a request's whole body; beyond: 408");
  add("queue_time", "", kAtOnce, time, HEARTH_FIELD(server.live.limits.queue_time),
      "How long an answer may wait for its turn; beyond: 503, in a stream an error event");
  add("request_time", "", kAtOnce, time, HEARTH_FIELD(server.live.limits.request_time),
      "From a request's last byte to the end of its answer; beyond: 504, in a stream an error event, and who "
      "still reads then is left");
  add("idle_time", "", kAtOnce, time, HEARTH_FIELD(server.live.limits.idle_time),
      "How long a connection without a request is kept");
  add("stalled_write_time", "", kAtOnce, time, HEARTH_FIELD(server.live.limits.stalled_write_time),
      "For a client that takes not one byte of its answer; beyond, it is left");
  add("heartbeat", "", kAtOnce, time, HEARTH_FIELD(server.live.limits.heartbeat),
      "Silence in a streamed answer before a comment line says that it goes on");
  add("drain_time", "", kAtOnce, duration(0ms, 24h), HEARTH_FIELD(server.live.limits.drain_time),
      "For running answers when the server stops");
}

void add_sampling(std::vector<Setting>& all) {
  const auto add = [&](std::string key, auto type, auto field, std::string help) {
    all.push_back(make("sampling", std::move(key), "", kAtOnce, std::move(type), field, std::move(help)));
  };
  add("temperature", number(0, 2), HEARTH_FIELD(server.live.sampling.temperature),
      "0: always the most likely token");
  add("top_p", number(0, 1), HEARTH_FIELD(server.live.sampling.top_p),
      "The most likely tokens that have this probability together; 1: all");
  add("top_k", integer(0, 1'000'000), HEARTH_FIELD(server.live.sampling.top_k),
      "So many of the most likely tokens; 0: all");
  add("min_p", number(0, 1), HEARTH_FIELD(server.live.sampling.min_p),
      "Tokens at least this likely, relative to the most likely one; 0: all");
  add("max_tokens", integer(1, server::kMostNewTokens), HEARTH_FIELD(server.live.sampling.maximum_tokens),
      "Of an answer in a chat; unset: until the context is full. Plain completions have the API's own "
      "default");
}

void add_limits(std::vector<Setting>& all) {
  const auto add = [&](std::string key, auto type, auto field, std::string help) {
    all.push_back(make("limits", std::move(key), "", kAtOnce, std::move(type), field, std::move(help)));
  };
  const auto count = integer(0, 1'000'000'000);
  add("requests_per_minute", count, HEARTH_FIELD(server.live.caller_limits.requests_per_minute),
      "Of each caller, by key, or by address without keys; beyond: 429; 0: no limit");
  add("tokens_per_minute", count, HEARTH_FIELD(server.live.caller_limits.tokens_per_minute),
      "Of each caller's prompts and answers; who took more gets 429 until it is made up for; 0: no limit");
  add("parallel_requests", count, HEARTH_FIELD(server.live.caller_limits.parallel_requests),
      "Of each caller, being answered at once; beyond: 429; 0: no limit");
  using engine::Priority;
  add("highest_priority",
      choice<Priority>({{"high", Priority::kHigh}, {"normal", Priority::kNormal}, {"low", Priority::kLow}}),
      HEARTH_FIELD(server.live.highest_priority),
      "That a request may ask for, by `service_tier`: priority is high, default is normal, flex is low; "
      "beyond: 400");
}

void add_models(std::vector<Setting>& all) {
  all.push_back(make("models", "default", "--model", kAfterRestart, text("a model in the store or a path"),
                     HEARTH_FIELD(registry.preferred),
                     "The model for requests that name none, loaded at once: a name in the store or a path"));
  all.push_back(make("models", "preload", "", kAfterRestart, texts("a list of models in the store"),
                     HEARTH_FIELD(preload),
                     "Further models that are loaded at once; one that nobody uses goes where another needs "
                     "the memory"));
  all.push_back(make("models", "pinned", "", kAfterRestart, texts("a list of models in the store"),
                     HEARTH_FIELD(registry.pinned), "Models that are loaded at once and never unloaded"));
  all.push_back(make("models", "aliases", "", kAtOnce, map_of_texts("a map of names to models in the store"),
                     HEARTH_FIELD(server.live.aliases),
                     "Other names under which requests find models, as in {gpt-4o: qwen2.5-coder:1.5b}"));
  all.push_back(make("models", "idle_time", "", kAfterRestart, duration(0ms, 24h * 30),
                     HEARTH_FIELD(registry.idle_time),
                     "How long nobody uses a model before it is unloaded, unless it is pinned; 0ms: until "
                     "another needs the memory"));
}

#undef HEARTH_FIELD

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> made;
    add_inference(made);
    add_cache(made);
    add_responses(made);
    add_service(made);
    add_service_limits(made);
    add_sampling(made);
    add_limits(made);
    add_models(made);
    return made;
  }();
  return all;
}

const Setting* find_setting(std::string_view section, std::string_view key) {
  for (const Setting& setting : settings())
    if (setting.section == section && setting.key == key) return &setting;
  return nullptr;
}

bool read_text(const Setting& setting, const std::string& text, Configuration& configuration) {
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.text = text;
  return setting.read(configuration, node);
}

}  // namespace hearth::configuration
