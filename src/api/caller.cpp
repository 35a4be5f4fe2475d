#include "api/caller.hpp"

#include <algorithm>

#include "x509/certificate.hpp"
#include "x509/extensions.hpp"
#include "x509/name.hpp"
#include "x509/oids.hpp"

namespace vouch::api {
namespace {

constexpr std::size_t kLongestNote = 256;

// An account ends at its first " (", so no part of it may hold one; nor '/', but for what it separates. The
// escapes are those of RFC 4514.
std::string escaped(std::string_view text, bool slash_too) {
  std::string out;
  for (const char c : text) {
    if (c == '(')
      out += "\\28";
    else if (c == '/' && slash_too)
      out += "\\2F";
    else
      out += c;
  }
  return out;
}

Status check_usable(const ca::Environment& environment, const x509::CertificateView& certificate,
                    const store::CertificateRecord& record) {
  if (record.revocation) return make_error(Errc::denied, "the client's certificate is revoked");
  const Time now = environment.clock.now();
  if (now < certificate.not_before || now > certificate.not_after)
    return make_error(Errc::denied, "the client's certificate is not valid now");
  if (const auto* extension = certificate.find(x509::oid::kExtendedKeyUsage)) {
    const auto purposes = TRY(x509::parse_extended_key_usage(extension->value));
    if (std::ranges::find(purposes, x509::oid::kClientAuth) == purposes.end())
      return make_error(Errc::denied, "the client's certificate is not for TLS clients");
  }
  return ok();
}

Result<std::string> with_note(std::string account, std::string_view note) {
  if (note.empty()) return account;
  const auto is_harmless = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  if (note.size() > kLongestNote || !std::ranges::all_of(note, is_harmless))
    return make_error(Errc::malformed, "the field {} holds more than {} octets, or control characters",
                      kOnBehalfOf, kLongestNote);
  return fmt::format("{} (for {})", account, note);
}

Result<std::string> account_of_certificate(const ca::Environment& environment,
                                           const store::Snapshot& snapshot,
                                           const std::vector<Buffer>& chain) {
  if (chain.empty()) return make_error(Errc::denied, "the client sent no certificate");
  const auto certificate = TRY(x509::parse_certificate(chain.front()));
  const auto record = snapshot.certificate(x509::serial_octets(certificate.serial));
  if (!record && record.error().code() != Errc::not_found) return record.error();
  if (!record || !equal(record->der(), chain.front()))
    return make_error(Errc::denied, "the client's certificate was not issued here");
  TRY(check_usable(environment, certificate, *record));
  std::string ca;
  for (const auto& authority : TRY(snapshot.authorities()))
    if (authority.id == record->authority) ca = authority.name;
  return fmt::format("certificate:{}/{}/{}", escaped(ca, true), escaped(record->template_name, true),
                     escaped(TRY(x509::to_rfc4514(certificate.subject)), false));
}

}  // namespace

std::string login_of(const net::LocalUser& user, const LoginName& login_name) {
  const auto name = login_name ? login_name(user.uid) : std::nullopt;
  return name ? *name : fmt::format("uid {}", user.uid);
}

Result<std::string> account_of_certificate(const ca::Environment& environment,
                                           const std::vector<Buffer>& chain) {
  return account_of_certificate(environment, *TRY(environment.database.snapshot()), chain);
}

Result<std::string> Callers::account_of(const std::vector<Buffer>& chain) {
  if (const auto known = accounts_.find(chain.front()); known != accounts_.end()) return known->second;
  if (!snapshot_) snapshot_ = TRY(environment_.database.snapshot());
  return accounts_.emplace(chain.front(), account_of_certificate(environment_, *snapshot_, chain))
      .first->second;
}

Result<Caller> Callers::of(const net::Request& request) {
  const net::Peer& peer = *request.peer;
  Caller caller;
  if (peer.user) {
    caller = {login_of(*peer.user, login_name_), true};
  } else if (peer.tls && !peer.tls->certificates.empty()) {
    caller = {TRY(account_of(peer.tls->certificates)), false};
  } else {
    return make_error(Errc::denied, "nothing proves who asks")
        .with_hint(
            "use the Unix socket of the service, or a client certificate that a CA of this home issued");
  }
  caller.account = TRY(with_note(std::move(caller.account), request.field(kOnBehalfOf)));
  return caller;
}

Result<Caller> caller_of(const net::Request& request, const ca::Environment& environment,
                         const LoginName& login_name) {
  return Callers(environment, login_name).of(request);
}

}  // namespace vouch::api
