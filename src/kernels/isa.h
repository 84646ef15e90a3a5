// The instruction sets that the kernels are written for, and which of them this process uses.
// Thread-safety: all functions are safe from any thread.
#pragma once

#include <string_view>
#include <vector>

namespace hearth::kernels {

enum class Isa { kBaseline, kAvx2, kAvxVnni, kAvx512 };  // kAvx512 means with VNNI

std::string_view name_of(Isa isa);  // "baseline", "avx2", "avxvnni", "avx512"

// The sets that this processor, its operating system and this build can use, weakest first; baseline is
// always there.
std::vector<Isa> available_isas();

// The strongest available set, or the one that the variable HEARTH_FORCE_ISA names. Throws kUnsupported when
// the variable names a set that is unknown or that the machine lacks, saying which ones there are.
Isa selected_isa();

}  // namespace hearth::kernels
