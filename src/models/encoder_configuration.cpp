#include "models/encoder_configuration.h"

#include <algorithm>

#include "base/error.h"
#include "base/printable.h"
#include "formats/e5_file.h"
#include "formats/huggingface_directory.h"
#include "models/configuration_readers.h"
#include "models/encoder_tensor_names.h"
#include "models/json_values.h"

namespace hearth::models {
namespace {

using nlohmann::json;

struct Family {
  std::string_view model_type, architecture;
};
constexpr Family kFamilies[] = {
    {"bert", "bert"}, {"roberta", "roberta"}, {"xlm-roberta", "roberta"}, {"camembert", "roberta"}};

const Family* family_of(const json& config) {
  if (!config.is_object()) return nullptr;
  const auto type = config.find("model_type");
  if (type == config.end() || !type->is_string()) return nullptr;
  const auto found = std::ranges::find(kFamilies, type->get_ref<const std::string&>(), &Family::model_type);
  return found == std::end(kFamilies) ? nullptr : found;
}

[[noreturn]] void throw_unsupported(const std::string& what) {
  throw Error(ErrorKind::kUnsupported, what,
              "supported are encoders with learned positions, and mean or first-token pooling");
}

// A side file that must be an object; nothing where it is missing.
std::optional<json> read_object(const formats::HuggingFaceDirectory& directory, const std::string& name) {
  auto object = directory.read_json(name);
  if (object && !object->is_object())
    throw Error(ErrorKind::kCorruptData, fmt::format("{} holds no JSON object", name));
  return object;
}

// The older way has a flag for each kind, the newer one names the kind.
kernels::Pooling read_pooling(const json& object) {
  const JsonValues values(object);
  if (!values.flag("include_prompt", true))
    throw_unsupported("the pooling leaves prompts out, which is not supported");
  if (const json* named = values.find("pooling_mode")) {
    if (*named == "mean") return kernels::Pooling::kMean;
    if (*named == "cls") return kernels::Pooling::kFirst;
    throw_unsupported("the pooling is neither \"mean\" nor \"cls\"");
  }
  const bool mean = values.flag("pooling_mode_mean_tokens", false);
  const bool first = values.flag("pooling_mode_cls_token", false);
  bool other = mean == first;
  for (const auto& [key, value] : object.items())
    other |= key.starts_with("pooling_mode_") && key != "pooling_mode_mean_tokens" &&
             key != "pooling_mode_cls_token" && value == true;
  if (other) throw_unsupported("the pooling is neither by the mean nor by the first token");
  return mean ? kernels::Pooling::kMean : kernels::Pooling::kFirst;
}

// A folder within the model's own: the name comes out of a file.
std::string checked_folder(const std::string& name) {
  const bool plain = !name.empty() && name != "." && name != ".." && name.find_first_of("/\\") == name.npos &&
                     name.find('\0') == name.npos;
  if (!plain)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("modules.json: `{}` is no folder's name", printable(name)));
  return name;
}

// Without modules.json the mean of all tokens, as sentence-transformers has it.
void read_modules(const formats::HuggingFaceDirectory& directory, EncoderConfiguration& out) {
  const auto modules = directory.read_json("modules.json");
  if (!modules) return;
  if (!modules->is_array()) throw Error(ErrorKind::kCorruptData, "modules.json holds no list");
  for (const json& module : *modules) {
    if (!module.is_object()) throw Error(ErrorKind::kCorruptData, "modules.json: a module is no object");
    const JsonValues values(module);
    const std::string type = values.text("type").value_or("");
    const std::string kind = type.substr(type.rfind('.') + 1);
    if (kind == "Transformer") continue;
    if (kind == "Pooling") {
      const std::string file = checked_folder(values.text("path").value_or("")) + "/config.json";
      const auto pooling = read_object(directory, file);
      if (!pooling) throw Error(ErrorKind::kCorruptData, fmt::format("{} is missing", file));
      out.pooling = read_pooling(*pooling);
    } else if (kind == "Normalize") {
      out.normalise = true;
    } else {
      throw_unsupported(fmt::format("modules.json: the module `{}` is not supported", printable(kind)));
    }
  }
}

// The least of what the files say; each is optional, and absurd numbers stand for "no limit".
void read_limits(const formats::HuggingFaceDirectory& directory, EncoderConfiguration& out) {
  out.maximum_tokens = out.positions - out.first_position;
  const auto limit = [&](const char* file, const char* key) {
    const auto object = read_object(directory, file);
    if (!object) return;
    const json* value = JsonValues(*object).find(key);
    if (value == nullptr || !value->is_number()) return;
    const double tokens = value->get<double>();
    if (tokens >= 1 && tokens < out.maximum_tokens) out.maximum_tokens = static_cast<std::int32_t>(tokens);
  };
  limit("sentence_bert_config.json", "max_seq_length");
  limit("tokenizer_config.json", "model_max_length");
}

void read_prompts(const formats::HuggingFaceDirectory& directory, EncoderConfiguration& out) {
  const auto object = read_object(directory, "config_sentence_transformers.json");
  if (!object) return;
  const auto prompts = JsonValues(*object).object("prompts");
  if (!prompts) return;
  out.query_prompt = prompts->text("query").value_or("");
  out.document_prompt = prompts->text("document").value_or(prompts->text("passage").value_or(""));
}

void require_range(const char* key, std::int32_t value, std::int32_t least, std::int32_t most) {
  if (value < least || value > most)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("config.json: {} is {}, possible is {} to {}", key, value, least, most));
}

void validate(const EncoderConfiguration& configuration, const formats::ModelFiles& files) {
  // Each layer has 16 tensors: no more layers than there can be, before anything is made for them.
  require_range("num_hidden_layers", configuration.layers, 1,
                static_cast<std::int32_t>(std::min<std::size_t>(files.tensors().size() / 16, 1024)));
  require_range("hidden_size", configuration.width, 1, 65536);
  require_range("intermediate_size", configuration.hidden_width, 1, 1 << 20);
  require_range("num_attention_heads", configuration.heads, 1, configuration.width);
  require_range("vocab_size", configuration.vocabulary, 1, 1 << 24);
  require_range("max_position_embeddings", configuration.positions, configuration.first_position + 3,
                1 << 20);
  require_range("type_vocab_size", configuration.token_types, 1, 1024);
  if (configuration.width % configuration.heads != 0)
    throw Error(ErrorKind::kCorruptData, fmt::format("config.json: hidden_size {} is no multiple of {} heads",
                                                     configuration.width, configuration.heads));
  if (!(configuration.norm_epsilon >= 0 && configuration.norm_epsilon < 1))
    throw Error(ErrorKind::kCorruptData,
                fmt::format("config.json: layer_norm_eps is {}", configuration.norm_epsilon));
}

}  // namespace

bool is_encoder_configuration(const json& config) { return family_of(config) != nullptr; }

bool is_encoder(const formats::ModelFiles& files) {
  if (files.e5() != nullptr) return true;
  return files.huggingface() != nullptr && is_encoder_configuration(files.huggingface()->config());
}

namespace {

// The file has no configuration but its sizes; the rest is that of multilingual-e5 (Wang et al. 2024).
EncoderConfiguration read_e5_configuration(const formats::E5Contents& contents) {
  EncoderConfiguration out;
  out.architecture = "bert";
  out.layers = contents.layers;
  out.width = contents.width;
  out.hidden_width = contents.hidden_width;
  out.heads = contents.heads;
  out.vocabulary = contents.vocabulary;
  out.positions = out.maximum_tokens = contents.positions;
  out.token_types = contents.token_types;
  out.norm_epsilon = contents.norm_epsilon;
  out.pooling = kernels::Pooling::kMean;
  out.normalise = true;
  out.query_prompt = "query: ";
  out.document_prompt = "passage: ";
  return out;
}

}  // namespace

EncoderConfiguration read_encoder_configuration(const formats::ModelFiles& files) {
  if (const formats::E5File* e5 = files.e5()) {
    EncoderConfiguration out = read_e5_configuration(e5->contents());
    validate(out, files);
    return out;
  }
  if (!is_encoder(files))
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{} is no text encoder that is known", files.path().filename().string()),
                "known are bert, roberta, xlm-roberta and camembert");
  const formats::HuggingFaceDirectory& directory = *files.huggingface();
  const JsonValues config(directory.config());
  if (config.flag("is_decoder", false))
    throw_unsupported("config.json: is_decoder: this model was made to write text");
  if (config.text("position_embedding_type").value_or("absolute") != "absolute")
    throw_unsupported("config.json: position_embedding_type is not \"absolute\"");
  EncoderConfiguration out;
  out.architecture = family_of(directory.config())->architecture;
  out.layers = config.require_integer("num_hidden_layers");
  out.width = config.require_integer("hidden_size");
  out.hidden_width = config.require_integer("intermediate_size");
  out.heads = config.require_integer("num_attention_heads");
  out.vocabulary = config.require_integer("vocab_size");
  out.positions = config.require_integer("max_position_embeddings");
  out.token_types = config.integer("type_vocab_size").value_or(2);
  out.norm_epsilon = config.number("layer_norm_eps").value_or(1e-12f);
  out.activation = activation_named(config.text("hidden_act").value_or("gelu"));
  if (out.architecture == "roberta") {
    const std::int32_t padding = config.integer("pad_token_id").value_or(1);
    require_range("pad_token_id", padding, 0, 1 << 16);
    out.first_position = padding + 1;
  }
  validate(out, files);
  read_limits(directory, out);
  if (const TensorEntry* head = find_encoder_head(files, out.architecture)) {
    if (head->shape.size() != 2 || head->shape[0] < 1 || head->shape[0] > 65536)
      throw Error(ErrorKind::kCorruptData,
                  fmt::format("tensor {} has the shape {}", head->name, to_string(head->shape)));
    out.classes = static_cast<std::int32_t>(head->shape[0]);
  } else {
    read_modules(directory, out);
    read_prompts(directory, out);
  }
  return out;
}

}  // namespace hearth::models
