#include "crypto/token_uri.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/text.hpp"

namespace vouch::crypto {
namespace {

constexpr std::string_view kScheme = "pkcs11:";
constexpr std::size_t kMaxUri = 4096;
constexpr std::string_view kTypes[] = {"cert", "data", "private", "public", "secret-key"};

// The attributes that are plain text; id and slot-id are read apart.
struct Attribute {
  std::string_view name;
  std::string TokenUri::* member;
};
constexpr Attribute kPath[] = {
    {"token", &TokenUri::token},
    {"manufacturer", &TokenUri::manufacturer},
    {"model", &TokenUri::model},
    {"serial", &TokenUri::serial},
    {"slot-description", &TokenUri::slot_description},
    {"slot-manufacturer", &TokenUri::slot_manufacturer},
    {"library-description", &TokenUri::library_description},
    {"library-manufacturer", &TokenUri::library_manufacturer},
    {"library-version", &TokenUri::library_version},
    {"object", &TokenUri::object},
    {"type", &TokenUri::type},
};
constexpr Attribute kQuery[] = {
    {"module-path", &TokenUri::module_path},
    {"module-name", &TokenUri::module_name},
    {"pin-source", &TokenUri::pin_source},
};

const Attribute* find_attribute(std::span<const Attribute> known, std::string_view name) {
  const auto found = std::ranges::find(known, name, &Attribute::name);
  return found == known.end() ? nullptr : &*found;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
// RFC 3986 2.3, and what RFC 7512 2.3 lets stand: pk11-res-avail with & in the path, with / ? | in the query.
bool may_stand(char c, bool query) {
  return is_alphanumeric(c) ||
         std::string_view(query ? "-._~:[]@!$'()*+,=/?|" : "-._~:[]@!$'()*+,=&").contains(c);
}

Result<std::string> decoded(std::string_view name, std::string_view value, bool query) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '%') {
      // Blanks are what people forget to encode; they are told so rather than guessed at.
      if (!may_stand(value[i], query))
        return make_error(Errc::malformed, "'{}' must not stand in the value of {}", value[i], name)
            .with_hint("percent-encode it: a space is %20");
      out.push_back(value[i]);
      continue;
    }
    const int high = i + 2 < value.size() ? hex_digit(value[i + 1]) : -1;
    const int low = i + 2 < value.size() ? hex_digit(value[i + 2]) : -1;
    if (high < 0 || low < 0)
      return make_error(Errc::malformed, "the value of {} has a % without two hexadecimal digits", name);
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

Status read_path_attribute(TokenUri& uri, std::string_view name, std::string value) {
  if (name == "id") {
    uri.id = to_buffer(as_bytes(value));
    return ok();
  }
  if (value.contains('\0')) return make_error(Errc::malformed, "the value of {} has a NUL in it", name);
  if (name == "slot-id") {
    std::uint64_t number = 0;
    const char* end = value.data() + value.size();
    const auto [stop, failure] = std::from_chars(value.data(), end, number);
    if (failure != std::errc() || stop != end)
      return make_error(Errc::malformed, "slot-id '{}' is not a decimal number", value);
    uri.slot_id = number;
    return ok();
  }
  const Attribute* known = find_attribute(kPath, name);
  if (!known)
    return make_error(Errc::unsupported, "the path attribute '{}' is not known, so the URI names nothing",
                      name)
        .with_hint("known: token, manufacturer, model, serial, slot-id, object, id, type, library-*, slot-*");
  if (name == "type" && std::ranges::find(kTypes, value) == std::end(kTypes))
    return make_error(Errc::malformed, "type '{}' is none of cert, data, private, public, secret-key", value);
  uri.*known->member = std::move(value);
  return ok();
}

Status read_query_attribute(TokenUri& uri, std::string_view name, std::string value) {
  if (value.contains('\0')) return make_error(Errc::malformed, "the value of {} has a NUL in it", name);
  if (const Attribute* known = find_attribute(kQuery, name)) uri.*known->member = std::move(value);
  return ok();
}

using Read = Status (*)(TokenUri&, std::string_view, std::string);

Status read_attributes(TokenUri& uri, std::string_view part, bool query, Read read) {
  std::vector<std::string_view> seen;
  while (!part.empty()) {
    const auto end = std::min(part.find(query ? '&' : ';'), part.size());
    const std::string_view attribute = part.substr(0, end);
    part.remove_prefix(std::min(end + 1, part.size()));
    const auto equals = attribute.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return make_error(Errc::malformed, "'{}' is no attribute: name=value is expected", attribute);
    const std::string_view name = attribute.substr(0, equals);
    if (!std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; }))
      return make_error(Errc::malformed, "'{}' is no name of an attribute", name);
    if (name == "pin-value")
      return make_error(Errc::denied, "a PIN must not stand in a PKCS #11 URI (pin-value)")
          .with_hint(
              "write it into a file that only you can read: --pin-file FILE, or pin-source=/path/to/file");
    if (std::ranges::find(seen, name) != seen.end())
      return make_error(Errc::malformed, "the attribute {} stands twice", name);
    seen.push_back(name);
    std::string value = TRY(decoded(name, attribute.substr(equals + 1), query));
    // RFC 7512 has "serial=" in an example: such an attribute says nothing.
    if (!value.empty()) TRY(read(uri, name, std::move(value)));
  }
  return ok();
}

void print(std::string& out, std::size_t start, char separator, std::string_view name, std::string_view value,
           bool query, bool everything = false) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (value.empty()) return;
  // Values may end with a colon: whether this is the first attribute shows the length.
  if (out.size() != start) out.push_back(separator);
  out.append(name).push_back('=');
  for (const char c : value) {
    // Of what may stand, only what no shell takes for its own.
    const bool plain = is_alphanumeric(c) || std::string_view("-._~:@+,").contains(c) || (query && c == '/');
    if (plain && !everything) {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[octet >> 4]);
    out.push_back(kDigits[octet & 15]);
  }
}

}  // namespace

bool is_token_uri(std::string_view text) { return text.starts_with(kScheme); }

Result<TokenUri> parse_token_uri(std::string_view text) {
  if (!is_token_uri(text))
    return make_error(Errc::malformed, "'{}' is no PKCS #11 URI", text.substr(0, 40))
        .with_hint("such a URI starts with pkcs11: and names a token: pkcs11:token=NAME;object=KEY");
  if (text.size() > kMaxUri)
    return make_error(Errc::limit_exceeded, "the PKCS #11 URI has {} characters, at most {} are read",
                      text.size(), kMaxUri);
  const std::string_view rest = text.substr(kScheme.size());
  const auto mark = rest.find('?');
  TokenUri uri;
  TRY(read_attributes(uri, rest.substr(0, mark), false, read_path_attribute)
          .context("reading the PKCS #11 URI"));
  if (mark != std::string_view::npos)
    TRY(read_attributes(uri, rest.substr(mark + 1), true, read_query_attribute)
            .context("reading the query of the PKCS #11 URI"));
  return uri;
}

std::string format_token_uri(const TokenUri& uri) {
  std::string out(kScheme);
  for (const Attribute& a : kPath) {
    if (a.name == "slot-description" && uri.slot_id)
      print(out, kScheme.size(), ';', "slot-id", fmt::format("{}", *uri.slot_id), false);
    if (a.name == "type") print(out, kScheme.size(), ';', "id", as_text(uri.id), false, true);
    print(out, kScheme.size(), ';', a.name, uri.*a.member, false);
  }
  const bool query =
      std::ranges::any_of(kQuery, [&](const Attribute& a) { return !(uri.*a.member).empty(); });
  if (query) out.push_back('?');
  const std::size_t start = out.size();
  for (const Attribute& a : kQuery) print(out, start, '&', a.name, uri.*a.member, true);
  return out;
}

std::string describe_token(const TokenUri& uri) {
  if (!uri.token.empty()) return fmt::format("token '{}'", uri.token);
  if (!uri.serial.empty()) return fmt::format("the token with serial number {}", uri.serial);
  if (uri.slot_id) return fmt::format("the token in slot {}", *uri.slot_id);
  return "the token";
}

}  // namespace vouch::crypto
