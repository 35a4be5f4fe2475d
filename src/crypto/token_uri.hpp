#pragma once
// PKCS #11 URIs (RFC 7512): which token, which object on it, by which module, and where its PIN is.
//
//   pkcs11:token=CA%20keys;object=Example%20Root;id=%01%ab?module-path=/usr/lib/softhsm/libsofthsm2.so

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace vouch::crypto {

// Decoded. An attribute that is empty says nothing: anything matches.
struct TokenUri {
  // Of the token.
  std::string token, manufacturer, model, serial;
  // Of the slot and of the library.
  std::optional<std::uint64_t> slot_id;
  std::string slot_description, slot_manufacturer;
  std::string library_description, library_manufacturer, library_version;
  // Of the object. `type` is cert, data, private, public or secret-key.
  std::string object, type;
  Buffer id;
  // The query: how to get there. No part of the object's name.
  std::string module_path, module_name, pin_source;
  bool operator==(const TokenUri&) const = default;
};

bool is_token_uri(std::string_view text);  // by its scheme

// Fails with `malformed`, `limit_exceeded` above 4,096 characters, `unsupported` for path attributes that
// are not known (RFC 7512 2.5: such a URI names nothing), and `denied` for pin-value: a PIN in a URI ends up
// in arguments, files and logs. Unknown query attributes are ignored, as the RFC asks.
Result<TokenUri> parse_token_uri(std::string_view text);
// Normal form: attributes in the order above, `id` wholly percent-encoded.
std::string format_token_uri(const TokenUri& uri);

// How people are told of a token: "token 'CA keys'", or what else the URI says about it.
std::string describe_token(const TokenUri& uri);

}  // namespace vouch::crypto
