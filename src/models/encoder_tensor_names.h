// How the files of text encoders name their tensors: as transformers does. For src/models.
#pragma once

#include <string>
#include <string_view>

#include "formats/model_files.h"

namespace hearth::models {

// What stands before the encoder's own names: "bert." where a head is beside it, or nothing.
inline std::string encoder_prefix(const formats::ModelFiles& files, std::string_view architecture) {
  const std::string prefix = std::string(architecture) + ".";
  return files.find(prefix + "embeddings.word_embeddings.weight") != nullptr ? prefix : "";
}

// The layers of a cross-encoder's head, without ".weight": dense, tanh, output.
struct EncoderHeadNames {
  std::string dense, output;
};
inline EncoderHeadNames encoder_head_names(std::string_view architecture) {
  if (architecture == "roberta") return {"classifier.dense", "classifier.out_proj"};
  return {"bert.pooler.dense", "classifier"};
}

// The head's last matrix [classes, width]; null: the model makes embeddings.
inline const TensorEntry* find_encoder_head(const formats::ModelFiles& files, std::string_view architecture) {
  return files.find(encoder_head_names(architecture).output + ".weight");
}

}  // namespace hearth::models
