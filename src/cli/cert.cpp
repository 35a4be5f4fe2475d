// vouch cert …
#include <ostream>

#include "base/pem.hpp"
#include "ca/backup/maintenance.hpp"
#include "cli/describe.hpp"
#include "x509/print.hpp"

namespace vouch::cli {
namespace {

// The certificate field by field, with what its octets hash to.
Result<Value> describe_der(Context& context, Bytes der) {
  Value value = x509::describe_certificate(TRY(x509::parse_certificate(der)));
  const auto prints = fingerprints(context.provider(), der);
  value.set("fingerprint_sha256", prints.sha256).set("fingerprint_sha1", prints.sha1);
  return value;
}

void print_certificate(const Context& context, const Value& content) {
  context.out() << x509::to_text(printable_tree(content));
}

// A file is shown without asking any home: it may come from anywhere.
Result<Exit> show_file(Context& context, const std::string& file) {
  const auto certificates = TRY(read_certificate_file(context, file));
  Value values = Value::list();
  bool first = true;
  for (const Buffer& der : certificates) {
    const Value content = TRY(describe_der(context, der).context("reading {}", file));
    if (!context.json()) {
      if (!std::exchange(first, false)) context.out() << '\n';
      print_certificate(context, content);
    }
    values.push(Value().set("certificate", content).set("record", Value()));
  }
  if (context.json()) print_json(context, Value().set("certificates", std::move(values)));
  return Exit::done;
}

Result<Exit> show_certificate(Context& context, const Arguments& arguments) {
  const std::string& what = arguments.operand(0);
  // What is not a serial number can only be meant as a file: then the message is about the file.
  if (what == "-" || context.files().exists(what) || !x509::serial_from_text(what))
    return show_file(context, what);
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(find_certificate(context, *snapshot, what));
  TRY(context.check_authority(TRY(authority_of(*snapshot, record.authority)), "certificate " + what));
  const Buffer der = record.der();
  if (der.empty())
    return make_error(Errc::unavailable, "the certificate with serial {} is being signed", what);
  const Value content = TRY(describe_der(context, der));
  const auto names = TRY(authority_names(*snapshot));
  if (context.json()) {
    Value one = Value().set("certificate", content).set("record", describe(record, names));
    print_json(context, Value().set("certificates", Value::list().push(std::move(one))));
    return Exit::done;
  }
  print_certificate(context, content);
  Fields fields;
  fields.add("CA", names.at(record.authority)).add("Request", fmt::format("{}", record.request));
  fields.add("Template", record.template_name).add("State", state_of(record));
  if (record.revocation) {
    fields.add("Revoked", format_time(record.revocation->revoked_at));
    fields.add("Reason", x509::to_string(record.revocation->reason));
    if (record.revocation->invalidity_date)
      fields.add("Invalid since", format_time(*record.revocation->invalidity_date));
  }
  context.out() << "In the database:\n" << fields.text();
  return Exit::done;
}

// Rows of `cert list` and `cert find`.
class Listing {
 public:
  explicit Listing(AuthorityNames names) : names_(std::move(names)) {}
  void add(const store::CertificateRecord& record) {
    table_.add({x509::serial_to_text(record.serial), std::string(state_of(record)),
                format_time(record.not_after), record.template_name.empty() ? "-" : record.template_name,
                record.subject});
    values_.push(describe(record, names_));
    ++size_;
  }
  std::size_t size() const { return size_; }
  void print(Context& context) {
    if (context.json())
      print_json(context, Value().set("certificates", std::move(values_)));
    else
      table_.print(context, "no certificates");
  }

 private:
  AuthorityNames names_;
  Table table_{"SERIAL", "STATE", "EXPIRES", "TEMPLATE", "SUBJECT"};
  Value values_ = Value::list();
  std::size_t size_ = 0;
};

Result<Exit> list_certificates(Context& context, const Arguments& arguments) {
  store::CertificateFilter filter;
  filter.template_name = arguments.text("template");
  filter.requester = arguments.text("requester");
  filter.subject_contains = arguments.text("subject");
  if (arguments.has("revoked")) filter.revoked = true;
  filter.expires_before = TRY(arguments.time("expires-before"));
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  if (context.named_authority()) filter.authority = TRY(context.choose_authority(*snapshot)).id;
  Listing listing(TRY(authority_names(*snapshot)));
  TRY(for_each_certificate(*snapshot, filter, [&](const store::CertificateRecord& record) {
    listing.add(record);
    return ok();
  }));
  listing.print(context);
  return Exit::done;
}

Result<Exit> find(Context& context, const Arguments& arguments) {
  const std::string& text = arguments.operand(0);
  if (text.empty()) return usage_error("the text to find is empty");
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  Listing listing(TRY(authority_names(*snapshot)));
  store::CertificateFilter filter;
  filter.subject_contains = text;
  if (context.named_authority()) filter.authority = TRY(context.choose_authority(*snapshot)).id;

  const auto hex = from_hex(text);
  if (const auto serial = x509::serial_from_text(text)) {
    auto record = snapshot->certificate(*serial);
    if (record && !record->signature.empty() && (!filter.authority || *filter.authority == record->authority))
      listing.add(*record);
    if (!record && record.error().code() != Errc::not_found) return std::move(record.error());
  }
  if (listing.size() == 0 && hex && (hex->size() == 20 || hex->size() == 32)) {
    auto record = find_by_fingerprint(context, *snapshot, *hex);
    if (record && (!filter.authority || *filter.authority == record->authority)) listing.add(*record);
    if (!record && record.error().code() != Errc::not_found) return std::move(record.error());
  }
  if (listing.size() == 0)
    TRY(for_each_certificate(*snapshot, filter, [&](const store::CertificateRecord& record) {
      listing.add(record);
      return ok();
    }));
  if (listing.size() == 0)
    return make_error(Errc::not_found,
                      "no certificate has '{}' as its serial, in its subject or as its fingerprint", text);
  listing.print(context);
  return Exit::done;
}

struct Found {
  store::CertificateRecord record;
  std::shared_ptr<ca::LocalAuthority> authority;
};
Result<Found> find_with_authority(Context& context, const Workspace& workspace, const std::string& what) {
  const auto snapshot = TRY(workspace.snapshot());
  auto record = TRY(find_certificate(context, *snapshot, what));
  const auto owner = TRY(authority_of(*snapshot, record.authority));
  TRY(context.check_authority(owner, "certificate " + what));
  return Found{std::move(record), TRY(context.open_authority(workspace, owner.name))};
}

// After a change: the record as it is now, and what is left to do.
Result<Exit> report_change(Context& context, const Workspace& workspace, Bytes serial,
                           const std::string& ca) {
  const auto snapshot = TRY(workspace.snapshot());
  const auto record = TRY(snapshot->certificate(serial));
  if (context.json()) {
    print_json(context, describe(record, TRY(authority_names(*snapshot))));
    return Exit::done;
  }
  context.say("certificate {} ({}) is {}", x509::serial_to_text(serial), record.subject, state_of(record));
  context.note("next: vouch --ca '{}' crl publish   (relying parties learn of it from the next CRL)", ca);
  return Exit::done;
}

Result<Exit> revoke_certificate(Context& context, const Arguments& arguments) {
  ca::Revocation revocation;
  revocation.reason = TRY(for_option(x509::crl_reason_from_name(arguments.text("reason")), "reason"));
  if (revocation.reason == x509::CrlReason::remove_from_crl)
    return usage_error("removeFromCRL is no reason to revoke")
        .with_hint("lift a hold with: vouch cert release SERIAL");
  revocation.invalidity_date = TRY(arguments.time("invalid-since"));
  const Workspace& workspace = *TRY(context.workspace());
  const auto found = TRY(find_with_authority(context, workspace, arguments.operand(0)));
  revocation.serial = found.record.serial;
  TRY(found.authority->revoke(revocation, context.user()).context("revoking {}", arguments.operand(0)));
  return report_change(context, workspace, found.record.serial, found.authority->record().name);
}

Result<Exit> release(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto found = TRY(find_with_authority(context, workspace, arguments.operand(0)));
  TRY(found.authority->release(found.record.serial, context.user())
          .context("releasing {}", arguments.operand(0)));
  return report_change(context, workspace, found.record.serial, found.authority->record().name);
}

Result<Exit> export_certificate(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(find_certificate(context, *snapshot, arguments.operand(0)));
  TRY(context.check_authority(TRY(authority_of(*snapshot, record.authority)),
                              "certificate " + arguments.operand(0)));
  std::vector<Buffer> certificates{record.der()};
  if (certificates.front().empty())
    return make_error(Errc::unavailable, "the certificate with serial {} is being signed",
                      arguments.operand(0));
  if (arguments.has("chain"))
    for (const auto& generation : TRY(snapshot->key_generations(record.authority)))
      if (generation.key_index == record.key_index && !generation.certificate.empty()) {
        certificates.resize(1);  // the newest certificate of that key
        certificates.push_back(generation.certificate);
        certificates.insert(certificates.end(), generation.chain.begin(), generation.chain.end());
      }
  const std::string out = arguments.text("out", "-");
  TRY(write_output(context, out, TRY(certificate_output(context, certificates))));
  if (out != "-") context.say("written to {}", out);
  return Exit::done;
}

Result<Exit> import_(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(workspace.snapshot());
  const auto ca = TRY(context.choose_authority(*snapshot));
  const auto names = TRY(authority_names(*snapshot));
  Value values = Value::list();
  for (const std::string& file : arguments.operands())
    for (const Buffer& der : TRY(read_certificate_file(context, file))) {
      const auto record = TRY(ca::import_certificate(workspace.environment(), ca, der, context.user())
                                  .context("importing {}", file));
      values.push(describe(record, names));
      context.say("imported: certificate {} ({}), request {}", x509::serial_to_text(record.serial),
                  record.subject, record.request);
    }
  if (context.json()) print_json(context, Value().set("certificates", std::move(values)));
  return Exit::done;
}

constexpr Option kCertificateList[] = {
    {"template", "NAME", "only certificates of this template"},
    {"requester", "NAME", "only certificates of this account"},
    {"subject", "TEXT", "only certificates with this in their subject"},
    {"revoked", "", "only revoked certificates, and those on hold"},
    {"expires-before", "TIME", "only certificates that end before: 2027-01-31, \"2027-01-31 12:00\""},
};
constexpr Option kCertificateRevoke[] = {
    {"reason", "REASON",
     "unspecified, keyCompromise, caCompromise, affiliationChanged, superseded, cessationOfOperation, "
     "certificateHold, privilegeWithdrawn; or its number in RFC 5280",
     Occurs::once},
    {"invalid-since", "TIME", "when the key is thought to have been lost: 2026-11-01"},
};
constexpr Option kCertificateExport[] = {
    {"out", "FILE", "where to; standard output if left out"},
    {"chain", "", "write the CA's chain after the certificate"},
};

constexpr Command kCertificateCommands[] = {
    {"cert list", "", "list the certificates that were issued here", "", kCertificateList,
     "vouch cert list --expires-before 2027-01-31 --template WebServer", &list_certificates},
    {"cert show",
     "FILE|SERIAL",
     "show a certificate, field by field",
     "A file needs no home and may hold several certificates. A serial is looked up in the database, and "
     "shown with "
     "its request and revocation.",
     {},
     "vouch cert show web.pem",
     &show_certificate},
    {"cert find",
     "TEXT",
     "find certificates by serial, subject or fingerprint",
     "The subject matches in any part, without regard to case. Fingerprints are SHA-1 or SHA-256, with or "
     "without "
     "colons.",
     {},
     "vouch cert find www.example.com",
     &find},
    {"cert revoke", "SERIAL|FILE", "revoke a certificate, or put it on hold with certificateHold",
     "Relying parties learn of it from the next CRL: vouch crl publish.", kCertificateRevoke,
     "vouch cert revoke web.pem --reason keyCompromise --invalid-since 2026-11-01", &revoke_certificate},
    {"cert release",
     "SERIAL|FILE",
     "release a certificate from hold",
     "",
     {},
     "vouch cert release web.pem",
     &release},
    {"cert import",
     "FILE...",
     "take in certificates that this CA issued elsewhere",
     "Each is checked against the CA's own keys. It can be revoked afterwards and stands on CRLs like the "
     "others; a "
     "lost certificate gets its content back.",
     {},
     "vouch cert import old/*.pem --ca Issuing",
     &import_},
    {"cert export", "SERIAL|FILE", "write a certificate that was issued here", "", kCertificateExport,
     "vouch cert export 010cf4a3b2c1 --chain --out web.pem", &export_certificate},
};

}  // namespace

std::span<const Command> cert_commands() { return kCertificateCommands; }

}  // namespace vouch::cli
