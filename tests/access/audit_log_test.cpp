#include "access/audit_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/sha256.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::access {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

class AuditLogTest : public ::testing::Test {
 protected:
  static AuditLog::Entry entry(int number) { return {{"event", {{"action", "test"}, {"sequence", number}}}}; }
  void write(int first, int count) {
    AuditLog log(path);
    for (int i = 0; i < count; ++i) log.append(entry(first + i));
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }
  void replace(const std::vector<std::string>& all) const {
    std::string text;
    for (const std::string& line : all) text += line + "\n";
    write_file_atomically(path, text);
  }
  void append_bytes(std::string_view bytes) const { std::ofstream(path, std::ios::app) << bytes; }

  const TemporaryDirectory folder;
  const std::filesystem::path path = folder / "audit.jsonl";
};

TEST_F(AuditLogTest, EachLineHoldsTheHashOfTheOneBefore) {
  write(0, 3);
  write(3, 2);  // another process, later
  std::string before(64, '0');
  int number = 0;
  for (const std::string& line : lines()) {
    const auto document = parse_json(line, "line");
    EXPECT_EQ(document["hearth"]["previous_sha256"], before);
    EXPECT_EQ(document["event"]["sequence"], number++);
    EXPECT_EQ(document["ecs"]["version"], "8.11.0");
    EXPECT_EQ(document["@timestamp"].get<std::string>().size(), 24u);
    before = sha256_hex(line);
  }
  EXPECT_EQ(number, 5);
  const AuditSummary summary = verify_audit(path);
  EXPECT_EQ(summary.entries, 5);
  EXPECT_EQ(summary.torn, 0);
  EXPECT_FALSE(summary.ends_torn);
  EXPECT_EQ(summary.last_sha256, before);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(AuditLogTest, SeveralWritersMakeOneChain) {
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 4; ++i) writers.emplace_back([this, i] { write(100 * i, 25); });
    AuditLog shared(path);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&shared, i] {
        for (int k = 0; k < 25; ++k) shared.append(entry(1000 * i + k));
      });
  }
  EXPECT_EQ(verify_audit(path).entries, 200);
}

TEST_F(AuditLogTest, EveryTamperingShows) {
  write(0, 5);
  const std::vector<std::string> good = lines();
  const auto broken = [this](std::vector<std::string> all, const char* where) {
    replace(all);
    expect_error(ErrorKind::kCorruptData, {where}, [this] { verify_audit(path); });
  };
  std::vector<std::string> all = good;
  all[1].replace(all[1].find("\"sequence\":1"), 12, "\"sequence\":7");
  broken(all, ":3:");
  all = good;
  all.erase(all.begin() + 2);
  broken(all, ":3:");
  all = good;
  all.erase(all.begin());
  broken(all, ":1:");
  all = good;
  all.insert(all.begin() + 3, good[2]);
  broken(all, ":4:");
  all = good;
  std::swap(all[2], all[3]);
  broken(all, ":3:");
  all = good;
  all[2] = "nothing";
  broken(all, ":3:");
  // As a line that was cut short: the next one does not say so.
  all = good;
  all[2].resize(40);
  broken(all, ":4:");
}

TEST_F(AuditLogTest, AHashThatWasNotedShowsAnEarlierEnd) {
  write(0, 5);
  const std::string noted = verify_audit(path).last_sha256;
  write(5, 2);
  EXPECT_TRUE(verify_audit(path, noted).contains_noted);
  std::vector<std::string> all = lines();
  all.resize(4);
  replace(all);
  EXPECT_EQ(verify_audit(path).entries, 4);
  EXPECT_FALSE(verify_audit(path, noted).contains_noted);
}

// At whatever byte the writer was killed: the chain goes on, and says that it was.
TEST_F(AuditLogTest, ALineThatWasCutShortStaysAndIsTold) {
  write(0, 2);
  const std::vector<std::string> good = lines();
  const std::string whole = good[0] + "\n" + good[1] + "\n";
  for (std::size_t cut = good[0].size() + 2; cut < whole.size(); cut += 7) {
    write_file_atomically(path, whole.substr(0, cut));
    EXPECT_TRUE(verify_audit(path).ends_torn) << cut;
    EXPECT_EQ(verify_audit(path).entries, 1) << cut;
    write(2, 1);
    const AuditSummary summary = verify_audit(path);
    EXPECT_EQ(summary.entries, 4) << cut;
    EXPECT_EQ(summary.torn, 1) << cut;
    EXPECT_TRUE(lines()[1] == whole.substr(good[0].size() + 1, cut - good[0].size() - 1)) << cut;
    EXPECT_NE(lines()[2].find("audit-line-torn"), std::string::npos) << cut;
  }
  // All of it but its end; and the entry about one that was cut short, itself cut short.
  write_file_atomically(path, whole.substr(0, whole.size() - 1));
  write(2, 1);
  EXPECT_EQ(verify_audit(path).torn, 0);
  write_file_atomically(path, whole.substr(0, whole.size() - 9));
  AuditLog{path};
  const std::string told = lines().back();
  for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, told.size() / 2}) {
    write_file_atomically(path, whole.substr(0, whole.size() - 9) + "\n" + told.substr(0, cut));
    write(2, 1);
    EXPECT_GE(verify_audit(path).torn, 1) << cut;
  }
}

TEST_F(AuditLogTest, AFileThatIsNoAuditIsLeftAlone) {
  for (const char* content : {"root:x:0:0:root:/root:/bin/bash\n", "{}\n", "{\"a\": 1}", "\xff\xfe\n"}) {
    write_file_atomically(path, content);
    expect_error(ErrorKind::kCorruptData, {path.string()}, [this] { AuditLog log(path); });
    EXPECT_EQ(read_file(path), content);
  }
  write_file_atomically(path, std::string(100'000, '{'));
  expect_error(ErrorKind::kCorruptData, {path.string()}, [this] { AuditLog log(path); });
  expect_error(ErrorKind::kCorruptData, {path.string()}, [this] { verify_audit(path); });
  expect_error(ErrorKind::kInvalidArgument, {"/dev/null"}, [] { AuditLog log("/dev/null"); });
}

// A limit on the file's size stands for a full disk.
TEST_F(AuditLogTest, WhatCannotBeWrittenIsKeptAndSaid) {
  write(0, 3);
  AuditLog log(path);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{}, limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  limit = before;
  limit.rlim_cur = std::filesystem::file_size(path) + 40;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_THROW(log.append(entry(3)), Error);
  EXPECT_THROW(log.check(), Error);
  EXPECT_THROW(log.append(entry(4)), Error);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(verify_audit(path).entries, 3);
  EXPECT_FALSE(verify_audit(path).ends_torn);
  log.check();
  EXPECT_EQ(verify_audit(path).entries, 5);
  log.append(entry(5));
  EXPECT_EQ(verify_audit(path).entries, 6);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(parse_json(lines()[static_cast<std::size_t>(i)], "l")["event"]["sequence"], i);
}

}  // namespace
}  // namespace hearth::access
