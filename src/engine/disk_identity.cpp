#include "engine/disk_identity.h"

#include "base/error.h"
#include "base/sha256.h"

namespace hearth::engine {

std::string disk_fingerprint(const Model& model) {
  // The context decides how some models turn positions into angles.
  std::string fingerprint = fmt::format("{}|context {}|program {}", model.fingerprint(),
                                        model.options().context_tokens, sha256_hex_of_file("/proc/self/exe"));
  for (const std::filesystem::path& path : model.files().weight_paths())
    fingerprint += "|weights " + sha256_hex_of_file(path);
  if (model.files().huggingface() != nullptr)
    fingerprint += "|configuration " + sha256_hex_of_file(model.files().path() / "config.json");
  return fingerprint;
}

}  // namespace hearth::engine
