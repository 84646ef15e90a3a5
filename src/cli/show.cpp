// hearth show: one model: where it comes from, its files and digests, and what its own metadata say.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/printable.h"
#include "cli/model_json.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"
#include "formats/e5_file.h"
#include "formats/huggingface_directory.h"
#include "formats/model_files.h"
#include "store/store.h"

namespace hearth::cli {
namespace {

// What the files say of themselves.
struct Contents {
  std::string kind, architecture;
  std::uint64_t parameters = 0, context = 0;  // context: tokens it was trained for; 0: not told
  std::map<std::string, std::uint64_t, std::less<>> type_bytes;  // of the tensors of each element type
};

Contents read_contents(const std::filesystem::path& path) {
  const formats::ModelFiles files = formats::ModelFiles::open(path);
  Contents contents;
  contents.kind = std::string(formats::name_of(files.kind()));
  if (const formats::GgufFile* gguf = files.gguf()) {
    contents.architecture = gguf->metadata().find_string("general.architecture").value_or("");
    contents.context = gguf->metadata().find_u64(contents.architecture + ".context_length").value_or(0);
  } else if (const formats::E5File* e5 = files.e5()) {
    contents.architecture = "bert";
    contents.context = static_cast<std::uint64_t>(e5->contents().positions);
  } else {
    const nlohmann::json& config = files.huggingface()->config();
    const auto text = config.find("model_type");
    if (text != config.end() && text->is_string()) contents.architecture = *text;
    const auto context = config.find("max_position_embeddings");
    if (context != config.end() && context->is_number_unsigned()) contents.context = *context;
  }
  contents.architecture = printable(contents.architecture);
  for (const TensorEntry& tensor : files.tensors()) {
    contents.parameters += tensor.element_count();
    contents.type_bytes[std::string(name_of(tensor.type))] += tensor.bytes.size();
  }
  return contents;
}

std::string count_text(std::uint64_t count) {
  const double value = static_cast<double>(count);
  if (count >= 1'000'000'000) return fmt::format("{:.2f} billion", value / 1e9);
  return fmt::format("{:.1f} million", value / 1e6);
}

void print(std::string_view label, std::string_view value) {
  if (!value.empty()) fmt::print("{:<14}{}\n", label, value);
}

void print_text(const store::ModelRecord& record, const std::optional<Contents>& contents) {
  print("name", record.name.text());
  print("what", record.description);
  print("path", record.path.string());
  if (contents) {
    print("format", contents->kind);
    print("architecture", contents->architecture);
    print("parameters", count_text(contents->parameters));
    std::string types;
    for (const auto& [name, bytes] : contents->type_bytes)
      types += fmt::format("{}{} {}", types.empty() ? "" : ", ", name, format_bytes(bytes));
    print("elements", types);
    if (contents->context > 0) print("context", fmt::format("{} tokens", contents->context));
  } else {
    print("format", record.format + ", which this version cannot open yet");
  }
  print("licence", record.licence_url.empty() ? record.licence : record.licence + ", " + record.licence_url);
  if (record.name.name.empty()) return;  // a path: nothing else is known
  print("source", record.source);
  print("verified by", record.verification == store::Verification::kUnverified
                           ? "nothing: the source states no SHA-256"
                           : store::name_of(record.verification));
  print("pulled", record.pulled_at);
  print("digest", record.digest);
  fmt::print("files\n");
  for (const store::StoredFile& file : record.files)
    fmt::print("  {}  {:>10}  {}\n", file.sha256, format_bytes(file.size), file.name);
}

}  // namespace

void add_show(CLI::App& app) {
  struct Options {
    std::string name;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("show", "One model: files, digests, licence, what its metadata say");
  verb->add_option("NAME", options->name, "A model in the store (smollm2:135m) or a path to a model file")
      ->required();
  verb->add_flag("--json", options->json, "Print JSON");
  verb->footer("Example:\n  hearth show smollm2:135m");
  verb->callback([options] {
    const store::ModelRecord record = store::Store(home_directory()).find(options->name);
    std::optional<Contents> contents;
    if (record.format == "gguf" || record.format == "huggingface") contents = read_contents(record.path);
    if (!options->json) return print_text(record, contents);
    nlohmann::json document = model_json(record);
    if (contents)
      document["contents"] = {{"kind", contents->kind},
                              {"architecture", contents->architecture},
                              {"parameters", contents->parameters},
                              {"context", contents->context},
                              {"type_bytes", contents->type_bytes}};
    fmt::print("{}\n", document.dump(1));
  });
}

}  // namespace hearth::cli
