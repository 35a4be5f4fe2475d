#include "net/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vouch::net {
namespace {

Address at(std::string_view text) { return Address::parse(text).value(); }

TEST(Address, ReadsWhatProxiesWrite) {
  EXPECT_EQ(at("192.0.2.1").text(), "192.0.2.1");
  EXPECT_EQ(at("192.0.2.1:8080").port(), 8080);
  EXPECT_EQ(at("2001:DB8:0::1").text(), "2001:db8::1");
  EXPECT_EQ(at("[2001:db8::1]:443").port(), 443);
  EXPECT_EQ(at("::ffff:192.0.2.1"), at("192.0.2.1"));
  for (const char* bad : {"", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "[::1", "[::1]x", "[::1]:99999",
                          "1.2.3.4:", "::1%eth0"})
    EXPECT_FALSE(Address::parse(bad)) << bad;
}

TEST(Address, Loopback) {
  EXPECT_TRUE(at("127.1.2.3").is_loopback());
  EXPECT_TRUE(at("::1").is_loopback());
  EXPECT_FALSE(at("128.0.0.1").is_loopback());
  EXPECT_FALSE(Address().is_loopback());
}

TEST(Address, AHostOfIpv6IsItsNetwork) {
  EXPECT_EQ(at("2001:db8:1:2:3::4").site(), at("2001:db8:1:2:ffff::").site());
  EXPECT_NE(at("2001:db8:1:2::1").site(), at("2001:db8:1:3::1").site());
  EXPECT_NE(at("192.0.2.1").site(), at("192.0.2.2").site());
}

TEST(Network, Contains) {
  const auto contains = [](std::string_view network, std::string_view address) {
    return Network::parse(network).value().contains(at(address));
  };
  EXPECT_TRUE(contains("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(contains("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.100"));
  EXPECT_TRUE(contains("0.0.0.0/0", "8.8.8.8"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  for (const char* bad :
       {"192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/-1", "/8", "192.0.2.1:80/24"})
    EXPECT_FALSE(Network::parse(bad)) << bad;
}

TrustedProxies proxies(ProxyField field) {
  return {{Network::parse("10.0.0.0/8").value(), Network::parse("2001:db8::/32").value()}, field};
}

std::string client(std::string_view peer, std::vector<std::string_view> values,
                   ProxyField field = ProxyField::x_forwarded_for) {
  return client_address(at(peer), values, proxies(field)).text();
}

TEST(ClientAddress, OnlyTrustedProxiesAreBelieved) {
  EXPECT_EQ(client("203.0.113.9", {"192.0.2.1"}), "203.0.113.9");
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {}), "10.0.0.1");
}

TEST(ClientAddress, IsReadFromTheRight) {
  // The left part is what the client wrote itself.
  EXPECT_EQ(client("10.0.0.1", {"127.0.0.1, 192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"127.0.0.1, 192.0.2.1, 10.0.0.2"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"127.0.0.1", "192.0.2.1", "10.0.0.2 ,10.0.0.3"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"10.0.0.7"}), "10.0.0.7");
}

TEST(ClientAddress, EndsWhereItCannotBeRead) {
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1, unknown"}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1, bad, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client("10.0.0.1", {""}), "10.0.0.1");
}

// The examples of RFC 7239 section 4.
TEST(ClientAddress, Forwarded) {
  const auto f = ProxyField::forwarded;
  EXPECT_EQ(client("10.0.0.1", {"for=\"_gazonk\""}, f), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"For=\"[2001:db9:cafe::17]:4711\""}, f), "2001:db9:cafe::17");
  EXPECT_EQ(client("10.0.0.1", {"for=192.0.2.60;proto=http;by=203.0.113.43"}, f), "192.0.2.60");
  EXPECT_EQ(client("10.0.0.1", {"for=192.0.2.43, for=10.2.2.2"}, f), "192.0.2.43");
}

}  // namespace
}  // namespace vouch::net
