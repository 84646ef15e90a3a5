#include "store/plan.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "store/digest.h"
#include "store/file_names.h"
#include "store/http_download.h"
#include "store/hub.h"
#include "store/store.h"
#include "store/url.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kDefaultEndpoint = "https://huggingface.co";

std::string environment_or(const char* variable, std::string_view otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : std::string(otherwise);
}

// GGUF: the (first) file is what is opened. Else the folder is.
void set_format(PullPlan& plan) {
  const std::string& first = plan.files.front().name;
  const bool directory = std::any_of(plan.files.begin(), plan.files.end(),
                                     [](const PlannedFile& file) { return file.name == "config.json"; });
  plan.record.format = directory ? "huggingface" : "gguf";
  if (directory) return;
  if (!first.ends_with(".gguf"))
    throw Error(ErrorKind::kUnsupported, fmt::format("'{}' alone is not a model", printable(first, 200)),
                "name a .gguf file, or a whole repository (hf://owner/repo) or directory with safetensors");
  plan.record.entry = first;
}

PullPlan catalogue_plan(const Reference& reference, const Catalogue& catalogue) {
  const CatalogueModel* model = catalogue.find(reference.name);
  if (model == nullptr) {
    const std::string suggestion = suggestion_text(closest_names(reference.text, catalogue.names()));
    throw Error(ErrorKind::kNotFound, fmt::format("the catalogue has no model '{}'", reference.text),
                fmt::format("{}`hearth list --available` shows what there is",
                            suggestion.empty() ? "" : suggestion + " "));
  }
  PullPlan plan;
  plan.model = model;
  plan.record.name = model->name;
  plan.record.format = model->format;
  plan.record.runnable = model->runnable;
  plan.record.licence = model->licence;
  plan.record.licence_url = model->licence_url;
  plan.record.description = model->description;
  plan.record.verification = Verification::kCatalogue;
  plan.record.reference = model->name.text();
  const CataloguePackage& package = model->packages.front();
  plan.record.source = fmt::format("package {} {}", package.name, package.version);
  if (model->packages.size() > 1)
    plan.record.source += fmt::format(" and {} more", model->packages.size() - 1);
  for (const CatalogueFile& file : model->files) {
    PlannedFile planned;
    planned.name = file.name;
    planned.size = file.size;
    planned.sha256 = file.sha256;
    planned.catalogue_file = &file;
    plan.files.push_back(std::move(planned));
  }
  if (model->files.size() == 1) plan.record.entry = model->files[0].name;
  return plan;
}

std::string one_digest_for(std::size_t files, const std::string& digest, std::string_view what) {
  if (files > 1 && !digest.empty())
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} has {} parts, one SHA-256 was given", what, files),
                "pull it without a digest, or from a hub, whose metadata has them")
        .with_field("sha256");
  return digest;
}

PullPlan url_plan(const Reference& reference, const PullOptions& options,
                  const HttpClient::KeepGoing& keep_going) {
  PullPlan plan;
  plan.http = {.allow_plain_http = options.allow_plain_http, .bearer_token = {}, .bearer_origin = {}};
  plan.record.source = plan.record.reference = reference.text;
  const std::string given = options.sha256.empty() ? reference.sha256 : parse_sha256(options.sha256);
  if (!given.empty() && !reference.sha256.empty() && given != reference.sha256)
    throw Error(ErrorKind::kInvalidArgument, "the address and --sha256 name two different digests")
        .with_field("sha256");
  plan.record.verification = given.empty() ? Verification::kUnverified : Verification::kGiven;

  const std::size_t path_end = std::min(reference.url.find('?'), reference.url.size());
  const std::size_t slash = reference.url.rfind('/', path_end == 0 ? 0 : path_end - 1);
  const std::string last = reference.url.substr(slash + 1, path_end - slash - 1);
  const std::vector<std::string> parts = gguf_parts(last);
  one_digest_for(parts.size(), given, reference.text);
  HttpClient client(plan.http);
  for (const std::string& part : parts) {
    PlannedFile file;
    file.name = unescape_url_path(part);
    // "download?id=5": what comes is looked at.
    if (file.name.find('.') == std::string::npos) file.name = "model.gguf";
    require_safe_relative_name(file.name);
    file.url = reference.url.substr(0, slash + 1) + part + reference.url.substr(path_end);
    file.sha256 = given;
    const RemoteFile remote = probe_url(client, file.url, file.name, options.retry, keep_going);
    if (remote.size != kUnknownLength) file.size = remote.size;
    file.etag = remote.etag;
    plan.files.push_back(std::move(file));
  }
  set_format(plan);
  return plan;
}

// The files of a repository that make up the model asked for.
std::vector<HubFile> choose(const Reference& reference, const HubRevision& revision) {
  std::vector<HubFile> chosen;
  if (!reference.hub_file.empty()) {
    for (const std::string& part : gguf_parts(reference.hub_file)) {
      const auto found = std::find_if(revision.files.begin(), revision.files.end(),
                                      [&](const HubFile& file) { return file.path == part; });
      if (found != revision.files.end()) {
        chosen.push_back(*found);
        continue;
      }
      std::vector<std::string> known;
      for (const HubFile& file : revision.files)
        if (file.path.ends_with(".gguf")) known.push_back(file.path);
      throw Error(ErrorKind::kNotFound,
                  fmt::format("{} has no file '{}'", reference.hub_repository, printable(part, 200)),
                  printable(suggestion_text(closest_names(part, known)), 400));
    }
    return chosen;
  }
  const HubFile* pickle = nullptr;
  std::string gguf;
  bool weights = false;
  for (const HubFile& file : revision.files) {
    if (is_huggingface_model_file(file.path)) {
      weights = weights || file.path.ends_with(".safetensors");
      chosen.push_back(file);
    } else if (is_pickle_name(file.path)) {
      pickle = &file;
    } else if (file.path.ends_with(".gguf")) {
      gguf = file.path;
    }
  }
  if (weights) return chosen;
  if (!gguf.empty())
    throw Error(ErrorKind::kInvalidArgument, reference.hub_repository + " holds GGUF files: name one",
                fmt::format("hearth pull hf://{}/{}", reference.hub_repository, printable(gguf, 200)));
  if (pickle != nullptr) refuse_pickle_name(pickle->path);
  throw Error(ErrorKind::kNotFound, reference.hub_repository + " holds neither safetensors nor GGUF files");
}

PullPlan hub_plan(const Reference& reference, const PullOptions& options,
                  const HttpClient::KeepGoing& keep_going) {
  if (!options.sha256.empty())
    throw Error(ErrorKind::kInvalidArgument,
                "--sha256 is for plain addresses: the hub states its digests itself")
        .with_field("sha256");
  const std::string endpoint =
      options.hub_endpoint.empty() ? environment_or("HF_ENDPOINT", kDefaultEndpoint) : options.hub_endpoint;
  const std::string token = options.hub_token.empty() ? environment_or("HF_TOKEN", "") : options.hub_token;
  Hub hub(endpoint, token, options.allow_plain_http, options.retry);
  const HubRevision revision = hub.revision(reference.hub_repository, reference.hub_revision, keep_going);

  PullPlan plan;
  plan.http = hub.http_options();
  plan.record.reference = reference.text;
  plan.record.source = fmt::format("{} at {}, revision {}", reference.hub_repository, printable_url(endpoint),
                                   revision.commit);
  plan.record.licence = revision.licence;
  plan.record.verification = Verification::kHub;
  for (const HubFile& chosen : choose(reference, revision)) {
    PlannedFile file;
    // A single file is stored without its folder, a directory's keep theirs.
    file.name = reference.hub_file.empty() ? chosen.path : chosen.path.substr(chosen.path.rfind('/') + 1);
    require_safe_relative_name(file.name);
    file.size = chosen.size;
    file.sha256 = chosen.sha256;
    file.git_oid = chosen.git_oid;
    file.url = hub.file_url(reference.hub_repository, revision.commit, chosen.path);
    plan.files.push_back(std::move(file));
  }
  set_format(plan);
  return plan;
}

PullPlan local_plan(const Reference& reference, const PullOptions& options) {
  PullPlan plan;
  plan.record.source = plan.record.reference = reference.text;
  const std::string given = options.sha256.empty() ? std::string() : parse_sha256(options.sha256);
  plan.record.verification = given.empty() ? Verification::kUnverified : Verification::kGiven;
  std::vector<std::string> names;
  fs::path folder = reference.path.parent_path();
  if (fs::is_directory(reference.path)) {
    folder = reference.path;
    for (fs::recursive_directory_iterator it(folder), end; it != end; ++it) {
      if (it.depth() > 0) it.disable_recursion_pending();
      const std::string name = it->path().lexically_relative(folder).string();
      if (it->is_regular_file() && is_huggingface_model_file(name)) names.push_back(name);
    }
    if (std::find(names.begin(), names.end(), "config.json") == names.end())
      throw Error(ErrorKind::kNotFound, reference.text + " holds no config.json",
                  "a model's directory holds config.json, safetensors and tokenizer files");
  } else {
    names = gguf_parts(reference.path.filename().string());
  }
  one_digest_for(names.size(), given, reference.text);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    PlannedFile file;
    require_safe_relative_name(name);
    file.name = name;
    file.path = folder / name;
    std::error_code error;
    file.size = fs::file_size(file.path, error);
    if (error) throw system_error("cannot read " + file.path.string(), error.value());
    file.sha256 = given;
    plan.files.push_back(std::move(file));
  }
  set_format(plan);
  return plan;
}

}  // namespace

std::uint64_t PullPlan::known_size() const {
  std::uint64_t sum = 0;
  for (const PlannedFile& file : files) sum += file.size.value_or(0);
  return sum;
}

PullPlan make_plan(const Reference& reference, const PullOptions& options, const Catalogue& catalogue,
                   const HttpClient::KeepGoing& keep_going) {
  PullPlan plan;
  switch (reference.kind) {
    case ReferenceKind::kName:
      if (!options.sha256.empty())
        throw Error(ErrorKind::kInvalidArgument,
                    "--sha256 is for addresses: the catalogue has its own digests")
            .with_field("sha256");
      plan = catalogue_plan(reference, catalogue);
      break;
    case ReferenceKind::kUrl:
      plan = url_plan(reference, options, keep_going);
      break;
    case ReferenceKind::kHub:
      plan = hub_plan(reference, options, keep_going);
      break;
    case ReferenceKind::kLocal:
      plan = local_plan(reference, options);
      break;
  }
  if (plan.record.name.name.empty()) plan.record.name = reference.name;
  if (!options.name.empty()) {
    plan.record.name = parse_model_name(options.name);
    if (plan.record.name.tag.empty()) plan.record.name.tag = "latest";
  }
  // With the name: one source may be stored under two names, each with a state of its own. A catalogue name
  // may have been typed without its tag.
  const std::string source = plan.model != nullptr ? plan.model->name.text() : reference.identity;
  plan.record.identity = sha256_hex(source + "\n" + plan.record.name.text());
  return plan;
}

}  // namespace hearth::store
