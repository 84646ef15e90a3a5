// Everything in which text encoders of the BERT family differ (Devlin et al. 2019; RoBERTa, Liu et al. 2019),
// as plain values, and how to read it from a model's files: config.json, and what sentence-transformers lays
// beside it (modules.json, a pooling configuration, prompts).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "formats/model_files.h"
#include "kernels/elementwise.h"
#include "kernels/pooling.h"

namespace hearth::models {

struct EncoderConfiguration {
  std::string architecture;  // "bert" or "roberta"
  std::int32_t layers = 0, width = 0, hidden_width = 0, heads = 0, vocabulary = 0;
  std::int32_t positions = 0;       // rows of the table
  std::int32_t first_position = 0;  // RoBERTa's positions begin behind its padding's
  std::int32_t token_types = 0;
  std::int32_t maximum_tokens = 0;  // of one text, or one pair; special ones included
  float norm_epsilon = 1e-12f;
  kernels::Activation activation = kernels::Activation::kGeluErf;
  // A cross-encoder: a head over the first token gives so many numbers for a pair. 0: the model makes
  // embeddings, as follows.
  std::int32_t classes = 0;
  kernels::Pooling pooling = kernels::Pooling::kMean;
  bool normalise = false;  // embeddings have the length 1
  // What the model was trained to find before questions and before what answers them; may be empty.
  std::string query_prompt, document_prompt;

  std::int32_t output_width() const { return classes > 0 ? classes : width; }

  bool operator==(const EncoderConfiguration&) const = default;
};

// Whether these files, or the one of this config.json, are a text encoder, and no decoder. By the model's
// type alone.
bool is_encoder(const formats::ModelFiles& files);
bool is_encoder_configuration(const nlohmann::json& config);

// Throws kUnsupported naming what this encoder has that we cannot run, kCorruptData naming the field with a
// value that is missing or absurd.
EncoderConfiguration read_encoder_configuration(const formats::ModelFiles& files);

}  // namespace hearth::models
