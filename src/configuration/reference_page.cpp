#include <fmt/format.h>

#include "configuration/settings.h"

namespace hearth::configuration {
namespace {

constexpr std::string_view kBeginning = R"(# Configuration

`hearth serve` reads `hearth.yaml` in its home (`~/.hearth`, or where `HEARTH_HOME` says), where there is one, or the
file that `--config` names. A setting that stands nowhere has its default; an option of the command line wins over the
file. For example:

```yaml
inference:
  parallel: 16
  memory_fraction: 0.5
service:
  host: 0.0.0.0
  allow_unauthenticated: true
  body_size: 1MiB
sampling:
  temperature: 0.2
models:
  default: qwen2.5-coder:1.5b
```

`hearth serve --check-config` says what is wrong with the file, everything at once, each with its line and column; or, if
nothing is, each setting with its value and where that comes from. It starts nothing.

SIGHUP lets a running server read the file again. What runs goes on with the options it began with; what begins gets the
new ones. If anything is wrong with the file, or a setting differs that needs a restart, nothing at all changes, and the
log says which setting it was. Under nohup a closing terminal means no more than that.

Where sampling is unset, what the model itself wants holds. Secrets have no place in the file: no setting holds one.

What a model computed of a prompt is kept for its own tenant alone, but for the texts of `cache.public_prefixes`: files,
each with a text that many prompts begin with, as the instructions of a program. It is shared with every prompt that
begins with all of it: a chat whose first message, the system's or a user's, is the text or begins with it, as the model's
own template puts it, or a plain prompt. It counts in whole pages of 32 tokens: the rest of it, and all that follows, stays
each tenant's own. Whoever sends such a text can tell, by the time and by `cached_tokens`, whether somebody used it lately:
list none whose use is a secret. A line break at a file's end is no part of its text.
)";

// What a table's cell cannot hold.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != text.npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

}  // namespace

std::string reference_page() {
  const Configuration defaults;
  std::string page(kBeginning), section;
  for (const Setting& setting : settings()) {
    if (setting.section != section) {
      section = setting.section;
      page += fmt::format(
          "\n## `{}`\n\n| setting | is | default | changes by SIGHUP | allowed; on the command line |\n"
          "|---|---|---|---|---|\n",
          section);
    }
    page += fmt::format("| `{}` | {} | {} | {} | {}{} |\n", setting.key, cell(setting.help),
                        setting.show(defaults), setting.applies == Applies::kAtOnce ? "yes" : "no",
                        setting.allowed, setting.option.empty() ? "" : fmt::format("; `{}`", setting.option));
  }
  return page;
}

}  // namespace hearth::configuration
