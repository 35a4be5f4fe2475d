#include "cli/describe.hpp"

#include <algorithm>
#include <charconv>
#include <ostream>

#include "base/pem.hpp"
#include "ca/setup/setup.hpp"
#include "ca/signed_request.hpp"
#include "x509/print.hpp"

namespace vouch::cli {
namespace {

// The message without what the lines below it say again.
std::string_view headline(const ca::Outcome& outcome) {
  std::string_view message = outcome.message;
  const std::string detail = fmt::format(": expected {}, received {}", outcome.expected, outcome.received);
  if (message.ends_with(detail)) message.remove_suffix(detail.size());
  return message;
}

// Why not, on standard error: the rule, what it wanted, what it got, what to do.
void explain_refusal(const Context& context, const ca::Outcome& outcome, const std::string& input) {
  const bool pending = outcome.disposition == ca::Disposition::pending;
  std::ostream& err = context.surroundings().err;
  std::string what = fmt::format("request {}", outcome.request);
  if (!input.empty()) what += fmt::format(" ({})", printable(input));
  if (pending)
    err << fmt::format("{} is pending: {}\n", what, printable(headline(outcome)));
  else
    err << fmt::format("error: {} is {}: {} [denied]\n", what, store::to_string(outcome.disposition),
                       printable(headline(outcome)));
  Fields fields;
  fields.add("rule", outcome.reason).add("expected", outcome.expected);
  fields.add("received", outcome.received).add("mend", outcome.mend);
  err << fields.text();
  if (pending)
    err << fmt::format("next: vouch request approve {0}   (then: vouch request retrieve {0} --out FILE)\n",
                       outcome.request);
  else
    err << fmt::format("hint: vouch why {} shows the whole decision\n", outcome.request);
}

}  // namespace

Result<std::vector<Buffer>> read_certificate_file(const Context& context, const std::string& file) {
  const Buffer content = TRY(context.files().read(file));
  return ca::read_certificates(content).context("reading {}", file);
}

Result<Buffer> read_request_file(const Context& context, const std::string& file) {
  const Buffer content = TRY(context.files().read(file));
  auto blocks = TRY(
      pem_or_der(content, "CERTIFICATE REQUEST",
                 {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "PKCS7", "CMS", "PKCS #7 SIGNED DATA"})
          .context("reading {}", file));
  if (blocks.size() > 1)
    return make_error(Errc::malformed, "{} holds {} requests", file, blocks.size())
        .with_hint("give them one by one, each in a file of its own");
  const auto opened =
      TRY(ca::open_request(blocks.front().der).context("reading {} as a signed certification request", file));
  (void)TRY(x509::parse_request(opened.request).context("reading {} as a certification request", file));
  return std::move(blocks.front().der);
}

Result<Buffer> read_crl_file(const Context& context, const std::string& file) {
  const Buffer content = TRY(context.files().read(file));
  auto blocks = TRY(pem_or_der(content, "X509 CRL", {"X509 CRL"}).context("reading {}", file));
  return std::move(blocks.front().der);
}

Result<store::CertificateRecord> find_certificate(const Context& context, const store::Snapshot& snapshot,
                                                  const std::string& serial_or_file) {
  if (serial_or_file == "-" || context.files().exists(serial_or_file)) {
    const auto certificates = TRY(read_certificate_file(context, serial_or_file));
    const auto view =
        TRY(x509::parse_certificate(certificates.front()).context("reading {}", serial_or_file));
    auto record = snapshot.certificate(x509::serial_octets(view.serial));
    if (record && equal(record->der(), certificates.front())) return record;
    if (!record && record.error().code() != Errc::not_found) return record;
    return make_error(Errc::not_found, "the certificate in {} was not issued here", serial_or_file);
  }
  const auto serial = x509::serial_from_text(serial_or_file);
  if (!serial)
    return usage_error("'{}' is neither a file nor a serial number", serial_or_file)
        .with_hint("vouch cert list shows serial numbers; vouch cert find TEXT searches");
  auto record = snapshot.certificate(*serial);
  if (!record && record.error().code() == Errc::not_found)
    return make_error(Errc::not_found, "no certificate with serial {} was issued here", serial_or_file)
        .with_hint("vouch cert find TEXT searches by subject and fingerprint too");
  return record;
}

Result<store::CertificateRecord> find_by_fingerprint(Context& context, const store::Snapshot& snapshot,
                                                     Bytes fingerprint) {
  const auto digest =
      fingerprint.size() == 20 ? crypto::DigestAlgorithm::sha1 : crypto::DigestAlgorithm::sha256;
  const Progress progress(context, "looking at every certificate for that fingerprint");
  std::optional<store::CertificateRecord> found;
  TRY(for_each_certificate(snapshot, {}, [&](const store::CertificateRecord& listed) -> Status {
    if (found) return ok();
    auto whole = TRY(snapshot.certificate(listed.serial));
    if (equal(context.provider().digest(digest, whole.der()), fingerprint)) found = std::move(whole);
    return ok();
  }));
  if (!found)
    return make_error(Errc::not_found, "no certificate with fingerprint {} was issued here",
                      to_hex(fingerprint));
  return std::move(*found);
}

Status for_each_certificate(const store::Snapshot& snapshot, store::CertificateFilter filter,
                            const std::function<Status(const store::CertificateRecord&)>& visit) {
  for (;;) {
    const auto page = TRY(snapshot.certificates(filter));
    for (const auto& record : page) TRY(visit(record));
    if (page.size() < filter.limit) return ok();
    filter.after = page.back().request;
  }
}

Result<store::AuthorityRecord> authority_of(const store::Snapshot& snapshot, store::AuthorityId id) {
  for (auto& record : TRY(snapshot.authorities()))
    if (record.id == id) return std::move(record);
  return make_error(Errc::not_found, "the CA of that record is not in the database");
}

Result<store::RequestId> parse_request_id(const std::string& text) {
  store::RequestId id = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, id);
  if (problem != std::errc{} || stop != end || id <= 0)
    return usage_error("'{}' is not a request number", text).with_hint("vouch request list shows them");
  return id;
}

Result<Exit> report_outcome(Context& context, const ca::Outcome& outcome, const OutcomeOptions& options) {
  const bool has_certificate = !outcome.certificate.empty();
  std::string serial;
  if (has_certificate) {
    const auto view = TRY(x509::parse_certificate(outcome.certificate));
    serial = x509::serial_to_text(view.serial);
    std::vector<Buffer> certificates{outcome.certificate};
    certificates.insert(certificates.end(), options.chain.begin(), options.chain.end());
    if (!options.out.empty() || !context.json())
      TRY(write_output(
          context, options.out.empty() ? "-" : options.out,
          options.p7b ? p7b_output(context, certificates) : TRY(certificate_output(context, certificates))));
  }
  for (const std::string& note : outcome.notes) context.note("note: {}", printable(note));
  if (context.json()) print_json(context, TRY(describe(outcome, options.out)));

  switch (outcome.disposition) {
    case ca::Disposition::issued:
    case ca::Disposition::revoked: {
      const std::string done = fmt::format("request {} is {}: serial {}", outcome.request,
                                           store::to_string(outcome.disposition), serial);
      // Standard output is the certificate's unless --out took it.
      if (!options.out.empty() && options.out != "-")
        context.say("{}, certificate in {}", done, options.out);
      else if (!context.json())
        context.note("{}", done);
      return Exit::done;
    }
    case ca::Disposition::pending:
      if (!context.json()) explain_refusal(context, outcome, options.input);
      return Exit::pending;
    case ca::Disposition::issuing:
      context.note("request {} is decided; its certificate is signed when the CA's key can be used again",
                   outcome.request);
      context.note("next: vouch request retrieve {}", outcome.request);
      return Exit::pending;
    default:
      if (!context.json()) explain_refusal(context, outcome, options.input);
      return Exit::failed;
  }
}

}  // namespace vouch::cli
