// What pages on disk depend on beside tenant and tokens, for longer than a process lives.
#pragma once

#include <string>

#include "engine/model.h"

namespace hearth::engine {

// Model::fingerprint(), and digests of the model's files and of this program: under one name there may be
// another model tomorrow, and another build may compute other bits. Reads the files once: about a second for
// each gigabyte. Throws as reading files does.
std::string disk_fingerprint(const Model& model);

}  // namespace hearth::engine
