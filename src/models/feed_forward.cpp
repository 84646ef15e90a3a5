#include "models/feed_forward.h"

#include "kernels/elementwise.h"
#include "kernels/linear.h"

namespace hearth::models {

using kernels::ExecutionContext;
using Rows = MatrixView<float>;

void FeedForward::dense(ExecutionContext& context, const FeedForwardWeights& weights, Rows in, Rows out) {
  const LinearWeights &gate = weights.gate, &up = weights.up, &down = weights.down;
  const Rows lifted = buffers_.get(Buffer::kUp, in.rows, up.weight.rows());
  if (configuration_.gated) {
    const Rows gates = buffers_.get(Buffer::kGate, in.rows, gate.weight.rows());
    kernels::gated_linear(context, in, configuration_.activation, {gate.weight, gate.bias, gates},
                          {up.weight, up.bias, lifted});
  } else {
    kernels::linear(context, in, up.weight, up.bias, lifted);
    kernels::activate(context, configuration_.activation, lifted, lifted);
  }
  kernels::linear(context, lifted, down.weight, down.bias, out);
}

// Every token goes through its few experts. The results lie expert by expert, in "slots", one for each choice
// of each token, the shared expert's after them; they are summed token by token in the order of the choices.
void FeedForward::mixture(ExecutionContext& context, const LayerWeights& layer, Rows in, Rows out) {
  const auto used = static_cast<std::size_t>(configuration_.experts.used);
  const Rows router = buffers_.get(Buffer::kRouter, in.rows);
  kernels::linear(context, in, layer.router.weight, layer.router.bias, router);
  choices_.resize(in.rows * used);
  kernels::choose_experts(context, router, used, configuration_.experts.normalise_weights, choices_);
  assign_slots(in.rows);

  const bool shared = configuration_.experts.shared_hidden_width > 0;
  const std::size_t slots_per_token = used + (shared ? 1 : 0);
  const Rows results(buffers_.get(Buffer::kExpertOut, in.rows).data, in.rows * slots_per_token, in.columns);
  for (std::size_t e = 0; e < layer.experts.size(); ++e) {
    const auto first = static_cast<std::size_t>(first_slot_[e]);
    const std::size_t count = static_cast<std::size_t>(first_slot_[e + 1]) - first;
    if (count == 0) continue;
    const Rows expert_in = buffers_.get(Buffer::kExpertIn, count);
    kernels::gather_rows(context, in, std::span(slot_rows_).subspan(first, count), expert_in);
    dense(context, layer.experts[e], expert_in, results.rows_from(first, count));
  }
  if (shared) {
    dense(context, layer.shared_expert, in, results.rows_from(in.rows * used, in.rows));
    add_shared_choice(context, layer, in);
  }
  kernels::combine_experts(context, results, choices_, slots_, slots_per_token, out);
}

// Sorts the choices by expert: slots_[i] is the place of choice i, slot_rows_[s] the token of slot s, and
// expert e has the slots from first_slot_[e] to first_slot_[e + 1].
void FeedForward::assign_slots(std::size_t tokens) {
  first_slot_.assign(static_cast<std::size_t>(configuration_.experts.count) + 1, 0);
  for (const kernels::ExpertChoice& choice : choices_)
    ++first_slot_[static_cast<std::size_t>(choice.expert) + 1];
  for (std::size_t e = 1; e < first_slot_.size(); ++e) first_slot_[e] += first_slot_[e - 1];
  next_slot_.assign(first_slot_.begin(), first_slot_.end() - 1);
  slots_.resize(choices_.size());
  slot_rows_.resize(choices_.size());
  const std::size_t used = choices_.size() / tokens;
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    const std::int32_t slot = next_slot_[static_cast<std::size_t>(choices_[i].expert)]++;
    slots_[i] = slot;
    slot_rows_[static_cast<std::size_t>(slot)] = static_cast<std::int32_t>(i / used);
  }
}

// Gives every token one choice more: the shared expert, weighted by sigmoid(z) = (1 + tanh(z / 2)) / 2.
void FeedForward::add_shared_choice(ExecutionContext& context, const LayerWeights& layer, Rows in) {
  const Rows half_tanh = buffers_.get(Buffer::kSwitch, in.rows);
  kernels::linear(context, in, layer.shared_switch.weight, layer.shared_switch.bias, half_tanh);
  kernels::scale(context, half_tanh, 0.5f, half_tanh);
  kernels::soft_cap(context, half_tanh, 1.0f, half_tanh);

  const std::size_t used = choices_.size() / in.rows;
  routed_.swap(choices_);
  next_slot_.swap(slots_);
  choices_.clear();
  slots_.clear();
  for (std::size_t token = 0; token < in.rows; ++token) {
    for (std::size_t j = token * used; j < (token + 1) * used; ++j) {
      choices_.push_back(routed_[j]);
      slots_.push_back(next_slot_[j]);
    }
    choices_.push_back({configuration_.experts.count, 0.5f + 0.5f * half_tanh.row(token)[0]});
    slots_.push_back(static_cast<std::int32_t>(in.rows * used + token));
  }
}

}  // namespace hearth::models
