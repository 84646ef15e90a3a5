#include "cli/model_json.h"

namespace hearth::cli {

nlohmann::json model_json(const store::ModelRecord& record) {
  nlohmann::json files = nlohmann::json::array();
  for (const store::StoredFile& file : record.files)
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  return {{"name", record.name.text()},        {"format", record.format},
          {"runnable", record.runnable},       {"size", record.size()},
          {"digest", record.digest},           {"verification", store::name_of(record.verification)},
          {"licence", record.licence},         {"licence_url", record.licence_url},
          {"description", record.description}, {"source", record.source},
          {"reference", record.reference},     {"pulled_at", record.pulled_at},
          {"path", record.path.string()},      {"problem", record.problem},
          {"files", std::move(files)}};
}

}  // namespace hearth::cli
