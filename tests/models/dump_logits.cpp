// Writes the logits of a model for given token ids, for comparison with a reference:
//
//   dump_logits MODEL TOKENS.i32 LOGITS.npy [--chunk 512] [--context N] [--batch 512] [--checking]
//
// TOKENS.i32 holds raw int32 ids, cut into chunks that are run as separate texts. LOGITS.npy gets float32
// [tokens, vocabulary]. --checking computes with float activations and a float cache. The instruction set is
// the one that HEARTH_FORCE_ISA names.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "models/paged_cache.h"

namespace hearth::models {
namespace {

struct Arguments {
  std::string model, tokens, logits;
  std::size_t chunk = 512, batch = 512;
  std::int32_t context = 0;
  bool checking = false;
};

Arguments parse(int count, char** values) {
  Arguments out;
  std::vector<std::string> plain;
  for (int i = 1; i < count; ++i) {
    const std::string value = values[i];
    const auto number = [&] { return i + 1 < count ? std::strtoul(values[++i], nullptr, 10) : 0ul; };
    if (value == "--chunk")
      out.chunk = number();
    else if (value == "--batch")
      out.batch = number();
    else if (value == "--context")
      out.context = static_cast<std::int32_t>(number());
    else if (value == "--checking")
      out.checking = true;
    else
      plain.push_back(value);
  }
  if (plain.size() != 3 || out.chunk == 0 || out.batch == 0)
    throw Error(ErrorKind::kWrongUsage,
                "dump_logits MODEL TOKENS.i32 LOGITS.npy [--chunk N] [--context N] "
                "[--batch N] [--checking]");
  out.model = plain[0];
  out.tokens = plain[1];
  out.logits = plain[2];
  return out;
}

// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0
std::string npy_header(std::size_t rows, std::size_t columns) {
  std::string text =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  text.resize((10 + text.size() + 1 + 63) / 64 * 64 - 11, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

void run(const Arguments& arguments) {
  const std::string raw = read_file(arguments.tokens);
  std::vector<std::int32_t> tokens(raw.size() / sizeof(std::int32_t));
  std::memcpy(tokens.data(), raw.data(), tokens.size() * sizeof(std::int32_t));

  ThreadTeam team;
  kernels::ExecutionContext context(team,
                                    arguments.checking ? kernels::Numerics::checking() : kernels::Numerics{});
  const formats::ModelFiles files = formats::ModelFiles::open(arguments.model);
  const auto decoder = Decoder::load(context, files, {.context_tokens = arguments.context, .progress = {}});
  const auto vocabulary = static_cast<std::size_t>(decoder->configuration().vocabulary);
  for (const std::int32_t token : tokens)
    if (token < 0 || token >= decoder->configuration().vocabulary)
      throw Error(ErrorKind::kInvalidArgument, fmt::format("{}: token {} is not in the vocabulary of {}",
                                                           arguments.tokens, token, vocabulary));

  std::ofstream out(arguments.logits, std::ios::binary);
  out << npy_header(tokens.size(), vocabulary);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t first = 0; first < tokens.size(); first += arguments.chunk) {
    const auto text = std::span(tokens).subspan(first, std::min(arguments.chunk, tokens.size() - first));
    const std::vector<float> logits = run_text(context, *decoder, text, arguments.batch);
    out.write(reinterpret_cast<const char*>(logits.data()),
              static_cast<std::streamsize>(logits.size() * sizeof(float)));
  }
  if (!out.flush()) throw Error(ErrorKind::kInputOutput, "cannot write " + arguments.logits);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print(stderr, "{}: {} tokens in {:.1f} s\n", kernels::name_of(context.isa()), tokens.size(),
             seconds.count());
}

}  // namespace
}  // namespace hearth::models

int main(int count, char** values) {
  try {
    hearth::models::run(hearth::models::parse(count, values));
    return 0;
  } catch (const hearth::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return error.info().exit_code;
  }
}
