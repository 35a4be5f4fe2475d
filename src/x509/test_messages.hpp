#pragma once
// What the tests of messages share: the files of testdata/x509/messages, and damage done to them.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/pem.hpp"

namespace vouch::x509 {

inline Buffer test_file(const std::string& name) {
  std::ifstream in("testdata/x509/messages/" + name, std::ios::binary);
  Buffer octets(std::istreambuf_iterator<char>(in), {});
  EXPECT_FALSE(octets.empty()) << "testdata/x509/messages/" << name << " cannot be read";
  return octets;
}

// The DER of a file that is PEM or DER.
inline Buffer test_der(const std::string& name) {
  const Buffer octets = test_file(name);
  if (!name.ends_with(".pem")) return octets;
  auto blocks = parse_pem(as_text(octets));
  EXPECT_TRUE(blocks && blocks->size() == 1) << name;
  return blocks && !blocks->empty() ? blocks->front().der : Buffer();
}

// openssl req -x509 -addext with subjectAltName=@san: DNS.1=www.example.com, DNS.2=*.example.com,
// IP.1=192.0.2.1, IP.2=2001:db8::1, email=alice@example.com, URI=https://example.com/a, RID=1.2.3.4,
// dirName=dirn (C=DE, O="Contoso, Ltd"), otherName.1=1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.example,
// otherName.2=1.3.6.1.5.2.2;SEQUENCE:krb (realm=EXPLICIT:0,GeneralString:CORP.EXAMPLE, …)
inline const char* const kOpensslNames =
    "3081e5820f7777772e6578616d706c652e636f6d820d2a2e6578616d706c652e636f6d8704c0000201871020010db80000000000"
    "00000000"
    "0000018111616c696365406578616d706c652e636f6d861568747470733a2f2f6578616d706c652e636f6d2f6188032a0304a426"
    "3024310b"
    "300906035504061302444531153013060355040a0c0c436f6e746f736f2c204c7464a022060a2b060104018237140203a0140c12"
    "616c6963"
    "6540636f72702e6578616d706c65a03006062b0601050202a0263024a00e1b0c434f52502e4558414d504c45a1123010a0030201"
    "01a10930"
    "071b05616c696365";

inline Buffer hex(std::string_view text) { return from_hex(text).value(); }

// `der` with the first `from` replaced by `to`, which must be of the same length.
inline Buffer replaced(Buffer der, Bytes from, Bytes to) {
  const auto found = std::search(der.begin(), der.end(), from.begin(), from.end());
  EXPECT_TRUE(found != der.end() && from.size() == to.size());
  if (found != der.end()) std::copy(to.begin(), to.end(), found);
  return der;
}

}  // namespace vouch::x509
