#include "kernels/isa.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>

#include "base/error.h"

namespace hearth::kernels {
namespace {

struct CpuidLeaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidLeaf cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  CpuidLeaf r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

// XCR0: the register states that the operating system saves on a switch of threads.
std::uint64_t enabled_register_states() {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

constexpr bool has_bit(std::uint32_t word, int bit) { return ((word >> bit) & 1) != 0; }

struct Detected {
  std::vector<Isa> isas{Isa::kBaseline};
  std::string amx_refusal;
};

// Linux gives a process the 8 KiB of tile state a thread only when it asks.
std::string ask_for_tiles(std::uint64_t states) {
  constexpr std::uint64_t kTileStates = 0x60000;  // configuration and data
  if ((states & kTileStates) != kTileStates) return "the operating system does not save its tiles";
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  if (::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return {};
  return fmt::format("the operating system refused this process its tiles: {}",
                     std::generic_category().message(errno));
}

Detected detect() {
  Detected detected;
  std::vector<Isa>& isas = detected.isas;
  const CpuidLeaf leaf1 = cpuid(1, 0), leaf7 = cpuid(7, 0);
  const bool osxsave = has_bit(leaf1.ecx, 27);
  const std::uint64_t states = osxsave ? enabled_register_states() : 0;
  constexpr std::uint64_t kAvxStates = 0x06, kAvx512States = 0xe6;
  const bool fma = has_bit(leaf1.ecx, 12), f16c = has_bit(leaf1.ecx, 29), avx = has_bit(leaf1.ecx, 28);
  const bool avx2 = has_bit(leaf7.ebx, 5);
  if ((states & kAvxStates) != kAvxStates || !(avx && avx2 && fma && f16c)) return detected;
  isas.push_back(Isa::kAvx2);
  if (has_bit(cpuid(7, 1).eax, 4)) isas.push_back(Isa::kAvxVnni);
  const bool f = has_bit(leaf7.ebx, 16), dq = has_bit(leaf7.ebx, 17), bw = has_bit(leaf7.ebx, 30);
  const bool vl = has_bit(leaf7.ebx, 31), vnni = has_bit(leaf7.ecx, 11);
  if ((states & kAvx512States) != kAvx512States || !(f && dq && bw && vl && vnni)) return detected;
  isas.push_back(Isa::kAvx512);
  if (!has_bit(cpuid(7, 1).eax, 5)) return detected;
  isas.push_back(Isa::kAvx512Bf16);
  const bool tiles = has_bit(leaf7.edx, 24), int8_tiles = has_bit(leaf7.edx, 25);
  if (!tiles || !int8_tiles) return detected;
  detected.amx_refusal = ask_for_tiles(states);
  if (detected.amx_refusal.empty()) isas.push_back(Isa::kAmx);
  return detected;
}

const Detected& detected() {
  static const Detected once = detect();
  return once;
}

Isa forced_isa(std::string_view name) {
  std::string known;
  for (const Isa isa : available_isas()) {
    if (name == name_of(isa)) return isa;
    known += known.empty() ? "" : ", ";
    known += name_of(isa);
  }
  const bool exists =
      name == "avx2" || name == "avx512" || name == "avx512bf16" || name == "avxvnni" || name == "amx";
  throw Error(ErrorKind::kUnsupported,
              exists
                  ? fmt::format("HEARTH_FORCE_ISA asks for \"{}\", which this machine or build lacks", name)
                  : fmt::format("HEARTH_FORCE_ISA names an unknown instruction set \"{}\"", name),
              fmt::format("this machine can use: {}{}", known,
                          name == "amx" && !amx_refusal().empty() ? "; " + amx_refusal() : ""))
      .with_field("HEARTH_FORCE_ISA");
}

}  // namespace

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::kBaseline:
      return "baseline";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avxvnni";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Bf16:
      return "avx512bf16";
    case Isa::kAmx:
      return "amx";
  }
  return "unknown";
}

std::vector<Isa> available_isas() { return detected().isas; }

std::string amx_refusal() { return detected().amx_refusal; }

Isa selected_isa() {
  const char* forced = std::getenv("HEARTH_FORCE_ISA");
  return forced == nullptr || *forced == '\0' ? available_isas().back() : forced_isa(forced);
}

}  // namespace hearth::kernels
