#include "cli/scep_pending.hpp"

#include <algorithm>
#include <array>

#include "base/value.hpp"

namespace vouch::cli {
namespace {

namespace scep = enroll::scep;
using crypto::ContentCipher, crypto::KeyTransport, scep::Transport;

constexpr std::int64_t kVersion = 1;

template <class T>
struct Named {
  std::string_view name;
  T value;
};
constexpr std::array kCiphers = {Named<ContentCipher>{"aes128", ContentCipher::aes128_cbc},
                                 Named<ContentCipher>{"aes192", ContentCipher::aes192_cbc},
                                 Named<ContentCipher>{"aes256", ContentCipher::aes256_cbc},
                                 Named<ContentCipher>{"des3", ContentCipher::des_ede3_cbc},
                                 Named<ContentCipher>{"des", ContentCipher::des_cbc}};
constexpr std::array kKeyTransports = {Named<KeyTransport>{"pkcs1", KeyTransport::rsa_pkcs1},
                                       Named<KeyTransport>{"oaep-sha1", KeyTransport::rsa_oaep_sha1},
                                       Named<KeyTransport>{"oaep-sha256", KeyTransport::rsa_oaep_sha256}};
constexpr std::array kTransports = {Named<Transport>{"by-capabilities", Transport::by_capabilities},
                                    Named<Transport>{"get", Transport::get},
                                    Named<Transport>{"post", Transport::post}};

template <class Table>
auto value_of(const Table& table, std::string_view name, std::string_view what)
    -> Result<decltype(table.front().value)> {
  const auto found = std::ranges::find(table, name, [](const auto& row) { return row.name; });
  if (found != table.end()) return found->value;
  std::string names;
  for (const auto& row : table) names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
  return make_error(Errc::usage, "{} is one of {}, not '{}'", what, names, name);
}

template <class Table, class T>
std::string name_in(const Table& table, const T& value) {
  return std::string(std::ranges::find(table, value, [](const auto& row) { return row.value; })->name);
}

// Reads members of the file; the first that is missing or of another kind ends it.
class Members {
 public:
  explicit Members(const Value& value) : value_(value) {}
  Result<std::string> text(std::string_view key) const {
    const Value* found = value_.find(key);
    if (found == nullptr || found->text() == nullptr)
      return make_error(Errc::malformed, "'{}' is missing, or no text", key);
    return *found->text();
  }
  Result<Buffer> octets(std::string_view key) const {
    return from_base64(TRY(text(key))).context("reading '{}'", key);
  }
  Result<std::vector<Buffer>> list(std::string_view key) const {
    const Value* found = value_.find(key);
    if (found == nullptr || found->list_items() == nullptr)
      return make_error(Errc::malformed, "'{}' is missing, or no list", key);
    std::vector<Buffer> out;
    for (const Value& item : *found->list_items()) {
      if (item.text() == nullptr) return make_error(Errc::malformed, "an item of '{}' is no text", key);
      out.push_back(TRY(from_base64(*item.text()).context("reading '{}'", key)));
    }
    return out;
  }

 private:
  const Value& value_;
};

}  // namespace

Result<ContentCipher> cipher_from_name(std::string_view name) { return value_of(kCiphers, name, "a cipher"); }
Result<KeyTransport> key_transport_from_name(std::string_view name) {
  return value_of(kKeyTransports, name, "a key transport");
}

std::string encode(const ScepPending& pending) {
  Value signers = Value::list();
  for (const Buffer& der : pending.signers) signers.push(to_base64(der));
  Value out;
  out.set("vouch_scep_pending", kVersion).set("url", pending.url).set("transaction", pending.transaction);
  out.set("key_file", pending.key_file).set("signing_key_file", pending.signing_key_file);
  out.set("signing_certificate", to_base64(pending.signing_certificate));
  out.set("subject", to_base64(pending.subject)).set("issuer", to_base64(pending.issuer));
  out.set("encryption", to_base64(pending.encryption)).set("signers", std::move(signers));
  out.set("out", pending.out).set("cipher", name_in(kCiphers, pending.cipher));
  out.set("key_transport", name_in(kKeyTransports, pending.key_transport));
  out.set("digest", pending.digest ? Value(x509::to_string(*pending.digest)) : Value(""));
  out.set("transport", name_in(kTransports, pending.transport));
  return to_json(out) + "\n";
}

Result<ScepPending> parse_scep_pending(std::string_view text) {
  const Value value = TRY(parse_json(text));
  const Value* version = value.find("vouch_scep_pending");
  if (version == nullptr || version->integer() == nullptr)
    return make_error(Errc::malformed, "this is no state of an enrolment")
        .with_hint("vouch scep enroll --state FILE writes one when a request is pending");
  if (*version->integer() != kVersion)
    return make_error(Errc::unsupported, "the state is of version {}, this program knows {}",
                      *version->integer(), kVersion);
  const Members members(value);
  ScepPending out;
  out.url = TRY(members.text("url"));
  out.transaction = TRY(members.text("transaction"));
  out.key_file = TRY(members.text("key_file"));
  out.signing_key_file = TRY(members.text("signing_key_file"));
  out.signing_certificate = TRY(members.octets("signing_certificate"));
  out.subject = TRY(members.octets("subject"));
  out.issuer = TRY(members.octets("issuer"));
  out.encryption = TRY(members.octets("encryption"));
  out.signers = TRY(members.list("signers"));
  out.out = TRY(members.text("out"));
  out.cipher = TRY(cipher_from_name(TRY(members.text("cipher"))));
  out.key_transport = TRY(key_transport_from_name(TRY(members.text("key_transport"))));
  if (const std::string digest = TRY(members.text("digest")); !digest.empty())
    out.digest = TRY(crypto::digest_from_name(digest));
  out.transport = TRY(value_of(kTransports, TRY(members.text("transport")), "a transport"));
  return out;
}

}  // namespace vouch::cli
