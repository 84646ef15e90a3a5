#include "models/encoder_weights.h"

#include <fmt/format.h>

#include "base/error.h"
#include "kernels/quantise_row.h"
#include "models/configuration_readers.h"
#include "models/encoder_tensor_names.h"

namespace hearth::models {
namespace {

using Maker = std::function<kernels::PackedMatrix(const TensorEntry&, std::size_t rows, std::size_t columns)>;
using VectorRead = std::function<void(const TensorEntry&)>;

class Reader {
 public:
  Reader(const EncoderConfiguration& configuration, const formats::ModelFiles& files, const Maker& make,
         const VectorRead& vector_read)
      : configuration_(configuration),
        files_(files),
        prefix_(encoder_prefix(files, configuration.architecture)),
        make_(make),
        vector_read_(vector_read) {}

  EncoderWeights read() const {
    const std::size_t width = size(configuration_.width);
    EncoderWeights weights;
    const std::string embeddings = prefix_ + "embeddings.";
    weights.tokens = matrix(embeddings + "word_embeddings.weight", size(configuration_.vocabulary), width);
    weights.positions =
        vector(embeddings + "position_embeddings.weight", {size(configuration_.positions), width});
    weights.types =
        vector(embeddings + "token_type_embeddings.weight", {size(configuration_.token_types), width});
    weights.embedding_norm = norm(embeddings + "LayerNorm");
    for (std::int32_t i = 0; i < configuration_.layers; ++i)
      weights.layers.push_back(layer(fmt::format("{}encoder.layer.{}.", prefix_, i)));
    if (configuration_.classes > 0) {
      const EncoderHeadNames names = encoder_head_names(configuration_.architecture);
      weights.head_dense = linear(names.dense, width, width);
      weights.head_output = linear(names.output, size(configuration_.classes), width);
    }
    return weights;
  }

 private:
  static std::size_t size(std::int32_t count) { return static_cast<std::size_t>(count); }

  EncoderLayerWeights layer(const std::string& name) const {
    const std::size_t width = size(configuration_.width), hidden = size(configuration_.hidden_width);
    EncoderLayerWeights out;
    out.query = linear(name + "attention.self.query", width, width);
    out.key = linear(name + "attention.self.key", width, width);
    out.value = linear(name + "attention.self.value", width, width);
    out.attention_output = linear(name + "attention.output.dense", width, width);
    out.attention_norm = norm(name + "attention.output.LayerNorm");
    out.up = linear(name + "intermediate.dense", hidden, width);
    out.down = linear(name + "output.dense", width, hidden);
    out.output_norm = norm(name + "output.LayerNorm");
    return out;
  }

  LinearWeights linear(const std::string& name, std::size_t rows, std::size_t columns) const {
    return {matrix(name + ".weight", rows, columns), vector(name + ".bias", {rows})};
  }
  NormWeights norm(const std::string& name) const {
    return {vector(name + ".weight", {size(configuration_.width)}),
            vector(name + ".bias", {size(configuration_.width)})};
  }
  kernels::PackedMatrix matrix(const std::string& name, std::size_t rows, std::size_t columns) const {
    return make_(require(name, {rows, columns}), rows, columns);
  }
  std::vector<float> vector(const std::string& name, const Shape& shape) const {
    const TensorEntry& entry = require(name, shape);
    vector_read_(entry);
    return read_float_vector(entry);
  }
  const TensorEntry& require(const std::string& name, const Shape& shape) const {
    const TensorEntry& entry = files_.require(name);
    if (entry.shape != shape)
      throw Error(ErrorKind::kCorruptData,
                  fmt::format("tensor {} has the shape {}, the configuration needs {}", name,
                              to_string(entry.shape), to_string(shape)),
                  "the file is damaged or its configuration belongs to another model");
    return entry;
  }

  const EncoderConfiguration& configuration_;
  const formats::ModelFiles& files_;
  const std::string prefix_;
  const Maker& make_;
  const VectorRead& vector_read_;
};

ElementType packed_type(ElementType stored, std::size_t columns, EncoderPrecision precision) {
  const bool floats =
      stored == ElementType::kF32 || stored == ElementType::kF16 || stored == ElementType::kBF16;
  const bool quantise = precision == EncoderPrecision::kEightBits && floats &&
                        columns % element_type_info(ElementType::kQ8_0).block_elements == 0;
  return quantise ? ElementType::kQ8_0 : stored;
}

std::span<const std::byte> row_of(const TensorEntry& entry, std::size_t row, std::size_t columns) {
  const std::size_t bytes = row_bytes(entry.type, columns);
  return entry.bytes.subspan(row * bytes, bytes);
}

// The rows in 8 bits, for as long as it takes to pack them.
std::vector<std::byte> quantised(kernels::ExecutionContext& context, const TensorEntry& entry,
                                 std::size_t rows, std::size_t columns) {
  const std::size_t bytes = row_bytes(ElementType::kQ8_0, columns);
  std::vector<std::byte> out(rows * bytes);
  context.team().for_each_part(rows, 16, [&](int /*member*/, std::size_t first, std::size_t last) {
    std::vector<float> values(columns);
    for (std::size_t row = first; row < last; ++row) {
      kernels::dequantize_row(entry.type, row_of(entry, row, columns), values);
      kernels::quantise_row_q8_0(values, std::span(out).subspan(row * bytes, bytes));
    }
  });
  return out;
}

kernels::PackedMatrix pack(kernels::ExecutionContext& context, kernels::WeightMemory& memory,
                           const TensorEntry& entry, std::size_t rows, std::size_t columns,
                           EncoderPrecision precision) {
  const ElementType type = packed_type(entry.type, columns, precision);
  if (type == entry.type)
    return kernels::PackedMatrix::pack(context, memory, type, rows, columns,
                                       [&](std::size_t row) { return row_of(entry, row, columns); });
  const std::vector<std::byte> blocks = quantised(context, entry, rows, columns);
  return kernels::PackedMatrix::pack(context, memory, type, rows, columns, [&](std::size_t row) {
    return std::span(blocks).subspan(row * (blocks.size() / rows), blocks.size() / rows);
  });
}

}  // namespace

EncoderWeights load_encoder_weights(
    kernels::ExecutionContext& context, const EncoderConfiguration& configuration,
    const formats::ModelFiles& files, EncoderPrecision precision,
    const std::function<void(std::size_t done, std::size_t total)>& progress) {
  kernels::WeightMemory memory(planned_encoder_bytes(context.isa(), configuration, files, precision));
  std::size_t done = 0;
  const Maker make = [&](const TensorEntry& entry, std::size_t rows, std::size_t columns) {
    kernels::PackedMatrix matrix = pack(context, memory, entry, rows, columns, precision);
    files.discard(entry);
    done += entry.bytes.size();
    if (progress) progress(done, files.tensor_bytes());
    return matrix;
  };
  const VectorRead vector_read = [](const TensorEntry&) {};
  EncoderWeights weights = Reader(configuration, files, make, vector_read).read();
  if (progress) progress(files.tensor_bytes(), files.tensor_bytes());
  return weights;
}

std::size_t planned_encoder_bytes(kernels::Isa isa, const EncoderConfiguration& configuration,
                                  const formats::ModelFiles& files, EncoderPrecision precision) {
  std::size_t bytes = 0;
  const Maker measure = [&](const TensorEntry& entry, std::size_t rows, std::size_t columns) {
    bytes +=
        kernels::PackedMatrix::planned_bytes(isa, packed_type(entry.type, columns, precision), rows, columns);
    return kernels::PackedMatrix();
  };
  const VectorRead vector_read = [&](const TensorEntry& entry) {
    bytes += entry.element_count() * sizeof(float);
  };
  Reader(configuration, files, measure, vector_read).read();
  return bytes;
}

}  // namespace hearth::models
