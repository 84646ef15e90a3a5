// The engine: one loaded model that generates for many callers at once.
//
// A scheduler thread batches the rows of all running sequences into one forward pass per step: prompts in
// chunks, decoding sequences one row each. It is the only thread that computes. Non-goals: HTTP, templates'
// meaning, model names. Thread-safety: submit() and the accessors are safe from any thread. Destruction
// cancels what runs and waits. Errors: submit() throws hearth::Error for a request that can never run
// (kContextLengthExceeded with both numbers, kInvalidArgument) or not now (kOverloaded); a failure later
// comes as the last event.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine_options.h"
#include "engine/request.h"
#include "kernels/execution_context.h"
#include "models/decoder.h"
#include "models/memory_plan.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hearth::engine {

class Engine {
 public:
  // Loads a GGUF file, the first part of a split GGUF or a Hugging Face directory.
  static std::unique_ptr<Engine> load(std::shared_ptr<Compute> compute, const std::filesystem::path& path,
                                      const EngineOptions& options = {});
  ~Engine();

  const text::Tokenizer& tokenizer() const;
  // The model's own chat template, or the default for its family; throws kUnsupported for a base model
  // without one.
  const text::ChatTemplate& chat_template() const;
  const models::DecoderConfiguration& configuration() const;
  std::int32_t context_tokens() const;
  const models::MemoryPlan& memory_plan() const;
  // Names everything that a seed's answer depends on: build, model, instruction set, numerics.
  const std::string& fingerprint() const;

  // The prompt's tokens, BOS as the model wants it; text from messages never becomes a control token. Throws
  // kUnsupported for tools or tool calls that the model's template would leave out of the prompt.
  std::vector<std::int32_t> tokenize_chat(const text::ChatRequest& request) const;
  // What it tokenizes.
  std::vector<text::TextSpan> render_chat(const text::ChatRequest& request) const;
  std::vector<std::int32_t> tokenize_prompt(std::string_view text) const;
  // Behind a chat's prompt; nothing where the model does not think.
  std::optional<text::Thinking> thinking_behind(std::span<const std::int32_t> prompt) const;

  // Texts whose keys and values tenants may share where their prompts begin with one (PublicPrefixes); of
  // prompts submitted from now on. Throws what tokenizing throws.
  void set_public_texts(std::vector<std::string> texts);

  // Throws as submit() would where the queue is full for whatever comes: before work is put into a request.
  void check_room() const;
  void submit(GenerationRequest request, GenerationCallback callback);
  // Submits and waits; returns the whole answer. Throws what the error event holds.
  struct Answer {
    std::string text;
    std::vector<std::int32_t> tokens;
    FinishReason finish;
    Usage usage;
  };
  Answer generate(GenerationRequest request);

  // Gives up the keys and values of this tenant's texts and wipes them; what runs keeps its own until it
  // ends, and leaves nothing. Waits for the compute thread. Returns the pages that were kept.
  std::int64_t forget_tenant(std::string tenant);

  struct Load {
    std::int32_t running = 0, waiting = 0;
    std::int64_t free_pages = 0, total_pages = 0;
    std::int64_t steps = 0, rows = 0;                      // forward passes, and their rows
    std::int64_t preemptions = 0;                          // of sequences whose pages another one needed
    std::int64_t drafted_tokens = 0, accepted_tokens = 0;  // by speculation, of all answers so far
  };
  Load load() const;

 private:
  struct Implementation;
  explicit Engine(std::unique_ptr<Implementation> implementation);
  void keep_public_texts_current();
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace hearth::engine
