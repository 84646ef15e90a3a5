// Stored responses: what is on the disk, for whom, how long and how much; and the routes that show it.
#include "server/serving/response_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "server/routes/response_routes.h"
#include "server/server_fixture.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

const std::string kCanary = "xylocanary";

SecretKey key_of(int seed) {
  SecretKey key;
  key.bytes.fill(static_cast<std::byte>(seed));
  return key;
}

StoredResponse sample(const std::string& text = kCanary) {
  return {{{"id", "resp_1"}, {"output", json::array({{{"id", "msg_o"}, {"text", text}}})}},
          json::array({{{"id", "msg_i"}, {"text", text}}})};
}

class ResponseStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<ResponseStore> open(int key = 1) {
    return std::make_unique<ResponseStore>(options, key_of(key));
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(options.directory))
      if (entry.is_regular_file() && entry.path().filename() != "lock") all.push_back(entry.path());
    return all;
  }
  test::TemporaryDirectory directory;
  ResponseStoreOptions options{.directory = directory.path() / "responses"};
};

TEST_F(ResponseStoreTest, IsThereAfterARestartAndNeverLegible) {
  auto store = open();
  store->keep("legal", "resp_1", sample(), store->removals());
  store.reset();
  ASSERT_EQ(files().size(), 1u);
  const std::string bytes = read_file(files()[0]);
  EXPECT_EQ(bytes.find(kCanary), bytes.npos);
  EXPECT_EQ(files()[0].string().find("resp_1"), std::string::npos);
  EXPECT_EQ(fs::status(files()[0]).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  store = open();
  EXPECT_EQ(store->find("legal", "resp_1").response, sample().response);
  EXPECT_EQ(store->find("legal", "resp_1").conversation().size(), 2u);
  EXPECT_EQ(store->bytes(), bytes.size());
  for (const auto& [tenant, id] : {std::pair{"sales", "resp_1"}, std::pair{"legal", "resp_2"}})
    test::expect_error(ErrorKind::kNotFound, {id},
                       [&, tenant = tenant, id = id] { store->find(tenant, id); });
  test::expect_error(ErrorKind::kConflict, {"another process"}, [&] { open(); });
  store.reset();
  test::expect_error(ErrorKind::kNotFound, {}, [&] { open(2)->find("legal", "resp_1"); });
}

TEST_F(ResponseStoreTest, WhatIsDamagedIsAnErrorAndCanBeDeleted) {
  for (const int damage : {0, 1, 2, 3}) {
    auto store = open();
    store->keep("t", "resp_1", sample(), 0);
    store->keep("t", "resp_2", sample("other"), 0);
    const fs::path one = files()[0], other = files()[1];
    std::string bytes = read_file(one);
    if (damage == 0) bytes[bytes.size() / 2] ^= 1;
    if (damage == 1) bytes.resize(bytes.size() - 1);
    if (damage == 2) bytes.clear();
    if (damage == 3) bytes = read_file(other);  // whole, but another's
    std::ofstream(one, std::ios::binary | std::ios::trunc) << bytes;
    int damaged = 0;
    for (const char* id : {"resp_1", "resp_2"}) {
      try {
        store->find("t", id);
      } catch (const Error& error) {
        ++damaged;
        EXPECT_EQ(error.kind(), ErrorKind::kCorruptData);
        EXPECT_NE(std::string(error.what()).find("delete it"), std::string::npos);
      }
      store->remove("t", id);
    }
    EXPECT_EQ(damaged, 1);
    EXPECT_EQ(store->bytes(), 0u);
    EXPECT_TRUE(files().empty());
  }
}

TEST_F(ResponseStoreTest, ATenantsOldestGo) {
  const std::string text(300, 'a');
  options.bytes = 1500;
  auto store = open();
  store->keep("other", "resp_0", sample(text), 0);
  for (const char* id : {"resp_1", "resp_2", "resp_3"}) store->keep("t", id, sample(text), 0);
  test::expect_error(ErrorKind::kNotFound, {}, [&] { store->find("t", "resp_1"); });
  store->find("t", "resp_3");
  store->find("other", "resp_0");
  test::expect_error(ErrorKind::kPayloadTooLarge, {"1500"},
                     [&] { store->keep("t", "resp_4", sample(std::string(2000, 'a')), 0); });
}

TEST_F(ResponseStoreTest, Expires) {
  options.time = 1h;
  auto store = open();
  store->keep("t", "resp_1", sample(), 0);
  store->find("t", "resp_1");
  store.reset();
  const timespec old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, files()[0].c_str(), old, 0), 0);
  store = open();
  EXPECT_TRUE(files().empty());
  test::expect_error(ErrorKind::kNotFound, {}, [&] { store->find("t", "resp_1"); });
}

TEST_F(ResponseStoreTest, ARemovedTenantsAnswersLeaveNothing) {
  auto store = open();
  const auto before = store->removals();
  store->keep("t", "resp_1", sample(), before);
  store->keep("other", "resp_1", sample(), before);
  EXPECT_EQ(store->remove_tenant("t"), 1);
  store->keep("t", "resp_2", sample(), before);  // its answer began before
  EXPECT_EQ(files().size(), 1u);
  store->keep("t", "resp_3", sample(), store->removals());
  store->find("t", "resp_3");
  // A crash while it wrote leaves a rest, which the next start removes; what is not the store's stays.
  const fs::path rest = files()[0].string() + ".1-1.tmp", foreign = options.directory / "notes.txt";
  std::ofstream(rest) << "half";
  std::ofstream(foreign) << "mine";
  store.reset();
  store = open();
  EXPECT_FALSE(fs::exists(rest));
  EXPECT_EQ(store->clear(), 2);
  EXPECT_TRUE(fs::exists(foreign));
}

TEST(ListQuery, ReadsWhatAPageIsAskedBy) {
  const ListQuery query =
      read_list_query("/v1/responses/a/input_items?order=asc&limit=7&after=msg%5F1&include[]=x");
  EXPECT_TRUE(query.is_ascending);
  EXPECT_EQ(query.limit, 7u);
  EXPECT_EQ(query.after, "msg_1");
  EXPECT_EQ(read_list_query("/v1/responses/a?").limit, 20u);
  for (const char* bad : {"?limit=0", "?limit=101", "?limit=1x", "?limit=", "?limit=99999999999999999999",
                          "?order=up", "?after=%zz", "?limit=%"})
    test::expect_error(ErrorKind::kInvalidArgument, {}, [&] { read_list_query(bad); });
  test::expect_error(ErrorKind::kUnsupported, {"stream"}, [&] { read_list_query("?stream=true"); });
}

class StoredResponsesTest : public ServerFixture {
 protected:
  StoredResponsesTest() {
    options.response_store = std::make_shared<ResponseStore>(
        ResponseStoreOptions{.directory = directory.path() / "responses"}, key_of(1));
    model = models.add("fake");
  }
  json respond(const std::string& rest) {
    const auto response = post("/v1/responses", R"({"model":"fake",)" + rest + "}");
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  }
  ClientResponse get(const std::string& path, const std::string& method = "GET") {
    TestClient one(server->port());
    one.get(path, {}, method);
    return one.receive();
  }
  test::TemporaryDirectory directory;
  std::shared_ptr<FakeModel> model;
};

TEST_F(StoredResponsesTest, AreShownContinuedAndDeleted) {
  start();
  const json first = respond(R"("input":"My name is Ada.","instructions":"Be kind.")");
  const std::string id = first["id"];
  EXPECT_EQ(first["store"], true);
  EXPECT_EQ(id.size(), 37u);
  EXPECT_EQ(json::parse(get("/v1/responses/" + id).body), first);
  const json second =
      respond(R"("input":[{"role":"user","content":"Who am I?"}],"previous_response_id":")" + id + "\"");
  EXPECT_EQ(second["previous_response_id"], id);
  // Instructions are of one request.
  EXPECT_EQ(model->last_prompt().messages, json::parse(R"([{"role":"user","content":"My name is Ada."},
    {"role":"assistant","content":"Rivers carry water."},{"role":"user","content":"Who am I?"}])"));
  const std::string items = "/v1/responses/" + second["id"].get<std::string>() + "/input_items";
  const json all = json::parse(get(items + "?order=asc").body);
  ASSERT_EQ(all["data"].size(), 3u) << all;
  EXPECT_EQ(all["data"][0]["content"], json::parse(R"([{"type":"input_text","text":"My name is Ada."}])"));
  EXPECT_EQ(all["data"][1], first["output"][0]);
  EXPECT_EQ(all["has_more"], false);
  const json page = json::parse(get(items + "?limit=2").body);
  EXPECT_EQ(page["data"][0], all["data"][2]);
  EXPECT_EQ(page["has_more"], true);
  const json rest = json::parse(get(items + "?limit=2&after=" + page["last_id"].get<std::string>()).body);
  EXPECT_EQ(rest["data"], json::array({all["data"][0]}));
  EXPECT_EQ(get(items + "?after=nobody").status, 400);

  EXPECT_EQ(json::parse(get("/v1/responses/" + id, "DELETE").body)["deleted"], true);
  EXPECT_EQ(get("/v1/responses/" + id).status, 404);
  EXPECT_EQ(get("/v1/responses/" + id, "DELETE").status, 404);
  EXPECT_EQ(get(items).status, 200) << "each is whole by itself";
  const auto gone =
      post("/v1/responses", R"({"model":"fake","input":"x","previous_response_id":")" + id + "\"}");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.json()["error"]["param"], "previous_response_id");
}

TEST_F(StoredResponsesTest, AStreamIsStoredBeforeItsLastEvent) {
  start();
  const auto stream = post("/v1/responses", R"({"model":"fake","input":"hi","stream":true})");
  const auto last = stream.body.rfind("data: ");
  const json completed = json::parse(stream.body.substr(last + 6));
  EXPECT_EQ(completed["type"], "response.completed");
  const std::string id = completed["response"]["id"];
  EXPECT_EQ(json::parse(get("/v1/responses/" + id).body), completed["response"]);
}

TEST_F(StoredResponsesTest, NothingIsStoredWhereNotAsked) {
  start();
  const json answer = respond(R"("input":"hi","store":false)");
  EXPECT_EQ(answer["store"], false);
  EXPECT_EQ(get("/v1/responses/" + answer["id"].get<std::string>()).status, 404);
  EXPECT_EQ(options.response_store->bytes(), 0u);
  EXPECT_EQ(get("/v1/responses/../lock").status, 404);
}

TEST_F(StoredResponsesTest, WhatCannotBeStoredIsAnError) {
  start();
  fs::remove_all(directory.path() / "responses");
  std::ofstream(directory.path() / "responses") << "a file in its place";
  const auto plain = post("/v1/responses", R"({"model":"fake","input":"hi"})");
  EXPECT_EQ(plain.status, 500);
  EXPECT_NE(plain.body.find("could not be stored"), std::string::npos);
  EXPECT_EQ(plain.body.find(directory.path().string()), std::string::npos);
  const auto stream = post("/v1/responses", R"({"model":"fake","input":"hi","stream":true})");
  EXPECT_NE(stream.body.find("response.failed"), std::string::npos);
  EXPECT_EQ(stream.body.find("response.completed"), std::string::npos);
  EXPECT_EQ(post("/v1/responses", R"({"model":"fake","input":"hi","store":false})").status, 200);
}

}  // namespace
}  // namespace hearth::server
