// hearth pull: brings a model into the store.
#include <array>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "cli/model_json.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"
#include "server/serving/encoder_model.h"
#include "store/store.h"

namespace hearth::cli {
namespace {

struct Options {
  std::string reference;
  store::PullOptions pull;
  bool json = false;
};

volatile std::sig_atomic_t interrupted = 0;

// While it lives, an interrupt or a termination asks the pull to stop in order: it says what is kept. A
// second one ends the program at once, which loses nothing but the message.
class InterruptHandler {
 public:
  InterruptHandler() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before_[i]);
  }
  ~InterruptHandler() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  }
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, 3> before_{};
};

// Bytes a second over the last seconds, and so how long it will take.
class Speed {
 public:
  std::string note(std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (!begin_ || done < begin_bytes_) {
      begin_ = now;
      begin_bytes_ = done;
    }
    const double seconds = std::chrono::duration<double>(now - *begin_).count();
    if (seconds < 1 || done <= begin_bytes_) return {};
    const double rate = static_cast<double>(done - begin_bytes_) / seconds;
    std::string text = fmt::format(", {}/s", format_bytes(static_cast<std::size_t>(rate)));
    if (total > done) {
      const auto left = static_cast<long>(static_cast<double>(total - done) / rate) + 1;
      text += left < 120 ? fmt::format(", {} s left", left) : fmt::format(", {} min left", left / 60);
    }
    return text;
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> begin_;
  std::uint64_t begin_bytes_ = 0;
};

void print_result(const store::PullResult& result) {
  const store::ModelRecord& record = result.record;
  const std::string name = record.name.text();
  fmt::print("{}: {}, SHA-256 {}\n", name, format_bytes(record.size()), record.digest);
  if (!record.licence.empty())
    fmt::print("licence: {}{}\n", record.licence,
               record.licence_url.empty() ? "" : ", " + record.licence_url);
  if (record.verification == store::Verification::kUnverified)
    fmt::print("unverified source: nothing says what its SHA-256 should be; compare the digest above\n");
  if (result.already_there) fmt::print("it was already here\n");
  if (record.runnable && server::is_encoder(record))
    fmt::print("next: hearth serve, and ask /v1/embeddings for {}\n", name);
  else if (record.runnable)
    fmt::print("next: hearth run {}\n", name);
  else
    fmt::print("this version of Hearth can keep it but not run it yet\n");
}

void run(const Options& options) {
  store::Store store(home_directory());
  ProgressBar bar(options.reference);
  Speed speed;
  interrupted = 0;
  const InterruptHandler handler;
  const store::PullResult result =
      store.pull(options.reference, options.pull, [&](const store::PullProgress& progress) {
        std::string note;
        switch (progress.phase) {
          case store::PullPhase::kWaiting:
            note = "another process is pulling the same; waiting for it";
            break;
          case store::PullPhase::kResolving:
            note = "asking what there is";
            break;
          case store::PullPhase::kDownloading:
            note = format_bytes(progress.bytes_done);
            if (progress.bytes_total > 0) note += " of " + format_bytes(progress.bytes_total);
            note += speed.note(progress.bytes_done, progress.bytes_total);
            break;
          case store::PullPhase::kVerifying:
            note = "verifying " + progress.file;
            break;
          case store::PullPhase::kStoring:
            note = "storing";
            break;
        }
        bar.show(progress.bytes_done, progress.bytes_total, note);
        return interrupted == 0;
      });
  bar.clear();
  if (!options.json) return print_result(result);
  nlohmann::json document = model_json(result.record);
  document["already_there"] = result.already_there;
  document["bytes_kept"] = result.bytes_kept;
  fmt::print("{}\n", document.dump(1));
}

}  // namespace

void add_pull(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("pull", "Bring a model into the store");
  verb->add_option(
          "NAME", options->reference,
          "A name of the catalogue (smollm2:135m), https://…/x.gguf, hf://owner/repo[/file][@revision], "
          "or a local file")
      ->required();
  verb->add_option("--name", options->pull.name, "Store it under this name; default: the source's own");
  verb->add_option("--sha256", options->pull.sha256,
                   "What the file of an https address or a local file must have");
  verb->add_option("--connections", options->pull.connections, "At once, for one file over HTTP")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  verb->add_flag("--allow-http", options->pull.allow_plain_http,
                 "Also from addresses that are not encrypted, in a network that you trust");
  verb->add_flag("--json", options->json, "Print the model's record");
  verb->footer(
      "An interrupted pull goes on where it stopped when it is called again. HF_ENDPOINT names another hub, "
      "HF_TOKEN is the access token for it.\n\n"
      "Examples:\n  hearth pull smollm2:135m\n  hearth pull hf://Qwen/Qwen2.5-0.5B-Instruct-GGUF/"
      "qwen2.5-0.5b-instruct-q4_k_m.gguf\n  hearth pull https://example.org/x.gguf --sha256 DIGEST --name "
      "x:v1");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
