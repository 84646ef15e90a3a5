#include "store/store.h"

#include <algorithm>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/printable.h"
#include "store/reference.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;

ModelRecord record_of_path(const fs::path& path) {
  ModelRecord record;
  record.path = fs::absolute(path).lexically_normal();
  std::error_code error;
  if (fs::is_directory(record.path, error)) {
    record.format = "huggingface";
  } else {
    record.format = "gguf";
    StoredFile file;
    file.name = record.path.filename().string();
    file.size = fs::file_size(record.path, error);
    if (error) throw system_error("cannot read " + path.string(), error.value());
    record.files.push_back(std::move(file));
  }
  record.reference = record.source = record.path.string();
  return record;
}

std::vector<fs::path> partial_folders(const Layout& layout) {
  std::vector<fs::path> result;
  std::error_code error;
  for (fs::directory_iterator it(layout.root() / "partial", error), end; !error && it != end;
       it.increment(error))
    result.push_back(it->path());
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

Store::Store(fs::path home, const Catalogue& catalogue) : layout_(home), catalogue_(catalogue) {}

std::vector<ModelRecord> Store::list() const { return layout_.records(); }

std::vector<UnfinishedPull> Store::unfinished() const {
  std::vector<UnfinishedPull> result;
  for (const fs::path& folder : partial_folders(layout_))
    if (std::optional<UnfinishedPull> pull = Partial(folder).description())
      result.push_back(std::move(*pull));
  return result;
}

// The name with its tag. A name given without one means the only one there is.
ModelName Store::complete(const ModelName& name, bool with_unfinished) const {
  if (!name.tag.empty()) return name;
  std::vector<ModelName> found;
  for (const ModelRecord& record : layout_.records())
    if (record.name.name == name.name) found.push_back(record.name);
  if (with_unfinished)
    for (const UnfinishedPull& pull : unfinished())
      if (pull.name.name == name.name && std::find(found.begin(), found.end(), pull.name) == found.end())
        found.push_back(pull.name);
  if (found.empty()) throw not_found(name);
  if (found.size() > 1)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("{} is here with several tags", name.name),
                fmt::format("name one: {} or {}", found[0].text(), found[1].text()))
        .with_field("name");
  return found[0];
}

Error Store::not_found(const ModelName& name) const {
  const CatalogueModel* available = nullptr;
  try {
    available = catalogue_.find(name);
  } catch (const Error&) {  // several tags: then the suggestions name them
  }
  if (available != nullptr)
    return Error(ErrorKind::kNotFound, fmt::format("the model {} is not here yet", available->name.text()),
                 fmt::format("fetch it with `hearth pull {}`", available->name.text()));
  std::vector<std::string> known = catalogue_.names();
  for (const ModelRecord& record : layout_.records()) known.push_back(record.name.text());
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  const std::string suggestion = suggestion_text(closest_names(name.text(), known));
  return Error(ErrorKind::kNotFound, fmt::format("there is no model '{}'", name.text()),
               suggestion.empty()
                   ? "`hearth list` shows what is here, `hearth list --available` what can be pulled"
                   : suggestion);
}

ModelRecord Store::find(std::string_view name_or_path) const {
  std::error_code error;
  if (looks_like_path(name_or_path)) {
    if (fs::exists(name_or_path, error)) return record_of_path(name_or_path);
    throw Error(ErrorKind::kNotFound, fmt::format("there is no file '{}'", printable(name_or_path, 300)));
  }
  const ModelName asked = parse_model_name(name_or_path);
  std::optional<ModelRecord> record;
  try {
    record = layout_.record(complete(asked, false));
  } catch (const Error& failure) {
    if (failure.kind() != ErrorKind::kNotFound) throw;
    if (fs::exists(name_or_path, error)) return record_of_path(name_or_path);
    throw;
  }
  if (!record) {
    if (fs::exists(name_or_path, error)) return record_of_path(name_or_path);
    throw not_found(asked);
  }
  if (!record->problem.empty())
    throw Error(ErrorKind::kCorruptData,
                fmt::format("the model {} cannot be used: {}", record->name.text(), record->problem),
                fmt::format("`hearth pull {}` repairs it", record->reference));
  return *record;
}

fs::path Store::resolve(std::string_view name_or_path) const {
  const ModelRecord record = find(name_or_path);
  if (!record.runnable)
    throw Error(
        ErrorKind::kUnsupported,
        fmt::format("the model {} is stored, but this version of Hearth cannot open its format ({}) yet",
                    record.name.text(), record.format));
  return record.path;
}

Removal Store::remove(std::string_view text) {
  const ModelName name = complete(parse_model_name(text), true);
  Removal removal;
  for (const fs::path& folder : partial_folders(layout_)) {
    const Partial partial(folder);
    const std::optional<UnfinishedPull> pull = partial.description();
    if (!pull || pull->name != name) continue;
    const std::optional<FileLock> lock = FileLock::try_acquire(layout_.lock(folder.filename().string()));
    if (!lock)
      throw Error(ErrorKind::kConflict, fmt::format("{} is being pulled at this moment", name.text()),
                  "interrupt that pull, or wait for its end");
    partial.remove();
    removal.unfinished = true;
  }
  removal.model = fs::exists(layout_.manifest(name)) && layout_.remove(name);
  if (!removal.model && !removal.unfinished) throw not_found(name);
  return removal;
}

}  // namespace hearth::store
