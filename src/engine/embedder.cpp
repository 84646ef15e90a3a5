#include "engine/embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/sha256.h"
#include "engine/encoding_queue.h"
#include "text/tokenizer.h"

namespace hearth::engine {
namespace {

using Tokens = std::vector<std::int32_t>;

// What the tokenizer puts around a text.
struct SpecialTokens {
  Tokens before, after;

  explicit SpecialTokens(const text::Tokenizer& tokenizer) {
    const Tokens plain = tokenizer.encode("a", {.add_special = false});
    const Tokens whole = tokenizer.encode("a", {.add_special = true});
    const auto at = std::ranges::search(whole, plain);
    before.assign(whole.begin(), at.begin());
    after.assign(at.end(), whole.end());
  }
};

void append(Tokens& to, const Tokens& tokens) { to.insert(to.end(), tokens.begin(), tokens.end()); }

std::string make_fingerprint(const formats::ModelFiles& files, const kernels::ExecutionContext& context,
                             models::EncoderPrecision precision) {
  const std::string identity =
      fmt::format("{}|{}|{}|{}|{}", HEARTH_VERSION, files.path().filename().string(), files.tensor_bytes(),
                  kernels::name_of(context.isa()), static_cast<int>(precision));
  return "hearth-" + sha256_hex(identity).substr(0, 16);
}

}  // namespace

struct Embedder::Implementation {
  Implementation(std::shared_ptr<Compute> compute, const std::filesystem::path& path,
                 const EmbedderOptions& options)
      : files(formats::ModelFiles::open(path)),
        tokenizer(text::Tokenizer::from_model(files)),
        special(*tokenizer),
        context(compute->team()),
        fingerprint(make_fingerprint(files, context, options.precision)) {
    {
      const std::lock_guard turn(compute->turn());
      encoder = models::Encoder::load(context, files, options.precision, options.load_progress);
    }
    check_tokenizer();
    queue.emplace(std::move(compute), context, *encoder, options);
  }

  std::int32_t maximum_tokens() const { return encoder->configuration().maximum_tokens; }
  bool is_known(std::int32_t token) const {
    return token >= 0 && token < encoder->configuration().vocabulary;
  }
  void check_tokenizer() const;
  void check(const EncoderInput& input, std::size_t index, std::size_t count) const;

  const formats::ModelFiles files;
  const std::shared_ptr<const text::Tokenizer> tokenizer;
  const SpecialTokens special;
  kernels::ExecutionContext context;
  const std::string fingerprint;
  std::unique_ptr<models::Encoder> encoder;
  std::optional<EncodingQueue> queue;  // last: stops before the model goes
};

// So that no text can ever lead outside of the token table, or to a text without a token.
void Embedder::Implementation::check_tokenizer() const {
  if (tokenizer->vocabulary_size() > static_cast<std::size_t>(encoder->configuration().vocabulary))
    throw Error(ErrorKind::kCorruptData,
                fmt::format("the tokenizer has {} tokens, the model {}", tokenizer->vocabulary_size(),
                            encoder->configuration().vocabulary),
                "the files belong to different models");
  const std::size_t around = special.before.size() + special.after.size();
  if (around == 0 || 2 * around + 2 > static_cast<std::size_t>(maximum_tokens()))
    throw Error(ErrorKind::kUnsupported,
                fmt::format("the tokenizer puts {} special tokens around a text of at most {}", around,
                            maximum_tokens()));
}

void Embedder::Implementation::check(const EncoderInput& input, std::size_t index, std::size_t count) const {
  if (input.tokens.empty()) throw Error(ErrorKind::kInvalidArgument, "a text has no tokens");
  if (std::ssize(input.tokens) > maximum_tokens())
    throw Error(ErrorKind::kContextLengthExceeded,
                fmt::format("{} has {} tokens, special ones included; this model takes at most {}",
                            count == 1 ? "the text" : fmt::format("text {} of {}", index + 1, count),
                            input.tokens.size(), maximum_tokens()),
                "shorten the text, divide it, or ask for truncation");
  for (const std::int32_t token : input.tokens)
    if (!is_known(token))
      throw Error(ErrorKind::kInvalidArgument, fmt::format("token {} is not in the vocabulary of {}", token,
                                                           encoder->configuration().vocabulary));
}

Embedder::Embedder(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Embedder::~Embedder() = default;

std::unique_ptr<Embedder> Embedder::load(std::shared_ptr<Compute> compute, const std::filesystem::path& path,
                                         const EmbedderOptions& options) {
  return std::unique_ptr<Embedder>(
      new Embedder(std::make_unique<Implementation>(std::move(compute), path, options)));
}

const models::EncoderConfiguration& Embedder::configuration() const {
  return implementation_->encoder->configuration();
}
const std::string& Embedder::fingerprint() const { return implementation_->fingerprint; }

EncoderInput Embedder::tokenize(std::string_view text) const {
  EncoderInput input{implementation_->tokenizer->encode(text, {.add_special = true}), 0};
  input.second = input.tokens.size();
  return input;
}

// [CLS] first [SEP] second [SEP]; RoBERTa has two between them.
EncoderInput Embedder::tokenize_pair(std::string_view first, std::string_view second) const {
  const SpecialTokens& special = implementation_->special;
  EncoderInput input = tokenize(first);
  if (configuration().architecture == "roberta") append(input.tokens, special.after);
  input.second = input.tokens.size();
  append(input.tokens, implementation_->tokenizer->encode(second, {.add_special = false}));
  append(input.tokens, special.after);
  return input;
}

EncoderInput Embedder::with_special(std::vector<std::int32_t> tokens) const {
  const SpecialTokens& special = implementation_->special;
  EncoderInput input{special.before, 0};
  append(input.tokens, tokens);
  append(input.tokens, special.after);
  input.second = input.tokens.size();
  return input;
}

void Embedder::truncate(EncoderInput& input) const {
  const auto most = static_cast<std::size_t>(implementation_->maximum_tokens());
  if (input.tokens.size() <= most) return;
  const Tokens& after = implementation_->special.after;
  const bool is_pair = input.second < input.tokens.size();
  if (is_pair && input.second + after.size() >= most)
    throw Error(ErrorKind::kContextLengthExceeded,
                fmt::format("the query has {} tokens, special ones included; with it and a document this "
                            "model takes at most {}",
                            input.second, most),
                "shorten the query");
  input.tokens.resize(most - after.size());
  append(input.tokens, after);
  if (!is_pair) input.second = input.tokens.size();
}

void Embedder::submit(EncodingRequest request, EncodingCallback callback) {
  if (request.inputs.empty()) throw Error(ErrorKind::kInvalidArgument, "there is no text");
  for (std::size_t i = 0; i < request.inputs.size(); ++i)
    implementation_->check(request.inputs[i], i, request.inputs.size());
  if (!request.context) request.context = std::make_shared<RequestContext>();
  implementation_->queue->submit(std::move(request), std::move(callback));
}

std::vector<float> Embedder::encode(std::vector<EncoderInput> inputs) {
  std::promise<EncodingResult> done;
  submit({.context = nullptr, .inputs = std::move(inputs)},
         [&](EncodingResult result) { done.set_value(std::move(result)); });
  EncodingResult result = done.get_future().get();
  if (result.error) throw *result.error;
  return std::move(result.values);
}

Engine::Load Embedder::queue() const { return implementation_->queue->load(); }

std::size_t planned_bytes(const formats::ModelFiles& files, const EmbedderOptions& options) {
  return models::planned_encoder_memory(kernels::selected_isa(), files, options.precision,
                                        static_cast<std::size_t>(options.batch_tokens));
}

}  // namespace hearth::engine
