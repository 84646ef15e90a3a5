// One loaded text encoder that works for many callers at once: texts to embeddings, or pairs to the numbers
// of a cross-encoder's head.
//
// A thread of its own takes turns with the other models of the process (Compute), a batch at a time. Texts
// lie one behind the other without padding, so a batch holds so many tokens, not so many texts, and who
// brings short texts does not wait for long ones. Which texts are next follows the engine's rule
// (engine/fair_share.h), text by text; what comes out for a text does not depend on its company.
// Non-goals: HTTP, the meaning of prompts. Thread-safety: all functions are safe from any thread. Destruction
// ends what waits with an error. Errors: submit() throws hearth::Error for what can never run
// (kContextLengthExceeded with both numbers, kInvalidArgument) or not now (kOverloaded); a failure later
// comes with the result.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "models/encoder.h"

namespace hearth::engine {

struct EmbedderOptions {
  models::EncoderPrecision precision = models::EncoderPrecision::kEightBits;
  // Of one turn: enough that weights are read seldom, few enough that nobody waits long.
  std::int32_t batch_tokens = 512;
  std::int32_t queue_limit = 256;          // requests
  std::int64_t queued_tokens = 1'000'000;  // of all requests together
  std::function<void(std::size_t bytes_done, std::size_t bytes_total)> load_progress;
};

// The tokens of one text, or of a pair, special ones included.
struct EncoderInput {
  std::vector<std::int32_t> tokens;
  std::size_t second = 0;  // where the second of a pair begins; tokens.size() where it is no pair
};

struct EncodingRequest {
  std::shared_ptr<RequestContext> context;
  std::vector<EncoderInput> inputs;
  Priority priority = Priority::kNormal;
};

struct EncodingResult {
  std::vector<float> values;  // output_width() for each input, in their order
  std::optional<Error> error;
  std::int64_t tokens = 0;  // that were computed
  double queue_seconds = 0;
};
// Called once, on the embedder's thread; must return at once and not throw.
using EncodingCallback = std::function<void(EncodingResult)>;

class Embedder {
 public:
  // A Hugging Face directory with an encoder; throws as models::Encoder::load does.
  static std::unique_ptr<Embedder> load(std::shared_ptr<Compute> compute, const std::filesystem::path& path,
                                        const EmbedderOptions& options = {});
  ~Embedder();

  const models::EncoderConfiguration& configuration() const;
  // Names everything that a result depends on, as Engine::fingerprint().
  const std::string& fingerprint() const;

  EncoderInput tokenize(std::string_view text) const;
  EncoderInput tokenize_pair(std::string_view first, std::string_view second) const;
  // Tokens of a text that the caller made: special ones are put around them. Throws kInvalidArgument for one
  // that is not in the vocabulary.
  EncoderInput with_special(std::vector<std::int32_t> tokens) const;
  // Leaves out so many of the last tokens of an input, or of a pair's second text, that it fits. Throws
  // kContextLengthExceeded where a pair's first text leaves no room.
  void truncate(EncoderInput& input) const;

  void submit(EncodingRequest request, EncodingCallback callback);
  // Submits and waits. Throws what the result holds.
  std::vector<float> encode(std::vector<EncoderInput> inputs);

  // `steps` and `rows` are batches and their tokens.
  Engine::Load queue() const;

 private:
  struct Implementation;
  explicit Embedder(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

// What loading will take, in bytes.
std::size_t planned_bytes(const formats::ModelFiles& files, const EmbedderOptions& options);

}  // namespace hearth::engine
