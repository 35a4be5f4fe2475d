#include "relying/gateway/question.hpp"

#include <algorithm>

#include <fmt/ranges.h>

#include "base/pem.hpp"
#include "base/text.hpp"
#include "base/value.hpp"
#include "net/url.hpp"

namespace vouch::relying {
namespace {

using validate::Purpose;

Result<std::vector<Buffer>> certificates_in_pem(std::string_view text) {
  std::vector<Buffer> certificates;
  for (PemBlock& block : TRY(parse_pem(text))) {
    if (block.label != "CERTIFICATE")
      return make_error(Errc::malformed, "PEM of a {} where a certificate is wanted", block.label);
    if (certificates.size() == kMostCertificates)
      return make_error(Errc::limit_exceeded, "more than {} certificates", kMostCertificates);
    certificates.push_back(std::move(block.der));
  }
  if (certificates.empty()) return make_error(Errc::malformed, "no PEM certificate in it");
  return certificates;
}

// The one field of that name; empty when there is none.
Result<std::string_view> only_field(const net::Request& request, std::string_view name) {
  if (request.count(name) > 1)
    return make_error(Errc::malformed, "the field {} stands there twice", name)
        .with_hint("the proxy has to replace what a client sends, not to add to it");
  return request.field(name);
}

// ---- nginx
// ---------------------------------------------------------------------------------------------------------

Result<std::vector<Buffer>> from_nginx(const net::Request& request) {
  const auto value = TRY(only_field(request, "X-Client-Cert"));
  if (value.empty()) return std::vector<Buffer>();
  return certificates_in_pem(TRY(net::percent_decode(value)));
}

// ---- Envoy
// ---------------------------------------------------------------------------------------------------------

// key=value pairs with semicolons between; values may stand in quotes, where a backslash takes the next
// character as it is. A comma begins the element of the next hop.
class ForwardedReader {
 public:
  explicit ForwardedReader(std::string_view text) : rest_(text) {}
  bool at_end() const { return rest_.empty(); }

  Result<std::pair<std::string_view, std::string>> next() {
    const auto equals = rest_.find('=');
    if (equals == std::string_view::npos)
      return make_error(Errc::malformed, "a part without '=' in X-Forwarded-Client-Cert");
    const std::string_view key = trimmed(rest_.substr(0, equals));
    rest_.remove_prefix(equals + 1);
    std::string value = TRY(rest_.starts_with('"') ? quoted() : plain());
    if (rest_.starts_with(','))
      return make_error(Errc::malformed, "X-Forwarded-Client-Cert has several hops")
          .with_hint("let Envoy write its own alone: forward_client_cert_details: SANITIZE_SET");
    if (!rest_.empty()) {
      if (!rest_.starts_with(';'))
        return make_error(Errc::malformed, "X-Forwarded-Client-Cert cannot be read after {}", key);
      rest_.remove_prefix(1);
    }
    return std::pair(key, std::move(value));
  }

 private:
  Result<std::string> plain() {
    const auto end = std::min(rest_.find_first_of(";,"), rest_.size());
    std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return value;
  }
  Result<std::string> quoted() {
    rest_.remove_prefix(1);
    std::string value;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\' && !rest_.empty()) {
        value += rest_.front();
        rest_.remove_prefix(1);
        continue;
      }
      value += c;
    }
    return make_error(Errc::malformed, "a quote without end in X-Forwarded-Client-Cert");
  }
  std::string_view rest_;
};

Result<std::vector<Buffer>> from_envoy(const net::Request& request) {
  const auto value = TRY(only_field(request, "X-Forwarded-Client-Cert"));
  std::string certificate, chain;
  for (ForwardedReader reader(value); !reader.at_end();) {
    auto [key, text] = TRY(reader.next());
    if (key == "Cert")
      certificate = std::move(text);
    else if (key == "Chain")
      chain = std::move(text);
  }
  if (value.empty()) return std::vector<Buffer>();
  if (certificate.empty() && chain.empty())
    return make_error(Errc::malformed, "X-Forwarded-Client-Cert has neither Cert nor Chain")
        .with_hint("set_current_client_cert_details: { cert: true, chain: true }");
  // The chain begins with the client's own.
  return certificates_in_pem(TRY(net::percent_decode(chain.empty() ? certificate : chain)));
}

// ---- RFC 9440
// ------------------------------------------------------------------------------------------------------

// An sf-binary (RFC 8941 3.3.5): base64 between colons.
Result<Buffer> from_binary_item(std::string_view item) {
  item = trimmed(item);
  if (item.size() < 3 || !item.starts_with(':') || !item.ends_with(':'))
    return make_error(Errc::malformed, "no base64 between colons (RFC 9440 2.1)");
  return from_base64(item.substr(1, item.size() - 2));
}

Result<std::vector<Buffer>> from_rfc9440(const net::Request& request) {
  const auto own = TRY(only_field(request, "Client-Cert"));
  std::string_view chain = TRY(only_field(request, "Client-Cert-Chain"));
  if (own.empty()) return std::vector<Buffer>();
  std::vector<Buffer> certificates{TRY(from_binary_item(own).context("reading Client-Cert"))};
  while (!chain.empty()) {
    const auto comma = std::min(chain.find(','), chain.size());
    if (certificates.size() == kMostCertificates)
      return make_error(Errc::limit_exceeded, "more than {} certificates", kMostCertificates);
    certificates.push_back(
        TRY(from_binary_item(chain.substr(0, comma)).context("reading Client-Cert-Chain")));
    chain.remove_prefix(std::min(comma + 1, chain.size()));
  }
  return certificates;
}

// ---- JSON
// ----------------------------------------------------------------------------------------------------------

struct PurposeName {
  std::string_view name;
  Purpose purpose;
};
constexpr PurposeName kPurposes[] = {{"client", Purpose::tls_client},
                                     {"server", Purpose::tls_server},
                                     {"smartcard", Purpose::smart_card_logon},
                                     {"kdc", Purpose::kdc},
                                     {"email", Purpose::email_protection},
                                     {"code", Purpose::code_signing},
                                     {"timestamp", Purpose::time_stamping},
                                     {"ocsp", Purpose::ocsp_signing},
                                     {"crl", Purpose::crl_signing},
                                     {"any", Purpose::any}};

Result<std::string> text_of(const Value& value, std::string_view key) {
  if (!value.text())
    return make_error(Errc::malformed, "'{}' is {}, and has to be a text", key, value.kind());
  return *value.text();
}

Status append_certificates(const std::string& text, std::vector<Buffer>& chain) {
  std::vector<Buffer> more;
  if (looks_like_pem(as_bytes(text)))
    more = TRY(certificates_in_pem(text));
  else
    more.push_back(TRY(from_base64(text)));
  for (Buffer& one : more) {
    if (chain.size() == kMostCertificates)
      return make_error(Errc::limit_exceeded, "more than {} certificates", kMostCertificates);
    chain.push_back(std::move(one));
  }
  return ok();
}

Status read_chain(const Value& value, std::vector<Buffer>& chain) {
  if (value.text()) return append_certificates(*value.text(), chain);
  if (!value.list_items())
    return make_error(Errc::malformed, "'chain' is {}, and has to be PEM or a list", value.kind());
  for (const Value& item : *value.list_items()) TRY(append_certificates(TRY(text_of(item, "chain")), chain));
  return ok();
}

// Whom the certificate must name; nullptr for a name that there is not.
std::string* expected_member(validate::Expected& expected, std::string_view name) {
  if (name == "host") return &expected.host;
  if (name == "upn") return &expected.upn;
  if (name == "sid") return &expected.sid;
  if (name == "realm") return &expected.realm;
  if (name == "email") return &expected.email;
  return nullptr;
}

Status read_member(const std::string& key, const Value& value, Asked& asked) {
  if (key == "chain") return read_chain(value, asked.question.chain);
  if (key == "expected") {
    if (!value.members())
      return make_error(Errc::malformed, "'expected' is {}, and has to be a table", value.kind());
    for (const auto& [name, text] : *value.members()) {
      std::string* member = expected_member(asked.question.expected, name);
      if (!member) return make_error(Errc::malformed, "there is no 'expected.{}'", name);
      *member = TRY(text_of(text, name));
    }
    return ok();
  }
  const std::string text = TRY(text_of(value, key));
  if (key == "profile") {
    asked.profile = text;
  } else if (key == "client") {
    asked.client = text.substr(0, 64);
  } else if (key == "purpose") {
    asked.question.purpose = TRY(purpose_from_name(text));
  } else if (key == "stapled") {
    asked.question.stapled = TRY(from_base64(text).context("reading 'stapled'"));
  } else {
    return make_error(Errc::malformed, "there is no '{}' in a question", key)
        .with_hint("chain, stapled, profile, purpose, client, expected");
  }
  return ok();
}

}  // namespace

std::string_view to_string(Spelling spelling) {
  switch (spelling) {
    case Spelling::nginx:
      return "nginx";
    case Spelling::envoy:
      return "envoy";
    case Spelling::rfc9440:
      return "rfc9440";
  }
  return "";
}

Result<std::vector<Buffer>> client_certificates(const net::Request& request, Spelling spelling) {
  switch (spelling) {
    case Spelling::nginx:
      return from_nginx(request).context("reading X-Client-Cert");
    case Spelling::envoy:
      return from_envoy(request);
    case Spelling::rfc9440:
      return from_rfc9440(request);
  }
  return make_error(Errc::internal, "unknown spelling");
}

Result<Purpose> purpose_from_name(std::string_view name) {
  std::vector<std::string_view> names;
  for (const PurposeName& row : kPurposes) {
    if (row.name == name || validate::to_string(row.purpose) == name) return row.purpose;
    names.push_back(row.name);
  }
  return make_error(Errc::usage, "there is no purpose '{}'", name)
      .with_hint(fmt::format("there are {}", fmt::join(names, ", ")));
}

Status read_query(std::string_view query, Asked& asked) {
  for (const auto& [name, value] : TRY(net::parse_query(query))) {
    if (name == "profile") {
      asked.profile = value;
    } else if (name == "purpose") {
      asked.question.purpose = TRY(purpose_from_name(value));
    } else if (std::string* member = expected_member(asked.question.expected, name)) {
      *member = value;
    } else {
      return make_error(Errc::usage, "there is no '{}' in the query of a question", name)
          .with_hint("profile, purpose, host, upn, sid, realm, email");
    }
  }
  return ok();
}

Result<Asked> read_question(std::string_view json) {
  const Value document = TRY(parse_json(json));
  if (!document.members()) return make_error(Errc::malformed, "a question is a JSON object");
  Asked asked;
  for (const auto& [key, value] : *document.members()) TRY(read_member(key, value, asked));
  if (asked.question.chain.empty())
    return make_error(Errc::malformed, "the question has no certificate")
        .with_hint("add: \"chain\": \"PEM…\"");
  return asked;
}

std::string to_json(const Asked& asked) {
  const Question& question = asked.question;
  Value chain = Value::list(), expected = Value::table(), out = Value::table();
  for (const Buffer& one : question.chain) chain.push(to_base64(one));
  out.set("chain", std::move(chain));
  if (question.stapled) out.set("stapled", to_base64(*question.stapled));
  if (question.purpose) out.set("purpose", validate::to_string(*question.purpose));
  if (!asked.profile.empty()) out.set("profile", asked.profile);
  if (!asked.client.empty()) out.set("client", asked.client);
  expected.set("host", question.expected.host).set("upn", question.expected.upn);
  expected.set("sid", question.expected.sid).set("realm", question.expected.realm);
  expected.set("email", question.expected.email);
  return to_json(out.set("expected", std::move(expected)), 0);
}

}  // namespace vouch::relying
