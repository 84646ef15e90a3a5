// The file of the keys, HOME/keys.json: JSON of what is kept of each, its owner's alone.
//
// Keys are never taken out: a revoked one stays as such, so that lists and audits still know whose it was,
// and a server whose last key was revoked does not open. Every change is made under a lock beside the file
// and by one rename. Thread-safety: all functions, from any thread and process. Errors: kCorruptData for a
// file that is not such a one or that others may write; what reading and writing throw. None holds anything
// of a secret.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "access/key.h"

namespace hearth::access {

std::filesystem::path usual_key_file(const std::filesystem::path& home);

class KeyFile {
 public:
  explicit KeyFile(std::filesystem::path path) : path_(std::move(path)) {}

  // In the order of their making; none where there is no file.
  std::vector<Key> read() const;
  // Makes the folder and the file where there are none. As make_key().
  NewKey create(std::string tenant, std::vector<Scope> scopes, std::optional<Time> expires);
  // From now on it opens nothing; the key as it is then. Once revoked stays as it is. Throws kNotFound.
  Key revoke(std::string_view id);

 private:
  void write(const std::vector<Key>& keys) const;
  const std::filesystem::path path_;
};

// `source` names the text in messages.
std::vector<Key> parse_keys(std::string_view text, std::string_view source);

}  // namespace hearth::access
