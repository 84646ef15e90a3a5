#include "server/network/client_address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/error.h"

namespace hearth::server {
namespace {

using boost::asio::ip::make_address;

std::string found(const std::string& peer, const std::string& forwarded_for,
                  const std::vector<std::string>& trusted) {
  std::optional<boost::asio::ip::address> address;
  if (!peer.empty()) address = make_address(peer);
  const auto client = client_address(address, forwarded_for, TrustedProxies(trusted));
  return client ? client->to_string() : "";
}

TEST(ClientAddress, AUnixSocketsPeerIsAProxyOfThisMachine) {
  EXPECT_EQ(found("", "", {}), "");
  EXPECT_EQ(found("", "nonsense", {}), "");
  EXPECT_EQ(found("", "192.0.2.1", {}), "192.0.2.1");
  EXPECT_EQ(found("", "198.51.100.7, 192.0.2.1", {}), "192.0.2.1");
  EXPECT_EQ(found("", "198.51.100.7, 192.0.2.1", {"192.0.2.0/24"}), "198.51.100.7");
}

TEST(ClientAddress, WithoutTrustedProxiesThePeerIsTheClient) {
  EXPECT_EQ(found("127.0.0.1", "192.0.2.1", {}), "127.0.0.1");
  EXPECT_EQ(found("10.0.0.1", "192.0.2.1", {"10.0.0.2"}), "10.0.0.1");
}

TEST(ClientAddress, TheLastAddressThatIsNoProxysIsTheClients) {
  const std::vector<std::string> trusted = {"10.0.0.0/8", "2001:db8:1::/48"};
  EXPECT_EQ(found("10.1.2.3", "192.0.2.1", trusted), "192.0.2.1");
  EXPECT_EQ(found("10.1.2.3", "192.0.2.9, 192.0.2.1 , 10.9.9.9", trusted), "192.0.2.1");
  EXPECT_EQ(found("10.1.2.3", "10.0.0.5, 10.0.0.6", trusted), "10.0.0.5");
  EXPECT_EQ(found("2001:db8:1::7", "2001:db8:2::1", trusted), "2001:db8:2::1");
  EXPECT_EQ(found("10.1.2.3", "192.0.2.1:4711", trusted), "192.0.2.1");
  EXPECT_EQ(found("10.1.2.3", "[2001:db8:2::1]:4711", trusted), "2001:db8:2::1");
}

TEST(ClientAddress, WhatCannotBeReadEndsTheWayBack) {
  for (const std::string bad : {"unknown", "_hidden", "", ",", "[", "]", "[]", "1.2.3", "1.2.3.4.5", "::1::"})
    EXPECT_EQ(found("10.0.0.1", "192.0.2.1, " + bad, {"10.0.0.0/8"}), "10.0.0.1") << bad;
  EXPECT_EQ(found("10.0.0.1", "192.0.2.1, nonsense, 10.0.0.2", {"10.0.0.0/8"}), "10.0.0.2");
}

TEST(TrustedProxies, NetworksEndWhereTheirPrefixDoes) {
  const TrustedProxies trusted({"192.0.2.128/25", "198.51.100.7", "2001:db8::/33", "::1"});
  for (const char* inside :
       {"192.0.2.128", "192.0.2.255", "198.51.100.7", "2001:db8:7fff::1", "::1", "::ffff:192.0.2.130"})
    EXPECT_TRUE(trusted.contains(make_address(inside))) << inside;
  for (const char* outside : {"192.0.2.127", "192.0.3.128", "198.51.100.8", "2001:db8:8000::1", "::2"})
    EXPECT_FALSE(trusted.contains(make_address(outside))) << outside;
  EXPECT_TRUE(TrustedProxies({"0.0.0.0/0"}).contains(make_address("203.0.113.1")));
  EXPECT_FALSE(TrustedProxies({"0.0.0.0/0"}).contains(make_address("2001:db8::1")));
  EXPECT_EQ(static_cast<std::vector<std::string>>(trusted).front(), "192.0.2.128/25");
}

TEST(TrustedProxies, WhatIsNoNetworkIsRefusedByName) {
  for (const std::string bad : {"", "proxy.example", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x",
                                "::/129", "10.0.0.0/8/8", "10.0.0/8"}) {
    try {
      TrustedProxies({"10.0.0.1", bad});
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find("`" + bad + "`"), std::string::npos) << error.message();
    }
  }
}

TEST(ClientAddress, APeerIsNamedByItsAddressOrItsNetwork) {
  EXPECT_EQ(name_of_client(make_address("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(name_of_client(make_address("::ffff:192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(name_of_client(make_address("2001:db8:1:2:3::4")),
            name_of_client(make_address("2001:db8:1:2::9")));
  EXPECT_NE(name_of_client(make_address("2001:db8:1:2::1")), name_of_client(make_address("2001:db8:1:3::1")));
}

TEST(ClientAddress, AUnixSocketHasNone) {
  sockaddr_un unix_peer{};
  unix_peer.sun_family = AF_UNIX;
  EXPECT_FALSE(address_of(reinterpret_cast<const sockaddr*>(&unix_peer), sizeof unix_peer));
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_addr.s_addr = htonl(0xC0000201);
  EXPECT_EQ(address_of(reinterpret_cast<const sockaddr*>(&peer), sizeof peer)->to_string(), "192.0.2.1");
  EXPECT_FALSE(address_of(reinterpret_cast<const sockaddr*>(&peer), sizeof(sa_family_t)));
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xFF;
  mapped.sin6_addr.s6_addr[15] = 9;
  EXPECT_EQ(address_of(reinterpret_cast<const sockaddr*>(&mapped), sizeof mapped)->to_string(), "0.0.0.9");
}

}  // namespace
}  // namespace hearth::server
