#include "configuration/configuration.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/nearest_name.h"
#include "base/printable.h"
#include "configuration/public_texts.h"
#include "configuration/settings.h"
#include "server/server.h"

namespace hearth::configuration {
namespace {

constexpr std::size_t kMostProblemsShown = 100;
constexpr std::string_view kDefaultOrigin = "default";

std::size_t index_of(const Setting& setting) {
  return static_cast<std::size_t>(&setting - settings().data());
}

std::vector<std::string> sections() {
  std::vector<std::string> names;
  for (const Setting& setting : settings())
    if (names.empty() || names.back() != setting.section) names.push_back(setting.section);
  return names;
}

std::vector<std::string> keys_of(std::string_view section) {
  std::vector<std::string> names;
  for (const Setting& setting : settings())
    if (setting.section == section) names.push_back(setting.key);
  return names;
}

// Reads a tree into a Configuration and gathers what is wrong.
class Reader {
 public:
  Reader(std::string_view file, Loaded& loaded, std::vector<YamlProblem>& problems)
      : file_(file), loaded_(loaded), problems_(problems) {}

  void read(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::kNothing) return;  // an empty file says nothing
    if (root.kind != YamlNode::Kind::kMap)
      return report(root.position,
                    fmt::format("the file must hold the sections {}", fmt::join(sections(), ", ")));
    for (const YamlMember& section : root.members) read_section(section);
  }

 private:
  void read_section(const YamlMember& section) {
    const std::vector<std::string> keys = keys_of(section.key);
    if (keys.empty()) {
      if (const auto home = home_of(section.key); !home.empty())
        return report(section.position, fmt::format("`{}` belongs into the section `{}`", section.key, home));
      return report_unknown(section.position, "section", section.key, sections());
    }
    if (section.value.kind == YamlNode::Kind::kNothing) return;
    if (section.value.kind != YamlNode::Kind::kMap)
      return report(section.value.position,
                    fmt::format("`{}` must hold settings, each on a line of its own", section.key));
    for (const YamlMember& member : section.value.members) {
      if (const Setting* setting = find_setting(section.key, member.key)) {
        read_setting(*setting, member.value);
      } else if (const auto home = home_of(member.key); !home.empty()) {
        report(member.position, fmt::format("`{}` belongs into the section `{}`", member.key, home));
      } else {
        report_unknown(member.position, fmt::format("setting in `{}`", section.key), member.key, keys);
      }
    }
  }

  void read_setting(const Setting& setting, const YamlNode& value) {
    if (setting.read(loaded_.configuration, value)) {
      loaded_.origins[index_of(setting)] =
          fmt::format("{}:{}:{}", file_, value.position.line, value.position.column);
      return;
    }
    for (const YamlProblem& known : problems_)  // an alias, a tag: said already
      if (known.position == value.position) return;
    std::string found = "a list";
    if (value.kind == YamlNode::Kind::kNothing) found = "nothing";
    if (value.kind == YamlNode::Kind::kMap) found = "a map";
    if (value.kind == YamlNode::Kind::kScalar)
      found = fmt::format("{}{}", printable(value.text), value.quoted ? " in quotes" : "");
    problems_.push_back({value.position,
                         fmt::format("`{}` must be {}, but is {}", setting.name(), setting.allowed, found),
                         setting.name()});
  }

  static std::string home_of(std::string_view key) {
    for (const Setting& setting : settings())
      if (setting.key == key) return setting.section;
    return {};
  }

  void report(YamlPosition position, std::string message) {
    problems_.push_back({position, std::move(message)});
  }
  void report_unknown(YamlPosition position, std::string_view what, const std::string& written,
                      const std::vector<std::string>& known) {
    const std::string nearest = nearest_name(written, known);
    report(position, fmt::format("there is no {} named `{}`: {}", what, printable(written),
                                 nearest.empty() ? fmt::format("there are {}", fmt::join(known, ", "))
                                                 : fmt::format("did you mean `{}`?", nearest)));
  }

  const std::string_view file_;
  Loaded& loaded_;
  std::vector<YamlProblem>& problems_;
};

[[noreturn]] void fail(std::string_view file, const std::vector<YamlProblem>& problems) {
  std::string message = fmt::format("{} cannot be used:", file), log_text;
  for (std::size_t i = 0; i < std::min(problems.size(), kMostProblemsShown); ++i) {
    const auto& [position, text, setting] = problems[i];
    message += fmt::format("\n  {}:{}:{}: {}", file, position.line, position.column, text);
    log_text +=
        fmt::format("{}line {}:{} {}", i == 0 ? "" : ", ", position.line, position.column,
                    setting.empty() ? "is not understood" : setting + " has a value that is not allowed");
  }
  if (problems.size() > kMostProblemsShown) {
    const std::string rest = fmt::format("and {} more", problems.size() - kMostProblemsShown);
    message += fmt::format("\n  {}", rest);
    log_text += fmt::format(", {}", rest);
  }
  throw Error(ErrorKind::kInvalidArgument, std::move(message)).with_log_text(log_text);
}

// What no setting can see alone, and what its files hold.
void check_together(Loaded& loaded) {
  std::string message = "these settings cannot be used:", log_text;
  const auto refuse = [&](std::string_view section, std::string_view key, std::string_view why) {
    const Setting& setting = *find_setting(section, key);
    const std::size_t index = index_of(setting);
    message += fmt::format("\n  {}: `{}`: {}", loaded.origins[index], setting.name(), why);
    log_text += fmt::format("{}{} does not go with the others", log_text.empty() ? "" : ", ", setting.name());
  };
  const auto& limits = loaded.configuration.server.live.limits;
  if (limits.header_bytes >= limits.read_ahead_bytes)
    refuse("service", "header_size", "it must be less than `service.read_ahead_size`");
  const server::AdminOptions& administration = loaded.configuration.server.admin;
  if (administration.port && !administration.socket.empty())
    refuse("service", "admin_socket", "it is instead of `service.admin_port`, not beside it");
  if (!administration.port &&
      loaded.origins[index_of(*find_setting("service", "admin_host"))] != kDefaultOrigin)
    refuse("service", "admin_host", "it is the address of `service.admin_port`, which is unset");
  const auto& speculation = loaded.configuration.registry.engine.speculation;
  const bool has_model = !speculation.draft_model.empty(), has_layers = speculation.draft_layers > 0;
  const std::string_view draft = has_model ? "draft_model" : "draft_layers";
  if (has_model && has_layers) refuse("inference", draft, "both a draft model and draft layers are given");
  if ((has_model || has_layers) && loaded.configuration.registry.preferred.empty())
    refuse("inference", draft,
           "a draft is of one model's making, and no model is named by `models.default` or --model");
  if ((has_model || has_layers) && speculation.draft_tokens == 0)
    refuse("inference", draft, "it would never be used, since `inference.draft_tokens` is 0");
  const engine::DiskCacheOptions& disk = loaded.configuration.disk_cache;
  if (disk.directory.empty() && !loaded.configuration.responses.is_on && !disk.key_file.empty())
    refuse("cache", "disk_key_file",
           "it is the key of `cache.disk_directory` and of `responses.store`, which are unset");
  for (const auto& [key, is_set] :
       {std::pair("disk_directory", !disk.directory.empty()),
        std::pair("public_prefixes", !loaded.configuration.public_prefixes.empty())})
    if (is_set && !loaded.configuration.registry.engine.prefix_cache)
      refuse("cache", key, "it would never be used, since `inference.prefix_cache` is false");
  try {
    loaded.configuration.registry.public_texts = read_public_texts(loaded.configuration.public_prefixes);
  } catch (const Error& error) {
    refuse("cache", "public_prefixes", error.what());
  }
  try {
    server::validate(loaded.configuration.server);
  } catch (const Error& error) {
    std::string key = error.field();
    std::ranges::replace(key, '-', '_');
    refuse("service", find_setting("service", key) ? key : "host", error.what());
  }
  if (!log_text.empty()) throw Error(ErrorKind::kInvalidArgument, std::move(message)).with_log_text(log_text);
}

}  // namespace

Loaded load_text(std::string_view yaml, std::string_view name, const Sources& sources) {
  Loaded loaded;
  loaded.origins.assign(settings().size(), std::string(kDefaultOrigin));
  std::vector<YamlProblem> problems;
  const YamlNode root = parse_yaml(yaml, problems);
  Reader(name, loaded, problems).read(root);
  std::stable_sort(problems.begin(), problems.end(), [](const YamlProblem& a, const YamlProblem& b) {
    return std::pair(a.position.line, a.position.column) < std::pair(b.position.line, b.position.column);
  });
  if (!problems.empty()) fail(name, problems);
  for (const auto& [path, text] : sources.command_line) {
    for (std::size_t i = 0; i < settings().size(); ++i) {
      const Setting& setting = settings()[i];
      if (setting.name() != path) continue;
      if (!read_text(setting, text, loaded.configuration))
        throw Error(ErrorKind::kWrongUsage, fmt::format("{} must be {}", setting.option, setting.allowed));
      loaded.origins[i] = setting.option;
    }
  }
  loaded.configuration.server.key_file = sources.key_file;
  check_together(loaded);
  return loaded;
}

Loaded load(const Sources& sources) {
  if (sources.file.empty()) return load_text("", "", sources);
  return load_text(read_file(sources.file, kMostYamlBytes), sources.file.string(), sources);
}

Change difference(const Configuration& from, const Configuration& to) {
  Change change;
  for (const Setting& setting : settings()) {
    if (setting.show(from) == setting.show(to)) continue;
    (setting.applies == Applies::kAtOnce ? change.live : change.restart).push_back(setting.name());
  }
  // A line that went missing shall not make a server speak in clear to those it knows.
  if (from.server.live.tls.certificate.empty() != to.server.live.tls.certificate.empty())
    change.restart.push_back("service.tls_certificate");
  return change;
}

std::string describe(const Loaded& loaded) {
  std::size_t widest_name = 0, widest_value = 0;
  for (const Setting& setting : settings()) {
    widest_name = std::max(widest_name, setting.name().size());
    widest_value = std::max(widest_value, setting.show(loaded.configuration).size());
  }
  std::string lines;
  for (std::size_t i = 0; i < settings().size(); ++i) {
    const Setting& setting = settings()[i];
    lines += fmt::format("{:<{}}  {:<{}}  {}\n", setting.name(), widest_name,
                         setting.show(loaded.configuration), widest_value, loaded.origins[i]);
  }
  return lines;
}

}  // namespace hearth::configuration
