#include "cli/describe.hpp"

#include <algorithm>
#include <charconv>
#include <ostream>

#include "base/pem.hpp"
#include "ca/setup.hpp"
#include "ca/signed_request.hpp"
#include "x509/print.hpp"

namespace vouch::cli {
namespace {

Value revocation_fields(Value value, const std::optional<store::RevocationRecord>& revocation) {
  value.set("revoked_at", revocation ? Value(format_time(revocation->revoked_at)) : Value());
  value.set("reason", revocation ? Value(x509::to_string(revocation->reason)) : Value());
  value.set("invalid_since", revocation ? time_or_null(revocation->invalidity_date) : Value());
  return value;
}

// The step of the decision that ended it.
std::optional<policy::TraceStep> deciding_step(const store::Snapshot& snapshot, store::RequestId id) {
  const auto record = snapshot.request(id);
  if (!record) return std::nullopt;
  const auto trace = policy::parse_trace(record->trace);
  if (!trace) return std::nullopt;
  std::optional<policy::TraceStep> step;
  for (const policy::TraceStep& s : *trace)
    if (s.verdict == policy::Verdict::denied || s.verdict == policy::Verdict::pended) step = s;
  return step;
}

Value describe(const ca::Outcome& outcome, const std::optional<policy::TraceStep>& step,
               const std::string& serial, const OutcomeOptions& options) {
  Value value;
  value.set("request", outcome.request).set("state", store::to_string(outcome.disposition));
  value.set("serial", text_or_null(serial));
  value.set("certificate",
            outcome.certificate.empty() ? Value() : Value(to_pem("CERTIFICATE", outcome.certificate)));
  value.set("file", outcome.certificate.empty() ? Value() : text_or_null(options.out));
  value.set("message", text_or_null(outcome.message)).set("rule", text_or_null(outcome.reason));
  value.set("expected", step ? text_or_null(step->expected) : Value());
  value.set("received", step ? text_or_null(step->received) : Value());
  value.set("mend", text_or_null(outcome.mend)).set("notes", texts(outcome.notes));
  return value;
}

// The message without what the lines below it say again.
std::string_view headline(std::string_view message, const std::optional<policy::TraceStep>& step) {
  if (!step) return message;
  const std::string detail = fmt::format(": expected {}, received {}", step->expected, step->received);
  if (message.ends_with(detail)) message.remove_suffix(detail.size());
  return message;
}

// Why not, on standard error: the rule, what it wanted, what it got, what to do.
void explain_refusal(const Context& context, const ca::Outcome& outcome,
                     const std::optional<policy::TraceStep>& step, const std::string& input) {
  const bool pending = outcome.disposition == ca::Disposition::pending;
  std::ostream& err = context.surroundings().err;
  std::string what = fmt::format("request {}", outcome.request);
  if (!input.empty()) what += fmt::format(" ({})", printable(input));
  if (pending)
    err << fmt::format("{} is pending: {}\n", what, printable(headline(outcome.message, step)));
  else
    err << fmt::format("error: {} is {}: {} [denied]\n", what, store::to_string(outcome.disposition),
                       printable(headline(outcome.message, step)));
  Fields fields;
  fields.add("rule", outcome.reason);
  if (step) fields.add("expected", step->expected).add("received", step->received);
  fields.add("mend", outcome.mend);
  err << fields.text();
  if (pending)
    err << fmt::format("next: vouch request approve {0}   (then: vouch request retrieve {0} --out FILE)\n",
                       outcome.request);
  else
    err << fmt::format("hint: vouch why {} shows the whole decision\n", outcome.request);
}

}  // namespace

Result<AuthorityNames> authority_names(const store::Snapshot& snapshot) {
  AuthorityNames names;
  for (const auto& record : TRY(snapshot.authorities())) names[record.id] = record.name;
  return names;
}

Value describe(const store::RequestRecord& record, const AuthorityNames& names) {
  const auto name = names.find(record.authority);
  Value value;
  value.set("id", record.id).set("ca", name == names.end() ? Value() : Value(name->second));
  value.set("state", store::to_string(record.disposition))
      .set("template", text_or_null(record.template_name));
  value.set("requester", record.requester).set("submitted_at", format_time(record.submitted_at));
  value.set("resolved_at", time_or_null(record.resolved_at)).set("resolver", text_or_null(record.resolver));
  value.set("message", text_or_null(record.message)).set("rule", text_or_null(record.reason));
  return value;
}

Value describe(const store::CertificateRecord& record, const AuthorityNames& names) {
  const auto name = names.find(record.authority);
  Value value;
  value.set("serial", x509::serial_to_text(record.serial)).set("subject", record.subject);
  value.set("ca", name == names.end() ? Value() : Value(name->second)).set("request", record.request);
  value.set("template", text_or_null(record.template_name)).set("not_before", format_time(record.not_before));
  value.set("not_after", format_time(record.not_after)).set("state", state_of(record));
  return revocation_fields(std::move(value), record.revocation);
}

Value describe(const store::CrlRecord& record, std::string_view authority,
               const std::vector<fs::path>& files) {
  Value value;
  value.set("ca", authority).set("key_index", record.key_index).set("number", record.number);
  value.set("delta", record.delta);
  value.set("shard", record.shard == 0 ? Value() : Value(std::uint64_t{record.shard}));
  value.set("base_number", record.delta ? Value(record.base_number) : Value())
      .set("this_update", format_time(record.this_update));
  value.set("next_update", format_time(record.next_update))
      .set("next_publish", format_time(record.next_publish));
  value.set("entries", record.entries).set("size", record.size).set("sha256", hex_or_null(record.sha256));
  Value paths = Value::list();
  for (const fs::path& file : files) paths.push(file.string());
  value.set("files", std::move(paths));
  return value;
}

std::string_view state_of(const store::CertificateRecord& record) {
  if (!record.revocation) return record.lost() ? "lost" : "issued";
  return record.revocation->reason == x509::CrlReason::certificate_hold ? "on hold" : "revoked";
}

Fingerprints fingerprints(const crypto::Provider& provider, Bytes der) {
  return {to_hex(provider.digest(crypto::DigestAlgorithm::sha256, der)),
          to_hex(provider.digest(crypto::DigestAlgorithm::sha1, der))};
}

std::string key_text(Bytes public_key_info) {
  const auto key = x509::parse_public_key_info(public_key_info);
  if (!key) return std::string(key.error().message());
  if (key->type != x509::KeyType::rsa) return std::string(x509::to_string(key->type));
  return fmt::format("RSA {}", key->bits);
}

std::string name_text(Bytes name_der) {
  const auto text = x509::to_rfc4514(name_der);
  return text ? *text : fmt::format("(unreadable: {})", text.error().message());
}

Result<std::vector<Buffer>> read_certificate_file(const std::string& file) {
  const Buffer content = TRY(read_file(file));
  return ca::read_certificates(content).context("reading {}", file);
}

Result<Buffer> read_request_file(const std::string& file) {
  const Buffer content = TRY(read_file(file));
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

Result<Buffer> read_crl_file(const std::string& file) {
  const Buffer content = TRY(read_file(file));
  auto blocks = TRY(pem_or_der(content, "X509 CRL", {"X509 CRL"}).context("reading {}", file));
  return std::move(blocks.front().der);
}

Result<store::CertificateRecord> find_certificate(const store::Snapshot& snapshot,
                                                  const std::string& serial_or_file) {
  std::error_code unknown;
  if (serial_or_file == "-" || fs::is_regular_file(serial_or_file, unknown)) {
    const auto certificates = TRY(read_certificate_file(serial_or_file));
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

Result<Exit> report_outcome(Context& context, const store::Snapshot& snapshot, const ca::Outcome& outcome,
                            const OutcomeOptions& options) {
  const auto step = deciding_step(snapshot, outcome.request);
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
  if (context.json()) print_json(context, describe(outcome, step, serial, options));

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
      if (!context.json()) explain_refusal(context, outcome, step, options.input);
      return Exit::pending;
    case ca::Disposition::issuing:
      context.note("request {} is decided; its certificate is signed when the CA's key can be used again",
                   outcome.request);
      context.note("next: vouch request retrieve {}", outcome.request);
      return Exit::pending;
    default:
      if (!context.json()) explain_refusal(context, outcome, step, options.input);
      return Exit::failed;
  }
}

}  // namespace vouch::cli
