#include "kernels/linear.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "kernels/cpu/kernel_table.h"
#include "kernels/packed_storage.h"
#include "kernels/read_ahead.h"
#include "kernels/workspace.h"

namespace hearth::kernels {
namespace {

bool same(const OffsetRecipe& a, const OffsetRecipe& b) {
  return a.minimum == b.minimum && a.halves == b.halves && a.zero_shift == b.zero_shift &&
         a.by_chunk == b.by_chunk;
}

const ProductKernels& kernels_of(ExecutionContext& context, const LinearOutput& output) {
  return context.kernels().products[static_cast<std::size_t>(output.weight.type())];
}

// Whether this product runs on activations in 8 bits.
bool is_int8(ExecutionContext& context, const LinearOutput& output) {
  return context.numerics().activations == Numerics::Activations::kInt8 &&
         kernels_of(context, output).multiply_int8 != nullptr;
}

// Outputs for which x is quantised in one way: so many of the first.
std::size_t count_alike(ExecutionContext& context, std::span<const LinearOutput> outputs) {
  const OffsetRecipe* first = nullptr;
  for (std::size_t i = 0; i < std::min<std::size_t>(outputs.size(), kMaximumRecipes); ++i) {
    if (!is_int8(context, outputs[i])) continue;
    const OffsetRecipe& recipe = kernels_of(context, outputs[i]).recipe;
    if (first == nullptr) first = &recipe;
    if (recipe.by_chunk != first->by_chunk) return i;
  }
  return std::min<std::size_t>(outputs.size(), kMaximumRecipes);
}

int recipe_index(const QuantisedActivations& activations, const OffsetRecipe& recipe) {
  for (int i = 0; i < activations.recipe_count; ++i)
    if (same(activations.recipes[i], recipe)) return i;
  return activations.recipe_count;
}

// The activations' place in the workspace, with offsets for every recipe that an output of `outputs` needs.
QuantiseTask plan_quantisation(ExecutionContext& context, MatrixView<const float> x,
                               std::span<const LinearOutput> outputs) {
  const std::size_t units = (x.columns + kChunkColumns - 1) / kChunkColumns * x.rows;
  QuantiseTask task{x.data, x.stride, x.columns, x.rows, {}};
  for (const LinearOutput& output : outputs) {
    if (!is_int8(context, output)) continue;
    const OffsetRecipe& recipe = kernels_of(context, output).recipe;
    const int index = recipe_index(task.out, recipe);
    assert(index < kMaximumRecipes);
    if (index == task.out.recipe_count) task.out.recipes[task.out.recipe_count++] = recipe;
  }
  if (task.out.recipe_count == 0) return task;
  Workspace& workspace = context.workspace();
  task.out.codes = workspace.get<std::int8_t>(Workspace::kCodes, units * kChunkColumns);
  task.out.scales = workspace.get<float>(Workspace::kScales, units * kChunkBlocks);
  auto* offsets =
      workspace.get<float>(Workspace::kOffsets, static_cast<std::size_t>(task.out.recipe_count) * units * 16);
  for (int i = 0; i < task.out.recipe_count; ++i)
    task.out.offsets[i] = offsets + static_cast<std::size_t>(i) * units * 16;
  return task;
}

ProductTask product_task(ExecutionContext& context, const QuantiseTask& quantised, MatrixView<const float> x,
                         const LinearOutput& output) {
  const PackedMatrix::Storage& storage = output.weight.storage();
  ProductTask task{};
  task.packed = reinterpret_cast<const std::uint8_t*>(storage.memory.get());
  task.panel_bytes = storage.panel_bytes;
  task.chunk_bytes = storage.chunk_bytes;
  task.columns = output.weight.columns();
  task.rows = output.weight.rows();
  task.bias = output.bias.empty() ? nullptr : output.bias.data();
  task.out = output.out.data;
  task.out_stride = output.out.stride;
  task.tokens = x.rows;
  task.x = x.data;
  task.x_stride = x.stride;
  if (is_int8(context, output)) {
    task.codes = quantised.out.codes;
    task.scales = quantised.out.scales;
    task.offsets = quantised.out.offsets[recipe_index(quantised.out, kernels_of(context, output).recipe)];
  }
  return task;
}

void check_shapes([[maybe_unused]] ExecutionContext& context, [[maybe_unused]] MatrixView<const float> x,
                  [[maybe_unused]] const LinearOutput& output) {
  assert(!output.weight.empty() && output.weight.columns() == x.columns);
  assert(output.out.rows == x.rows && output.out.columns == output.weight.rows());
  assert(output.bias.empty() || output.bias.size() == output.weight.rows());
  assert(output.weight.storage().kernels == &context.kernels() && "packed for another instruction set");
}

// What a call of the team works on.
struct Products {
  QuantiseTask quantise;
  std::array<ProductTask, kMaximumRecipes> tasks;
  std::size_t panels = 0;       // of all outputs together
  std::size_t token_block = 1;  // rows of activations that are multiplied with all panels before the next
};

// Activations of a token block stay in the second-level cache (2 MiB on the processors this is for; half of
// it, because the sums and the results want room too), while all the panels of a thread pass by. Fewer than
// the smallest block would decode each panel too often.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::size_t kSmallestTokenBlock = 96;

std::size_t token_block(std::size_t rows, std::size_t columns, int recipes) {
  const std::size_t chunks = (columns + kChunkColumns - 1) / kChunkColumns;
  const std::size_t row_bytes =
      chunks * (kChunkColumns + 4 * kChunkBlocks + 64 * static_cast<std::size_t>(recipes));
  const std::size_t most = std::clamp(kBlockBytes / row_bytes, kSmallestTokenBlock, kTokenBlock);
  const std::size_t blocks = (rows + most - 1) / most;
  return (rows + blocks - 1) / blocks;
}

Products prepare(ExecutionContext& context, MatrixView<const float> x,
                 std::span<const LinearOutput> outputs) {
  Products products{plan_quantisation(context, x, outputs), {}};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    check_shapes(context, x, outputs[i]);
    products.tasks[i] = product_task(context, products.quantise, x, outputs[i]);
    products.panels += outputs[i].weight.storage().panels;
  }
  products.token_block = token_block(x.rows, x.columns, products.quantise.out.recipe_count);
  return products;
}

const std::uint8_t* place_of(const ProductTask& task, std::size_t panel) {
  return task.packed + panel * task.panel_bytes;
}

// Panels of one token block on one thread.
struct Part {
  std::size_t first_token, last_token, first, last;
  std::size_t read_end;        // the panel up to which the thread will go on
  ReadAhead::Start read_next;  // and where it reads on after that
  std::byte* scratch;

  ProductTask of(ProductTask task, const std::uint8_t* next) const {
    task.first_token = first_token;
    task.last_token = last_token;
    task.scratch = scratch;
    task.read_end = place_of(task, read_end);
    task.read_next = next;
    return task;
  }
};

// Units of activations that are quantised in the time that dividing them would take.
constexpr std::size_t kFewUnits = 8;

void quantise(ExecutionContext& context, const QuantiseTask& task) {
  if (task.out.recipe_count == 0) return;
  const std::size_t units = (task.columns + kChunkColumns - 1) / kChunkColumns * task.rows;
  context.team().for_each_part(units, kFewUnits, [&](int /*member*/, std::size_t first, std::size_t last) {
    context.kernels().quantise(task, first, last);
  });
}

// Panels are multiplied in groups of so many (kTilePanels of every instruction set divides it), those of few
// rows one by one.
std::size_t panel_granule(std::size_t rows) { return rows <= kFewRows ? 1 : 2; }

// Where the members begin to read `panels` panels; start(panel) says where one begins.
template <typename StartOf>
ReadAhead::Starts starts(const ThreadTeam& team, std::size_t panels, std::size_t granule, StartOf start) {
  ReadAhead::Starts starts;
  for (int member = 0; member < team.size(); ++member)
    starts.push_back(start(team.share_begin(panels, granule, member)));
  return starts;
}

// Quantises the activations; then calls multiply(part) for every token block and all panels of it.
// start(panel) is where a panel lies.
template <typename StartOf, typename Multiply>
void run(ExecutionContext& context, MatrixView<const float> x, const Products& products, std::size_t panels,
         StartOf start_of, Multiply multiply) {
  const ThreadTeam& team = context.team();
  const std::size_t granule = panel_granule(x.rows);
  const ReadAhead::Starts* next = context.read_ahead().begin(
      products.tasks[0].packed, [&] { return starts(team, panels, granule, start_of); });
  quantise(context, products.quantise);
  const auto members = static_cast<std::size_t>(team.size());
  auto* scratch = context.workspace().get<std::byte>(Workspace::kScratch, members * kProductScratchBytes);
  const std::size_t blocks = (x.rows + products.token_block - 1) / products.token_block;
  // Blocks begin at a whole group, so that no part has half of one.
  const std::size_t stride = (panels + granule - 1) / granule * granule;
  const std::size_t count = blocks * stride;
  context.team().for_each_part(count, granule, [&](int member, std::size_t first, std::size_t last) {
    const std::size_t share_end = team.share_begin(count, granule, member + 1);
    const bool own = last <= share_end && first >= team.share_begin(count, granule, member);
    const ReadAhead::Start read_next =
        own && next != nullptr ? (*next)[static_cast<std::size_t>(member)] : ReadAhead::Start{};
    for (std::size_t block = first / stride; block * stride < last; ++block) {
      const std::size_t token = block * products.token_block, start = block * stride;
      const std::size_t begin = std::max(first, start) - start, end = std::min(last - start, panels);
      if (begin < end)
        multiply(Part{token, std::min(x.rows, token + products.token_block), begin, end,
                      std::min((own ? share_end : last) - start, panels), read_next,
                      scratch + static_cast<std::size_t>(member) * kProductScratchBytes});
    }
    // The end of the member's own share: the next product is near.
    if (last == share_end) read_next.prefetch();
  });
}

}  // namespace

void linear(ExecutionContext& context, MatrixView<const float> x, std::span<const LinearOutput> outputs) {
  if (x.rows == 0 || outputs.empty()) return;
  // More would need more offsets, or other codes, than a QuantisedActivations holds.
  if (const std::size_t alike = count_alike(context, outputs); alike < outputs.size()) {
    linear(context, x, outputs.first(alike));
    return linear(context, x, outputs.subspan(alike));
  }
  const Products products = prepare(context, x, outputs);
  const auto start = [&](std::size_t panel) {
    std::size_t i = 0;
    for (; i + 1 < outputs.size() && panel >= outputs[i].weight.storage().panels; ++i)
      panel -= outputs[i].weight.storage().panels;
    return ReadAhead::Start{{place_of(products.tasks[i], panel), nullptr}};
  };
  run(context, x, products, products.panels, start, [&](Part part) {
    // The panels of all outputs stand in one row.
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::size_t count = outputs[i].weight.storage().panels;
      Part here = part;
      here.first = std::min(part.first, count);
      here.last = std::min(part.last, count);
      here.read_end = std::min(part.read_end, count);
      const ProductTask task = here.of(
          products.tasks[i], part.read_end > count ? products.tasks[i + 1].packed : part.read_next.places[0]);
      const ProductKernels& kernels = kernels_of(context, outputs[i]);
      if (here.first < here.last)
        (is_int8(context, outputs[i]) ? kernels.multiply_int8 : kernels.multiply_float)(task, here.first,
                                                                                        here.last);
      part.first -= here.first;
      part.last -= here.last;
      part.read_end -= here.read_end;
    }
  });
}

void gated_linear(ExecutionContext& context, MatrixView<const float> x, Activation activation,
                  const LinearOutput& gate, const LinearOutput& up) {
  if (x.rows == 0) return;
  assert(gate.weight.rows() == up.weight.rows());
  const std::array<LinearOutput, 2> outputs{gate, up};
  if (gate.weight.type() != up.weight.type() || !is_int8(context, gate)) {
    linear(context, x, outputs);
    return gated_activation(context, activation, gate.out, up.out, up.out);
  }
  const Products products = prepare(context, x, outputs);
  const auto start = [&](std::size_t panel) {
    return ReadAhead::Start{{place_of(products.tasks[0], panel), place_of(products.tasks[1], panel)}};
  };
  run(context, x, products, products.panels / 2, start, [&](const Part& part) {
    kernels_of(context, gate)
        .multiply_gated_int8(part.of(products.tasks[0], part.read_next.places[0]),
                             part.of(products.tasks[1], part.read_next.places[1]),
                             static_cast<int>(activation), part.first, part.last);
  });
}

}  // namespace hearth::kernels
