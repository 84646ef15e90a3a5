// A model of the store as JSON, the same for every verb that reports one.
#pragma once

#include <nlohmann/json.hpp>

#include "store/record.h"

namespace hearth::cli {

nlohmann::json model_json(const store::ModelRecord& record);

}  // namespace hearth::cli
