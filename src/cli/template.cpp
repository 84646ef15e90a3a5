#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/model_options.h"
#include "cli/verb.h"
#include "text/model_template.h"

namespace hearth::cli {
namespace {

struct Options {
  std::string name, messages, template_file;
  bool json = false;
};

text::ChatRequest read_request(const std::string& file) {
  const auto document = nlohmann::ordered_json::parse(read_text(file), nullptr, false);
  if (!document.is_object() || !document.contains("messages"))
    throw Error(ErrorKind::kInvalidArgument, fmt::format("{} is not a JSON object with \"messages\"", file),
                "for example {\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}], "
                "\"add_generation_prompt\": true}");
  text::ChatRequest request;
  request.variables = nlohmann::ordered_json::object();
  for (const auto& [key, value] : document.items()) {
    if (key == "messages") {
      request.messages = value;
    } else if (key == "tools") {
      request.tools = value;
    } else if (key == "documents") {
      request.documents = value;
    } else if (key == "add_generation_prompt") {
      if (!value.is_boolean())
        throw Error(ErrorKind::kInvalidArgument, "add_generation_prompt must be true or false")
            .with_field(key);
      request.add_generation_prompt = value.get<bool>();
    } else {
      request.variables[key] = value;  // enable_thinking and the like
    }
  }
  return request;
}

void run(const Options& options) {
  const text::ChatRequest request = read_request(options.messages);
  const formats::ModelFiles files = formats::ModelFiles::open(find_model(options.name));
  const auto tokenizer = text::Tokenizer::from_model(files);
  const text::ChatTemplate chat_template =
      options.template_file.empty()
          ? text::model_chat_template(files, *tokenizer)
          : text::ChatTemplate::parse(read_text(options.template_file), text::template_options(*tokenizer));
  const std::vector<text::TextSpan> spans = chat_template.render(request);
  if (!options.json) {
    fmt::print("{}", text::joined_text(spans));
    return;
  }
  nlohmann::ordered_json parts = nlohmann::ordered_json::array();
  for (const text::TextSpan& span : spans) parts.push_back({{"text", span.text}, {"trusted", span.trusted}});
  fmt::print("{}\n", nlohmann::ordered_json{{"prompt", text::joined_text(spans)},
                                            {"ids", tokenizer->encode_spans(spans)},
                                            {"spans", parts}}
                         .dump());
}

}  // namespace

void add_template(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("template", "The prompt that a conversation becomes");
  verb->add_option("NAME", options->name, "A model in the store or a path to a model file")->required();
  verb->add_option("--messages", options->messages,
                   "A JSON file with messages, tools, add_generation_prompt; - for standard input")
      ->required();
  verb->add_option("--template", options->template_file, "A Jinja file instead of the model's own template");
  verb->add_flag("--json", options->json, "Print {\"prompt\":…, \"ids\":[…], \"spans\":[…]}");
  verb->footer("Example:\n  hearth template smollm2:135m --messages conversation.json");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
