// The two readers behind read_decoder_configuration(), for src/models and its tests.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "models/decoder_configuration.h"

namespace hearth::models {

// The files serve to see which optional tensors there are, and how many: a count of layers beyond the number
// of tensors is refused before anything is allocated for it.
DecoderConfiguration read_gguf_configuration(const formats::GgufMetadata& metadata,
                                             const formats::ModelFiles& files);
DecoderConfiguration read_huggingface_configuration(const nlohmann::json& config,
                                                    const formats::ModelFiles& files);

// kUnsupported, naming the architecture and the known ones.
[[noreturn]] void throw_unknown_architecture(std::string_view architecture);

// Sets layers_count and layers, which must be possible for a model of that many tensors.
void set_layer_count(DecoderConfiguration& configuration, std::int64_t count,
                     const formats::ModelFiles& files);
// Numbers the groups of layers: whole context first, then by window.
void number_layer_groups(DecoderConfiguration& configuration);
// Throws kCorruptData naming the field where values are absurd or contradict each other.
void validate(const DecoderConfiguration& configuration);

// By the name that transformers has for it. Throws kUnsupported naming it.
kernels::Activation activation_named(const std::string& name);

// A small tensor of numbers as floats.
std::vector<float> read_float_vector(const TensorEntry& entry);

}  // namespace hearth::models
