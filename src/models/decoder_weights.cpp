#include "models/decoder_weights.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <utility>

#include "base/error.h"
#include "models/configuration_readers.h"
#include "models/tensor_names.h"

namespace hearth::models {
namespace {

using RowMap = std::function<std::size_t(std::size_t row)>;

RowMap rows_from(std::size_t first) {
  return [first](std::size_t row) { return first + row; };
}

// Numpy's squeeze, which llama.cpp's converter applies: [1, 576] is written as [576].
Shape squeezed(const Shape& shape) {
  Shape out;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(out), [](std::uint64_t n) { return n != 1; });
  return out;
}

class WeightReader {
 public:
  WeightReader(const DecoderConfiguration& configuration, const formats::ModelFiles& files,
               const MatrixMaker& make, const EntryDone& done)
      : configuration_(configuration),
        files_(files),
        names_(tensor_names(configuration, files)),
        make_(make),
        done_(done) {}

  DecoderWeights read() {
    DecoderWeights weights;
    weights.token_embedding =
        matrix(names_.token_embedding, size(configuration_.vocabulary), size(configuration_.width));
    if (!configuration_.tied_embeddings)
      weights.output = matrix(names_.output, size(configuration_.vocabulary), size(configuration_.width));
    weights.output_norm = norm(names_.output_norm);
    weights.layers.reserve(configuration_.layers.size());
    for (layer_ = 0; layer_ < configuration_.layers.size(); ++layer_) weights.layers.push_back(read_layer());
    finish_entry();
    return weights;
  }

 private:
  static std::size_t size(std::int32_t count) { return static_cast<std::size_t>(count); }

  LayerWeights read_layer() {
    LayerWeights layer;
    layer.attention_norm = norm(names_.attention_norm);
    if (!configuration_.parallel_residual || configuration_.separate_parallel_norm)
      layer.feed_forward_norm = norm(names_.feed_forward_norm);
    if (configuration_.post_norms) {
      layer.post_attention_norm = norm(names_.post_attention_norm);
      layer.post_feed_forward_norm = norm(names_.post_feed_forward_norm);
    }
    if (configuration_.query_key_norm) {
      layer.query_norm = norm_vector(names_.query_norm, size(configuration_.head_dimension));
      layer.key_norm = norm_vector(names_.key_norm, size(configuration_.head_dimension));
    }
    read_attention(layer);
    if (configuration_.layers[layer_].has_experts)
      read_experts(layer);
    else
      read_feed_forward(layer.feed_forward);
    return layer;
  }

  void read_attention(LayerWeights& layer) {
    const std::size_t width = size(configuration_.width), head = size(configuration_.head_dimension);
    const std::size_t queries = size(configuration_.query_width()),
                      keys = size(configuration_.key_value_width());
    if (names_.fused_layout == FusedLayout::kNone) {
      layer.query =
          part(names_.query, queries, width, queries, rotary_rows(), configuration_.query_key_value_bias);
      layer.key = part(names_.key, keys, width, keys, rotary_rows(), configuration_.query_key_value_bias);
      layer.value = linear(names_.value, keys, width, configuration_.query_key_value_bias);
    } else {
      RowMap query = rows_from(0), key = rows_from(queries), value = rows_from(queries + keys);
      if (names_.fused_layout == FusedLayout::kGrouped) {
        const std::size_t group = size(configuration_.heads / configuration_.key_value_heads);
        // Each group: `group` query heads, one key head, one value head.
        query = [=](std::size_t row) { return row + row / (group * head) * 2 * head; };
        key = [=](std::size_t row) { return (row / head * (group + 2) + group) * head + row % head; };
        value = [=](std::size_t row) { return (row / head * (group + 2) + group + 1) * head + row % head; };
      }
      const std::size_t all = queries + 2 * keys;
      layer.query =
          part(names_.query_key_value, all, width, queries, query, configuration_.query_key_value_bias);
      layer.key = part(names_.query_key_value, all, width, keys, key, configuration_.query_key_value_bias);
      layer.value =
          part(names_.query_key_value, all, width, keys, value, configuration_.query_key_value_bias);
    }
    layer.attention_output =
        linear(names_.attention_output, width, queries, configuration_.attention_output_bias);
  }

  // From the order of the file to halves: element i turns with element i + dimension / 2.
  RowMap rotary_rows() const {
    if (!names_.interleaved_rotary_rows) return rows_from(0);
    const std::size_t head = size(configuration_.head_dimension), half = head / 2;
    return [head, half](std::size_t row) {
      const std::size_t element = row % head;
      return row - element + 2 * (element % half) + element / half;
    };
  }

  void read_feed_forward(FeedForwardWeights& out) {
    const std::size_t width = size(configuration_.width), hidden = size(configuration_.hidden_width);
    const bool bias = configuration_.feed_forward_bias;
    if (configuration_.gated && names_.fused_gate_up) {
      out.gate = part(names_.gate_up, 2 * hidden, width, hidden, rows_from(0), bias);
      out.up = part(names_.gate_up, 2 * hidden, width, hidden, rows_from(hidden), bias);
    } else {
      if (configuration_.gated) out.gate = linear(names_.gate, hidden, width, bias);
      out.up = linear(names_.up, hidden, width, bias);
    }
    out.down = linear(names_.down, width, hidden, bias);
  }

  void read_experts(LayerWeights& layer) {
    const std::size_t width = size(configuration_.width), hidden = size(configuration_.experts.hidden_width);
    const std::size_t count = size(configuration_.experts.count);
    layer.router = linear(names_.router, count, width, false);
    layer.experts.resize(count);
    // Kind by kind, so that a tensor that holds all experts is read once.
    for (std::size_t e = 0; e < count; ++e)
      layer.experts[e].gate.weight =
          expert(e, names_.merged_gate, names_.expert_gate, hidden, width, Half::kFirst);
    for (std::size_t e = 0; e < count; ++e)
      layer.experts[e].up.weight =
          expert(e, names_.merged_up, names_.expert_up, hidden, width, Half::kSecond);
    for (std::size_t e = 0; e < count; ++e)
      layer.experts[e].down.weight =
          expert(e, names_.merged_down, names_.expert_down, width, hidden, Half::kFirst);
    if (configuration_.experts.shared_hidden_width == 0) return;
    const std::size_t shared = size(configuration_.experts.shared_hidden_width);
    layer.shared_switch = linear(names_.shared_switch, 1, width, false);
    layer.shared_expert.gate = linear(names_.shared_gate, shared, width, false);
    layer.shared_expert.up = linear(names_.shared_up, shared, width, false);
    layer.shared_expert.down = linear(names_.shared_down, width, shared, false);
  }

  enum class Half { kFirst, kSecond };

  // `merged` empty: gate and up of all experts lie in one tensor, of which `half` says the part.
  kernels::PackedMatrix expert(std::size_t e, const std::string& merged, const std::string& single,
                               std::size_t rows, std::size_t columns, Half half) {
    if (!names_.merged_experts) return matrix(with_numbers(single, layer_, e), rows, columns);
    const bool fused = merged.empty();
    const std::size_t rows_of_expert = fused ? 2 * rows : rows;
    const std::size_t first = e * rows_of_expert + (fused && half == Half::kSecond ? rows : 0);
    const TensorEntry& entry = require(fused ? names_.merged_gate_up : merged);
    require_shape(entry, {size(configuration_.experts.count), rows_of_expert, columns});
    return make(entry, rows, columns, rows_from(first));
  }

  LinearWeights linear(const std::string& name, std::size_t rows, std::size_t columns, bool bias) {
    return part(name, rows, columns, rows, rows_from(0), bias);
  }

  // `rows` of the `all_rows` of a tensor, and the same elements of its bias.
  LinearWeights part(const std::string& name, std::size_t all_rows, std::size_t columns, std::size_t rows,
                     const RowMap& source_row, bool bias) {
    LinearWeights out;
    const TensorEntry& entry = require(name);
    require_shape(entry, {all_rows, columns});
    out.weight = make(entry, rows, columns, source_row);
    if (!bias) return out;
    const std::vector<float> values = vector(files_.require(with_numbers(name, layer_) + ".bias"), all_rows);
    out.bias.resize(rows);
    for (std::size_t row = 0; row < rows; ++row) out.bias[row] = values[source_row(row)];
    return out;
  }

  kernels::PackedMatrix matrix(const std::string& name, std::size_t rows, std::size_t columns) {
    const TensorEntry& entry = require(name);
    require_shape(entry, {rows, columns});
    return make(entry, rows, columns, rows_from(0));
  }

  NormWeights norm(const std::string& name) {
    NormWeights out;
    out.weight = norm_vector(name, size(configuration_.width));
    if (configuration_.norm == NormKind::kLayer)
      out.bias = vector(files_.require(with_numbers(name, layer_) + ".bias"), size(configuration_.width));
    return out;
  }

  std::vector<float> norm_vector(const std::string& name, std::size_t count) {
    std::vector<float> weight = vector(require(name), count);
    if (names_.norm_weight_offset != 0.0f)
      for (float& value : weight) value += names_.norm_weight_offset;
    return weight;
  }

  std::vector<float> vector(const TensorEntry& entry, std::size_t count) const {
    require_shape(entry, {count});
    return read_float_vector(entry);
  }

  // Expert tensors of newer Hugging Face files have no ".weight" in their names.
  const TensorEntry& require(const std::string& name) const {
    const std::string full = with_numbers(name, layer_);
    const TensorEntry* bare = files_.find(full);
    return bare != nullptr ? *bare : files_.require(full + ".weight");
  }

  void require_shape(const TensorEntry& entry, const Shape& expected) const {
    if (entry.shape == expected || squeezed(entry.shape) == squeezed(expected)) return;
    throw Error(ErrorKind::kCorruptData,
                fmt::format("tensor {} has the shape {}, the configuration needs {}", entry.name,
                            to_string(entry.shape), to_string(expected)),
                "the file is damaged or its configuration belongs to another model");
  }

  kernels::PackedMatrix make(const TensorEntry& entry, std::size_t rows, std::size_t columns,
                             const RowMap& source_row) {
    if (entry_in_work_ != &entry) finish_entry();
    entry_in_work_ = &entry;
    return make_({&entry, rows, columns, source_row});
  }

  void finish_entry() {
    if (entry_in_work_ != nullptr) done_(*entry_in_work_);
    entry_in_work_ = nullptr;
  }

  const DecoderConfiguration& configuration_;
  const formats::ModelFiles& files_;
  const TensorNames names_;
  const MatrixMaker& make_;
  const EntryDone& done_;
  std::size_t layer_ = 0;
  const TensorEntry* entry_in_work_ = nullptr;
};

std::size_t bytes_of(const kernels::PackedMatrix& matrix) { return matrix.empty() ? 0 : matrix.bytes(); }
std::size_t bytes_of(const NormWeights& norm) {
  return (norm.weight.size() + norm.bias.size()) * sizeof(float);
}
std::size_t bytes_of(const LinearWeights& linear) {
  return bytes_of(linear.weight) + linear.bias.size() * sizeof(float);
}
std::size_t bytes_of(const FeedForwardWeights& ff) {
  return bytes_of(ff.gate) + bytes_of(ff.up) + bytes_of(ff.down);
}

// With so many of its experts, which are all alike.
std::size_t bytes_of(const LayerWeights& layer, std::size_t experts) {
  std::size_t bytes = (layer.query_norm.size() + layer.key_norm.size()) * sizeof(float);
  for (const NormWeights* norm : {&layer.attention_norm, &layer.feed_forward_norm, &layer.post_attention_norm,
                                  &layer.post_feed_forward_norm})
    bytes += bytes_of(*norm);
  for (const LinearWeights* linear :
       {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.router, &layer.shared_switch})
    bytes += bytes_of(*linear);
  bytes += bytes_of(layer.feed_forward) + bytes_of(layer.shared_expert);
  for (std::size_t i = 0; i < std::min(experts, layer.experts.size()); ++i)
    bytes += bytes_of(layer.experts[i]);
  return bytes;
}

}  // namespace

std::span<const std::byte> MatrixSource::row_bytes(std::size_t row) const {
  const std::size_t bytes = hearth::row_bytes(entry->type, columns);
  return entry->bytes.subspan(source_row(row) * bytes, bytes);
}

DecoderWeights read_weights(const DecoderConfiguration& configuration, const formats::ModelFiles& files,
                            const MatrixMaker& make, const EntryDone& done) {
  return WeightReader(configuration, files, make, done).read();
}

std::size_t weight_bytes(const DecoderWeights& weights) {
  std::size_t bytes =
      bytes_of(weights.token_embedding) + bytes_of(weights.output) + bytes_of(weights.output_norm);
  for (const LayerWeights& layer : weights.layers) bytes += bytes_of(layer, layer.experts.size());
  return bytes;
}

std::size_t bytes_read_for_a_row(const DecoderWeights& weights, const DecoderConfiguration& configuration,
                                 std::size_t layers) {
  std::size_t bytes = bytes_of(configuration.tied_embeddings ? weights.token_embedding : weights.output);
  for (const LayerWeights& layer : std::span(weights.layers).first(layers))
    bytes += bytes_of(layer, static_cast<std::size_t>(configuration.experts.used));
  return bytes;
}

// Source pages given back while a tensor is packed, not only after it: the embedding of a small model with a
// large vocabulary is most of the file.
constexpr std::size_t kBytesBetweenDiscards = std::size_t{16} << 20;

DecoderWeights load_weights(
    kernels::ExecutionContext& context, const DecoderConfiguration& configuration,
    const formats::ModelFiles& files,
    const std::function<void(std::size_t bytes_done, std::size_t bytes_total)>& progress) {
  std::size_t done = 0;
  kernels::WeightMemory memory(files.tensor_bytes());
  DecoderWeights weights = read_weights(
      configuration, files,
      [&](const MatrixSource& source) {
        std::atomic<std::size_t> bytes_read{0};  // rows are asked for by all compute threads
        return kernels::PackedMatrix::pack(
            context, memory, source.entry->type, source.rows, source.columns, [&](std::size_t row) {
              const std::span<const std::byte> bytes = source.row_bytes(row);
              if (bytes_read.fetch_add(bytes.size()) % kBytesBetweenDiscards + bytes.size() >=
                  kBytesBetweenDiscards)
                files.discard(*source.entry);
              return bytes;
            });
      },
      [&](const TensorEntry& entry) {
        files.discard(entry);
        done += entry.bytes.size();
        if (progress) progress(done, files.tensor_bytes());
      });
  if (progress) progress(files.tensor_bytes(), files.tensor_bytes());  // with norms and what is not used
  return weights;
}

}  // namespace hearth::models
