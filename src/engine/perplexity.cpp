#include "engine/perplexity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "engine/direct_run.h"
#include "engine/log_probabilities.h"

namespace hearth::engine {
namespace {

// Rows in one forward pass that want logits: enough to keep the head's matrix product efficient, few enough
// that a large vocabulary's logits stay small.
constexpr std::int32_t kLogitRows = 64;

// Adds the surprises of the second half of a chunk.
void measure_chunk(DirectRun& run, ThreadTeam& team, std::span<const std::int32_t> chunk,
                   std::vector<double>& surprises) {
  const auto context = static_cast<std::int32_t>(chunk.size());
  const std::int32_t first_counted = context / 2;
  run.reset(0);
  std::vector<DirectRun::Row> rows;
  for (std::int32_t begin = 0; begin + 1 < context;) {
    const bool counted = begin >= first_counted;
    const std::int32_t end = counted ? std::min(context - 1, begin + kLogitRows)
                                     : std::min({first_counted, context - 1, begin + 8 * kLogitRows});
    rows.clear();
    for (std::int32_t i = begin; i < end; ++i)
      rows.push_back({0, chunk[static_cast<std::size_t>(i)], counted});
    const MatrixView<const float> logits = run.run(rows);
    const std::size_t first = surprises.size();
    surprises.resize(first + logits.rows);
    team.for_each_part(logits.rows, 1, [&](int /*member*/, std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i)
        surprises[first + i] =
            -log_probability(logits.row_span(i), chunk[static_cast<std::size_t>(begin) + i + 1]);
    });
    begin = end;
  }
}

}  // namespace

PerplexityResult measure_perplexity(const Model& model, std::span<const std::int32_t> tokens,
                                    const PerplexityOptions& options) {
  const auto context = static_cast<std::size_t>(options.context_tokens);
  auto chunks = static_cast<std::int32_t>(tokens.size() / context);
  if (chunks == 0)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("the text has {} tokens, one chunk needs {}", tokens.size(), context),
                "give a longer text or a smaller --context");
  if (options.chunks > 0) chunks = std::min(chunks, options.chunks);

  DirectRun run(model, 1);
  std::vector<double> surprises;
  PerplexityResult result;
  for (std::int32_t c = 0; c < chunks; ++c) {
    const auto part = tokens.subspan(static_cast<std::size_t>(c) * context, context);
    std::vector<std::int32_t> chunk(part.begin(), part.end());
    if (model.tokenizer().adds_bos()) chunk[0] = model.tokenizer().bos();
    measure_chunk(run, model.compute().team(), chunk, surprises);

    double mean = 0, variance = 0;
    const auto count = static_cast<double>(surprises.size());
    for (const double s : surprises) mean += s / count;
    for (const double s : surprises) variance += (s - mean) * (s - mean) / count;
    result.perplexity = std::exp(mean);
    result.standard_error = result.perplexity * std::sqrt(variance / count);
    result.chunks = c + 1;
    result.predictions = static_cast<std::int64_t>(surprises.size());
    if (options.progress) options.progress(c + 1, chunks, result.perplexity);
  }
  return result;
}

}  // namespace hearth::engine
