// What a reference means in files: which there are, where each comes from and what its digest must be.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/catalogue.h"
#include "store/http_client.h"
#include "store/record.h"
#include "store/reference.h"

namespace hearth::store {

struct PullOptions;

struct PlannedFile {
  std::string name;                   // in the model's folder
  std::optional<std::uint64_t> size;  // as the source states it
  std::string sha256, git_oid;        // what it must be; empty where the source does not say
  std::string etag;                   // of a plain URL, now
  // One of these says where it is.
  const CatalogueFile* catalogue_file = nullptr;
  std::string url;
  std::filesystem::path path;

  // Any text that names the expected content; empty where nothing does.
  const std::string& expected() const { return sha256.empty() ? git_oid : sha256; }
};

struct PullPlan {
  ModelRecord record;  // all but files, digest and time
  std::vector<PlannedFile> files;
  const CatalogueModel* model = nullptr;  // of the catalogue
  HttpOptions http;

  std::uint64_t known_size() const;  // bytes of the files whose size is known
};

// Asks the hub or the server, fetches no model file. `keep_going` as for HttpClient.
PullPlan make_plan(const Reference& reference, const PullOptions& options, const Catalogue& catalogue,
                   const HttpClient::KeepGoing& keep_going);

}  // namespace hearth::store
