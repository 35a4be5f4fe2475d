#pragma once
// What an extension says, in words. Internal to this room: print.cpp makes tables and text of it.

#include <string>
#include <vector>

#include "x509/extensions.hpp"

namespace vouch::x509 {

// Text that may go to a terminal: control characters, characters that turn the writing direction, and
// octets that are no UTF-8 become \XX for each octet, as RFC 4514 writes them. Everything else, the
// backslash too, stays as it is.
std::string printable_text(std::string_view text);

// "Key usage", "Subject alternative names", …; the name or the numbers of an OID that has no label.
std::string extension_label(const Oid& id);

// One text for each thing that the extension says ("digitalSignature", "DNS:www.example.com"). Values of
// extensions that this project does not know are "#" and hex. Fails as the extension's parser does.
Result<std::vector<std::string>> extension_values(const ExtensionView& extension);

}  // namespace vouch::x509
