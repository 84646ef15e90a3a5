// The instruction sets that the kernels are written for, and which of them this process uses.
// Thread-safety: all functions are safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::kernels {

// kAvx512 means with VNNI, kAvx512Bf16 that and dot products of bfloat16, kAmx that and 8-bit matrix tiles.
enum class Isa { kBaseline, kAvx2, kAvxVnni, kAvx512, kAvx512Bf16, kAmx };

std::string_view name_of(Isa isa);  // "baseline", "avx2", "avxvnni", "avx512", "avx512bf16",
                                    // "amx"

// The sets that this processor, its operating system and this build can use, weakest first; baseline is
// always there.
std::vector<Isa> available_isas();

// Why a processor that has AMX is used without it: the operating system does not save its tiles, or refused
// this process the permission that they need. Empty where AMX is available or the processor has none.
std::string amx_refusal();

// The strongest available set, or the one that the variable HEARTH_FORCE_ISA names. Throws kUnsupported when
// the variable names a set that is unknown or that the machine lacks, saying which ones there are.
Isa selected_isa();

}  // namespace hearth::kernels
