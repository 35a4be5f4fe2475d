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

inline Buffer hex(std::string_view text) { return from_hex(text).value(); }

// `der` with the first `from` replaced by `to`, which must be of the same length.
inline Buffer replaced(Buffer der, Bytes from, Bytes to) {
  const auto found = std::search(der.begin(), der.end(), from.begin(), from.end());
  EXPECT_TRUE(found != der.end() && from.size() == to.size());
  if (found != der.end()) std::copy(to.begin(), to.end(), found);
  return der;
}

}  // namespace vouch::x509
