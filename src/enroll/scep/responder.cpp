#include "enroll/scep/responder.hpp"

#include <algorithm>
#include <set>

#include "enroll/scep/operation.hpp"
#include "enroll/scep/query.hpp"

namespace vouch::enroll::scep {
namespace {

net::Response typed(std::string type, const Buffer& octets) {
  net::Response response;
  response.content_type = std::move(type);
  response.body = net::Body(octets);
  response.fields = {{"Cache-Control", "no-store"}};
  return response;
}

net::Response failure_of(const Error& error) {
  switch (error.code()) {
    case Errc::malformed:
    case Errc::limit_exceeded:
      return net::error_response(400, error.summary());
    case Errc::not_found:
      return net::error_response(404, error.summary());
    default:
      break;
  }
  // What is wrong is for the log: it may name files and hosts.
  net::Response response = net::error_response(503, "the service cannot answer now; try again later");
  response.fields.emplace_back("Retry-After", "60");
  return response;
}

bool is_self_issued(Bytes certificate) {
  const auto view = x509::parse_certificate(certificate);
  return view && equal(view->issuer, view->subject);
}

void add_once(std::vector<Bytes>& list, Bytes certificate) {
  if (std::ranges::none_of(list, [&](Bytes other) { return equal(other, certificate); }))
    list.push_back(certificate);
}

}  // namespace

bool ProfileTemplates::empty() const {
  return signature.empty() && encryption.empty() && general.empty() && by_name.empty();
}

bool ProfileTemplates::has(std::string_view name) const {
  return !name.empty() && (name == signature || name == encryption || name == general ||
                           std::ranges::find(by_name, name) != by_name.end());
}

Result<std::shared_ptr<const Responder>> Responder::create(Surroundings surroundings, Profile profile) {
  if (!profile.challenge)
    return make_error(Errc::usage, "the SCEP profile '{}' has no challenge policy", profile.name)
        .with_hint("without one anybody could enrol any name; give it a password or a policy module");
  return std::shared_ptr<const Responder>(new Responder(std::move(surroundings), std::move(profile)));
}

net::Response Responder::answer(const net::Request& request) const {
  const auto respond = [&]() -> Result<net::Response> {
    const Query query = TRY(decode_query(request.method, request.query, request.body));
    switch (query.operation) {
      case Operation::none:
        return visit();
      case Operation::get_ca_caps:
        return net::text_response(200, capabilities());
      case Operation::get_ca_cert:
        return certificates();
      case Operation::get_next_ca_cert:
        return next_certificates();
      case Operation::pki_operation:
        return pki_operation(query.message, request);
      case Operation::unknown:
        break;
    }
    return make_error(Errc::malformed, "SCEP has no operation '{}'", query.name);
  };
  auto response = respond();
  if (response) return std::move(*response);
  net::Response failure = failure_of(response.error());
  if (failure.status >= 500) report_outage(response.error(), request);
  return failure;
}

// NDES answers 500 here and keeps the reason to itself.
void Responder::report_outage(const Error& error, const net::Request& request) const {
  if (!surroundings_.report) return;
  Event event;
  event.profile = profile_.name;
  event.client = request.client.text();
  event.status = PkiStatus::failure;
  event.code = "Unavailable";
  event.detail = told(error);
  surroundings_.report(event);
}

// What a person sees who tries the URL in a browser. Administrators know both answers of NDES and read them
// as a sign of health: 403 where a policy module decides, the general page otherwise.
net::Response Responder::visit() const {
  if (profile_.challenge->is_module()) return net::error_response(403, "403 - Forbidden: Access is denied.");
  return net::text_response(
      200,
      "Network Device Enrollment Service\n\n"
      "This URL is for network devices that enrol for certificates with SCEP (RFC 8894).\n");
}

// Clients read this carelessly. SHA-384 is not registered, but without it Debian 12's strongSwan believes
// that the CA does not know AES.
std::string Responder::capabilities() const {
  if (!profile_.capabilities.empty()) return profile_.capabilities;
  std::string out = "AES\n";
  if (profile_.floor.triple_des) out += "DES3\n";
  if (surroundings_.rollover && surroundings_.rollover()) out += "GetNextCACert\n";
  out += "POSTPKIOperation\n";
  if (profile_.renewal.allowed) out += "Renewal\n";
  out += "SCEPStandard\n";
  if (profile_.floor.sha1) out += "SHA-1\n";
  return out + "SHA-256\nSHA-384\nSHA-512\n";
}

// RFC 8894 4.2. The certificates of this service come first, as NDES has them: the SET is not sorted.
Result<net::Response> Responder::certificates() const {
  const std::vector<Buffer> chain =
      TRY(surroundings_.authority.chain().context("reading the CA certificates"));
  if (chain.empty()) return make_error(Errc::unavailable, "the CA has no certificate yet");
  if (profile_.mode == Profile::Mode::ca) return typed("application/x-x509-ca-cert", chain.front());
  const std::shared_ptr<const ServiceKeys> keys = TRY(surroundings_.keys());
  std::vector<Bytes> list;
  add_once(list, keys->signing_certificate);
  if (!keys->decryption.empty()) add_once(list, keys->decryption.front().certificate);
  for (const Buffer& certificate : chain)
    if (&certificate == &chain.front() || profile_.include_root || !is_self_issued(certificate))
      add_once(list, certificate);
  return typed("application/x-x509-ca-ra-cert", cms::encode_certificates_only(list));
}

// RFC 8894 4.7.1: the certificates alone, inside what the current CA signs.
Result<net::Response> Responder::next_certificates() const {
  const auto rollover = surroundings_.rollover ? surroundings_.rollover() : std::nullopt;
  if (!rollover) return make_error(Errc::not_found, "there is no next CA certificate yet");
  const std::vector<Bytes> list(rollover->certificates.begin(), rollover->certificates.end());
  const Buffer content = cms::encode_certificates_only(list);
  const x509::CertificateView certificate = TRY(x509::parse_certificate(rollover->signing_certificate));
  cms::SignerInput signer;
  signer.signer = rollover->signer.get();
  signer.identifier = cms::identifier_of(certificate);
  cms::SignedDataInput message;
  message.content = content;
  message.certificates = {rollover->signing_certificate};
  return typed("application/x-x509-next-ca-cert",
               TRY(cms::encode_signed_data(surroundings_.provider, message, std::span(&signer, 1))));
}

Result<net::Response> Responder::pki_operation(Bytes message, const net::Request& request) const {
  const PkiMessage parsed = TRY(read_pki_message(message));
  const std::shared_ptr<const ServiceKeys> keys = TRY(surroundings_.keys());
  PkiOperation operation(surroundings_, profile_, *keys, request.client.text());
  return typed("application/x-pki-message", TRY(operation.answer(parsed)));
}

Result<std::vector<net::Route>> scep_routes(const std::vector<std::shared_ptr<const Responder>>& responders) {
  std::vector<net::Route> routes;
  std::set<std::string> taken;
  const auto add = [&](const std::string& path, const std::shared_ptr<const Responder>& responder) -> Status {
    if (!taken.insert(path).second)
      return make_error(Errc::conflict, "two SCEP profiles want the path {}, '{}' is the second", path,
                        responder->profile().name);
    routes.push_back({.path = path,
                      .methods = {net::Method::get, net::Method::post},
                      .handler = net::Blocking(
                          [responder](const net::Request& request) { return responder->answer(request); }),
                      .body_limit = responder->profile().largest_message,
                      .any_case = true,
                      .name = "scep"});
    return ok();
  };
  for (const auto& responder : responders) {
    std::vector<std::string> paths = responder->profile().paths;
    paths.push_back("/scep/" + responder->profile().name);
    if (responder == responders.front()) paths.emplace_back("/scep");
    for (std::string path : paths) {
      while (path.size() > 1 && path.back() == '/') path.pop_back();
      // Clients put pkiclient.exe behind any URL (Cisco IOS, Windows); some a slash.
      for (const std::string_view end : {"", "/", "/pkiclient.exe"})
        TRY(add(path + std::string(end), responder));
    }
  }
  return routes;
}

}  // namespace vouch::enroll::scep
