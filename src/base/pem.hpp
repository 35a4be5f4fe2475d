#pragma once
// PEM (RFC 7468): labelled base64 between BEGIN and END lines.

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace vouch {

struct PemBlock {
  std::string label;  // "CERTIFICATE"
  Buffer der;
};

// All blocks of a text in order; text between them is skipped, as RFC 7468 section 2 allows.
// Fails with `malformed`, naming the line, when a block has no end, a wrong end or bad base64.
Result<std::vector<PemBlock>> parse_pem(std::string_view text);

// One block, 64 characters a line.
std::string to_pem(std::string_view label, Bytes der);

// True when the octets start like PEM ("-----BEGIN" after optional text) rather than DER.
bool looks_like_pem(Bytes octets);

// The blocks of an input that is PEM or DER, told apart by content: DER gives one block with
// `label_of_der`. Blocks whose label is not one of `labels` are skipped; none left is `malformed`,
// with a message that names what was found instead.
Result<std::vector<PemBlock>> pem_or_der(Bytes octets, std::string_view label_of_der,
                                         std::initializer_list<std::string_view> labels);

}  // namespace vouch
