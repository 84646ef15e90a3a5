// TLS over a real socket: what is agreed on, wrong files, new certificates, clients that speak no TLS.
#include <gtest/gtest.h>

#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>

#include "server/network/tls.h"
#include "server/server_fixture.h"
#include "server/test_certificate.h"
#include "support/temporary_directory.h"

namespace hearth::server {
namespace {

using namespace std::chrono_literals;
namespace ssl = boost::asio::ssl;

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, const std::string& protocols = {}, int version = 0)
      : stream_(io_, context_) {
    stream_.next_layer().connect({boost::asio::ip::make_address("127.0.0.1"), port});
    const timeval limit{20, 0};
    ::setsockopt(stream_.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SSL* const session = stream_.native_handle();
    SSL_set_alpn_protos(session, reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
    if (version != 0) {
      SSL_set_security_level(session, 0);
      SSL_set_min_proto_version(session, version);
      SSL_set_max_proto_version(session, version);
    }
    stream_.handshake(ssl::stream_base::client, error_);
  }

  bool connected() const { return !error_; }
  SSL* session() { return stream_.native_handle(); }
  std::string subject() {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(session()), &X509_free);
    char name[100] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name, sizeof name);
    return name;
  }
  void send(std::string_view bytes) {
    boost::asio::write(stream_, boost::asio::buffer(bytes.data(), bytes.size()), error_);
  }
  void get(const std::string& path, const std::string& rest = {}) {
    send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + rest + "\r\n");
  }
  void stream(const std::string& model) {
    const std::string body = R"({"model":")" + model + R"(","stream":true,"prompt":"x"})";
    send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  // As far as `end`, or all there is.
  std::string read_to(std::string_view end) {
    std::string all;
    boost::asio::read_until(stream_, boost::asio::dynamic_buffer(all), std::string(end), error_);
    return all;
  }
  std::string read_all() {
    std::string all;
    boost::asio::read(stream_, boost::asio::dynamic_buffer(all), error_);
    return all;
  }
  // The server said that nothing more comes: nobody cut it short.
  bool ended_properly() const { return error_ == boost::asio::error::eof; }

 private:
  boost::asio::io_context io_;
  ssl::context context_{ssl::context::tls_client};
  ssl::stream<boost::asio::ip::tcp::socket> stream_;
  boost::system::error_code error_;
};

class TlsTest : public ServerFixture {
 protected:
  TlsTest() {
    models.add("fake");
    options.live.tls = make_certificate(folder.path(), "first");
  }

  test::TemporaryDirectory folder;
};

TEST_F(TlsTest, ServesTheSameOverTlsAndEndsProperly) {
  start();
  EXPECT_TRUE(server->address().starts_with("https://"));
  TlsClient one(server->port(), std::string("\x02h2\x08http/1.1", 12));
  ASSERT_TRUE(one.connected());
  EXPECT_STREQ(SSL_get_version(one.session()), "TLSv1.3");
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(one.session(), &protocol, &length);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(protocol), length), "http/1.1");
  one.stream("fake");
  EXPECT_NE(one.read_to("\r\n0\r\n\r\n").find("data: [DONE]"), std::string::npos);
  one.get("/web/page.css", "Connection: close\r\n");
  const std::string page = one.read_all();
  EXPECT_TRUE(page.starts_with("HTTP/1.1 ")) << page;
  EXPECT_TRUE(one.ended_properly());
}

TEST_F(TlsTest, APageThatCameInClearIsOfAnotherOrigin) {
  start();
  const std::string here = "localhost:" + std::to_string(server->port());
  const auto status = [&](const std::string& headers) {
    TlsClient one(server->port());
    one.send("GET /health HTTP/1.1\r\nConnection: close\r\n" + headers + "\r\n");
    return one.read_all().substr(9, 3);
  };
  EXPECT_EQ(status("Host: " + here + "\r\nOrigin: https://" + here + "\r\n"), "200");
  EXPECT_EQ(status("Host: " + here + "\r\nOrigin: http://" + here + "\r\n"), "403");
  EXPECT_EQ(status("Host: localhost\r\nOrigin: https://localhost\r\n"), "200");
  EXPECT_EQ(status("Host: localhost\r\nOrigin: http://localhost\r\n"), "403");
  EXPECT_EQ(status("Host: localhost:80\r\nOrigin: http://localhost\r\n"), "403");
}

TEST_F(TlsTest, TheLeastVersionIs12WithForwardSecrecy) {
  start();
  TlsClient older(server->port(), {}, TLS1_2_VERSION);
  ASSERT_TRUE(older.connected());
  EXPECT_TRUE(std::string(SSL_get_cipher(older.session())).starts_with("ECDHE-"));
  EXPECT_FALSE(TlsClient(server->port(), {}, TLS1_1_VERSION).connected());
  EXPECT_FALSE(TlsClient(server->port(), std::string("\x02h2", 3)).connected());
}

TEST_F(TlsTest, StrictTransportSecurityIsSaidBeyondThisMachineAndOverTlsAlone) {
  start();
  TlsClient here(server->port());
  here.get("/health", "Connection: close\r\n");
  EXPECT_EQ(here.read_all().find("Strict-Transport-Security"), std::string::npos);
  options.host = "0.0.0.0";
  options.allow_unauthenticated = true;
  start();
  TlsClient one(server->port());
  one.get("/health", "Connection: close\r\n");
  const std::string answer = one.read_all();
  EXPECT_NE(answer.find("\r\nStrict-Transport-Security: max-age=31536000\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\nReferrer-Policy: no-referrer\r\n"), std::string::npos);
  TestClient plain = client();
  plain.get("/health");
  EXPECT_FALSE(plain.receive().headers.contains("strict-transport-security"));
}

TEST_F(TlsTest, PlainHttpIsToldAndWhatIsNeitherIsClosed) {
  start();
  TestClient plain = client();
  plain.get("/health");
  const ClientResponse told = plain.receive();
  EXPECT_EQ(told.status, 400);
  EXPECT_EQ(told.json()["error"]["code"], "https_required");
  EXPECT_TRUE(plain.at_end());
  TestClient nonsense = client();
  nonsense.send(std::string(1000, '\xff'));
  EXPECT_TRUE(nonsense.at_end());
  EXPECT_TRUE(soon([&] { return server->connections() == 0; }));
}

TEST_F(TlsTest, AHandshakeHasALimitAndDoesNotHoldUpTheEnd) {
  options.live.limits.handshake_time = 100ms;
  start();
  TestClient silent = client();
  EXPECT_TRUE(silent.at_end());
  options.live.limits.handshake_time = 1h;
  options.live.limits.drain_time = 1h;
  start();
  TestClient another = client();
  ASSERT_TRUE(soon([&] { return server->connections() == 1; }));
  server->stop();
  EXPECT_TRUE(another.at_end());
}

TEST_F(TlsTest, TooManyConnectionsAreTold) {
  options.live.limits.connections = 1;
  start();
  TlsClient first(server->port());
  TlsClient second(server->port());
  ASSERT_TRUE(second.connected());
  EXPECT_TRUE(second.read_all().starts_with("HTTP/1.1 503 "));
  first.get("/health", "Connection: close\r\n");
  EXPECT_TRUE(first.read_all().starts_with("HTTP/1.1 200 "));
}

TEST_F(TlsTest, NewConnectionsGetTheNewCertificateAndStreamsGoOn) {
  const auto endless = models.add("endless", {.pieces = {"a"}, .pace = 2ms, .endless = true});
  start();
  TlsClient running(server->port());
  running.stream("endless");
  ASSERT_TRUE(soon([&] { return endless->steps() > 2; }));
  const TlsFiles second = make_certificate(folder.path(), "second");
  std::filesystem::copy_file(second.certificate, options.live.tls.certificate,
                             std::filesystem::copy_options::overwrite_existing);
  // Half of a change is none.
  EXPECT_THROW(server->replace_options(options.live), Error);
  EXPECT_EQ(TlsClient(server->port()).subject(), "first");
  std::filesystem::copy_file(second.key, options.live.tls.key,
                             std::filesystem::copy_options::overwrite_existing);
  server->replace_options(options.live);
  EXPECT_EQ(TlsClient(server->port()).subject(), "second");
  EXPECT_EQ(running.subject(), "first");
  const int before = endless->steps();
  EXPECT_TRUE(soon([&] { return endless->steps() > before + 10; }));
  EXPECT_NE(running.read_to("\"text\":\"a").find("\"text\":\"a"), std::string::npos);
}

TEST_F(TlsTest, AReaderThatTakesNothingIsCutOff) {
  options.live.limits.stalled_write_time = 200ms;
  const auto endless = models.add("endless", {.pieces = {std::string(100'000, 'x')}, .endless = true});
  start();
  TlsClient stalled(server->port());
  stalled.stream("endless");
  EXPECT_TRUE(soon([&] { return endless->steps() > 0; }));
  EXPECT_TRUE(soon([&] { return endless->running() == 0; }));
  EXPECT_TRUE(soon([&] { return server->connections() == 0; }));
}

// The message names the file, the hint says what to do, the field is the option's.
void expect_refused(const TlsFiles& files, const std::filesystem::path& named, const std::string& field) {
  try {
    TlsContext::load(files);
    FAIL() << "not refused: " << named;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
    EXPECT_NE(error.message().find(named.string()), std::string::npos) << error.what();
    EXPECT_FALSE(error.hint().empty());
    EXPECT_EQ(error.field(), field);
  }
}

TEST_F(TlsTest, FilesThatCannotBeUsedAreNamed) {
  const TlsFiles good = options.live.tls, other = make_certificate(folder.path(), "other");
  EXPECT_NE(TlsContext::load(good), nullptr);
  EXPECT_EQ(TlsContext::load({}), nullptr);
  const auto file = [&](const std::string& name, const std::string& content) {
    write_file_atomically(folder.path() / name, content);
    return folder.path() / name;
  };
  const auto missing = folder.path() / "missing", empty = file("empty", ""), words = file("words", "hello");
  const std::string certificate = read_file(good.certificate), key = read_file(good.key);
  for (const auto& bad : {missing, empty, words, good.key, folder.path()})
    expect_refused({bad, good.key}, bad, "tls-certificate");
  for (const auto& bad : {missing, empty, words, good.certificate, other.key})
    expect_refused({good.certificate, bad}, bad, "tls-key");
  for (std::size_t length = 0; length < certificate.size() - 1; length += 7) {
    const auto cut = file("cut", certificate.substr(0, length));
    expect_refused({cut, good.key}, cut, "tls-certificate");
  }
  const auto damaged = file("damaged", certificate + certificate.substr(0, certificate.size() / 2));
  expect_refused({damaged, good.key}, damaged, "tls-certificate");
  EXPECT_NE(TlsContext::load({file("chain", certificate + read_file(other.certificate)), good.key}), nullptr);
  expect_refused({good.certificate, {}}, "certificate", "tls-key");
  expect_refused({{}, good.key}, "certificate", "tls-certificate");
}

TEST_F(TlsTest, AKeyUnderAPasswordIsRefusedWithoutAsking) {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  char password[] = "secret";
  const auto path = folder.path() / "locked.key";
  write_file_atomically(path, pem_of([&](BIO* to) {
                          PEM_write_bio_PrivateKey(to, key.get(), EVP_aes_256_cbc(), nullptr, 0, nullptr,
                                                   password);
                        }));
  expect_refused({options.live.tls.certificate, path}, path, "tls-key");
}

}  // namespace
}  // namespace hearth::server
