// The models of this machine: which there are, where they lie, and how they come and go.
//
//   Store store(home_directory());
//   store.pull("smollm2:135m", {}, [](const PullProgress&) { return true; });
//   ModelFiles files = ModelFiles::open(store.resolve("smollm2:135m"));
//
// A pull is atomic: a model is whole, checked and visible, or not there. What an interrupted pull has fetched
// is kept and the next pull of the same goes on from it. Every file is checked against a SHA-256 where its
// source states one (the catalogue always does), and opened as a model before it becomes visible; pickles are
// refused. Non-goals: running models; converting them. The layout on disk is in store/layout.h.
// Thread-safety: all functions are safe from any thread and between processes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/catalogue.h"
#include "store/http_client.h"
#include "store/layout.h"
#include "store/package_fetch.h"
#include "store/partial.h"
#include "store/progress.h"
#include "store/record.h"

namespace hearth::store {

struct PullOptions {
  std::string name;               // store it under this name ("mine", "mine:v2"); empty: the source's own
  std::string sha256;             // what a plain URL's or a local file must have
  bool allow_plain_http = false;  // for hosts other than this one
  int connections = 4;            // of one file over HTTP
  RetryPolicy retry;
  PipOptions pip;
  std::string hub_endpoint;  // empty: HF_ENDPOINT, or https://huggingface.co
  std::string hub_token;     // empty: HF_TOKEN, or none
};

struct PullResult {
  ModelRecord record;
  bool already_there = false;    // nothing had to be fetched
  std::uint64_t bytes_kept = 0;  // that an earlier, interrupted pull had fetched
};

struct Removal {
  bool model = false;       // a model was removed
  bool unfinished = false;  // an interrupted pull of it was
};

class Store {
 public:
  // `home` is $HEARTH_HOME; nothing is made before the first pull. The catalogue must outlive the store.
  explicit Store(std::filesystem::path home, const Catalogue& catalogue = Catalogue::builtin());

  // In order of name; those that cannot be used have a `problem`.
  std::vector<ModelRecord> list() const;
  std::vector<UnfinishedPull> unfinished() const;

  // A name of the store, with or without its tag, or the path of a GGUF file or model directory. Throws
  // kNotFound with the nearest names, or how to pull it; kCorruptData where the record's `problem` says so.
  ModelRecord find(std::string_view name_or_path) const;
  // find().path: what formats::ModelFiles::open takes. Throws kUnsupported for a format that nothing here
  // opens.
  std::filesystem::path resolve(std::string_view name_or_path) const;

  // See store/reference.h for what `reference` may be. Throws kCancelled, kDiskFull, kNetwork, kNotFound,
  // kCorruptData (a digest that does not fit; not a model), kConflict (the name belongs to another source),
  // kUnsupported (a pickle). The message of an interrupted pull says what is kept.
  PullResult pull(std::string_view reference, const PullOptions& options, const ProgressCallback& progress);

  // Removes a model and its unfinished pull, and every file that no other model shares. Running programs keep
  // what they have open. Throws kNotFound; kConflict while it is being pulled.
  Removal remove(std::string_view name);

  const Catalogue& catalogue() const { return catalogue_; }

 private:
  ModelName complete(const ModelName& name, bool with_unfinished) const;
  Error not_found(const ModelName& name) const;

  Layout layout_;
  const Catalogue& catalogue_;
};

}  // namespace hearth::store
