// Runs a fuzzer without a fuzzing engine: the seeds, then mutations of them, the same ones each time.
//
//   fuzz_NAME [--runs N] [--seed S] [--keep FOLDER] SEED_FILE_OR_FOLDER...
//
// A crash, an exception that is no hearth::Error, an input that takes longer than ten seconds or two
// gibibytes: the input is written to FOLDER/crash-NUMBER, that file is named on stderr, and the program
// fails. `fuzz_NAME FILE
// --runs 0` replays it.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// There where the program is built with a sanitizer.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMaximumInputBytes = std::size_t{1} << 16;
constexpr unsigned kSecondsPerInput = 10;
constexpr rlim_t kMaximumMemory = rlim_t{2} << 30;

// What the handlers need when the program has already failed: plain memory, ready beforehand.
const std::uint8_t* g_data = nullptr;
std::size_t g_size = 0;
std::array<char, 4096> g_crash_file{};

void say(const char* text) { static_cast<void>(!::write(STDERR_FILENO, text, std::strlen(text))); }

void keep_input() {
  if (g_data == nullptr) return;
  const int fd = ::open(g_crash_file.data(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const bool written = fd >= 0 && ::write(fd, g_data, g_size) == static_cast<ssize_t>(g_size);
  say(written ? "\nthe input that failed is kept in " : "\nthe input that failed could not be kept in ");
  say(g_crash_file.data());
  say("\n");
  g_data = nullptr;
}

void on_signal(int number) {
  say(number == SIGALRM ? "an input took too long\n" : "an input crashed the parser\n");
  keep_input();
  ::_exit(1);
}

void catch_failures() {
  // A stack of its own: recursion without end leaves no room for the handler on the usual one.
  static std::array<std::byte, 1 << 16> handler_stack;
  const stack_t alternative{.ss_sp = handler_stack.data(), .ss_flags = 0, .ss_size = handler_stack.size()};
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGALRM})
    ::sigaction(number, &action, nullptr);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(keep_input);
  } else {
    // Beyond it, an allocation throws bad_alloc, which is a failure like any other. A sanitizer needs more
    // space.
    const rlimit memory{kMaximumMemory, kMaximumMemory};
    ::setrlimit(RLIMIT_AS, &memory);
  }
}

void run(const Input& input) {
  // Memory of exactly the input's size, so that a sanitizer sees the first byte read past it.
  const auto exact = std::make_unique<std::uint8_t[]>(input.size());
  std::copy(input.begin(), input.end(), exact.get());
  g_data = exact.get();
  g_size = input.size();
  ::alarm(kSecondsPerInput);
  LLVMFuzzerTestOneInput(exact.get(), input.size());
  ::alarm(0);
  g_data = nullptr;
}

class Mutator {
 public:
  Mutator(const std::vector<Input>& seeds, std::uint64_t seed) : seeds_(seeds), random_(seed) {}

  Input next() {
    Input input = seeds_[below(seeds_.size())];
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(input);
    if (input.size() > kMaximumInputBytes) input.resize(kMaximumInputBytes);
    return input;
  }

 private:
  // In [0, count); 0 where there is nothing to choose from. The modulo is the same on every machine.
  std::size_t below(std::size_t count) { return count == 0 ? 0 : random_() % count; }

  void change(Input& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(input.size() - at, 64) + 1);
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = place + static_cast<std::ptrdiff_t>(length);
    switch (below(8)) {
      case 0:
      case 1:
        if (at < input.size()) *place ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 2:
        if (at < input.size()) *place = static_cast<std::uint8_t>(random_());
        break;
      case 3:
        write_integer(input, at);
        break;
      case 4:
        input.resize(at);
        break;
      case 5:
        input.erase(place, end);
        break;
      case 6: {
        const Input part(place, end);
        const auto target = input.begin() + static_cast<std::ptrdiff_t>(below(input.size() + 1));
        input.insert(target, part.begin(), part.end());
        break;
      }
      default: {
        const Input& other = seeds_[below(seeds_.size())];
        const auto from = other.begin() + static_cast<std::ptrdiff_t>(below(other.size() + 1));
        input.resize(at);
        input.insert(input.end(), from, other.end());
      }
    }
  }

  // The numbers at which counts and offsets go wrong, little-endian, in 1, 2, 4 or 8 bytes.
  void write_integer(Input& input, std::size_t at) {
    static constexpr std::uint64_t kNumbers[] = {
        0,          1,          3,          31,         33,         127,        128,        255,
        256,        32767,      65535,      1 << 20,    0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1ULL << 32,
        1ULL << 60, 1ULL << 62, ~0ULL >> 1, 1ULL << 63, ~0ULL - 31, ~0ULL};
    const std::uint64_t number = kNumbers[below(std::size(kNumbers))] + (below(4) == 0 ? below(16) : 0);
    const std::size_t width = std::min(std::size_t{1} << below(4), input.size() - at);
    if (width > 0) std::memcpy(input.data() + at, &number, width);
  }

  const std::vector<Input>& seeds_;
  std::mt19937_64 random_;
};

std::vector<Input> read_seeds(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
    } else {
      for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());  // a folder lists its files in any order
  std::vector<Input> seeds;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + file.string());
    seeds.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return seeds;
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::uint64_t runs = 20000, seed = 1;
  std::string keep = ".";
  std::vector<std::string> paths;
  for (int i = 1; i < argument_count; ++i) {
    const std::string_view argument = arguments[i];
    const bool has_value = i + 1 < argument_count;
    if (argument == "--runs" && has_value) {
      runs = std::strtoull(arguments[++i], nullptr, 10);
    } else if (argument == "--seed" && has_value) {
      seed = std::strtoull(arguments[++i], nullptr, 10);
    } else if (argument == "--keep" && has_value) {
      keep = arguments[++i];
    } else {
      paths.emplace_back(argument);
    }
  }
  const std::vector<Input> seeds = read_seeds(paths);
  if (seeds.empty()) {
    std::fprintf(stderr, "no seeds: name files or a folder of them\n");
    return 2;
  }
  catch_failures();
  std::uint64_t number = 0;
  const auto run_next = [&](const Input& input) {
    std::snprintf(g_crash_file.data(), g_crash_file.size(), "%s/crash-%llu", keep.c_str(),
                  static_cast<unsigned long long>(number++));
    run(input);
  };
  for (const Input& input : seeds) run_next(input);
  Mutator mutator(seeds, seed);
  for (std::uint64_t i = 0; i < runs; ++i) run_next(mutator.next());
  std::printf("%zu seeds and %llu mutations, none of them harmful\n", seeds.size(),
              static_cast<unsigned long long>(runs));
  return 0;
}
