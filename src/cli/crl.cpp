// vouch crl …
#include <ostream>

#include "ca/setup.hpp"
#include "cli/describe.hpp"
#include "revocation/crl_publication.hpp"
#include "x509/print.hpp"

namespace vouch::cli {
namespace {

Result<Exit> publish(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  const auto authority = TRY(context.open_authority(workspace, record.name));
  std::vector<revocation::Published> published;
  {
    const Progress progress(context, fmt::format("building the CRL of CA '{}'", record.name));
    published =
        TRY(revocation::publish_crls(*authority).context("publishing the CRL of CA '{}'", record.name));
  }
  Value values = Value::list();
  for (const auto& crl : published) {
    values.push(describe(crl.record, record.name, crl.files));
    context.say("CRL {} of CA '{}': {} revoked, valid until {}", crl.record.number, record.name,
                crl.record.entries, format_time(crl.record.next_update));
    for (const fs::path& file : crl.files) context.say("  {}", file.string());
  }
  if (context.json()) print_json(context, Value().set("crls", std::move(values)));
  return Exit::done;
}

Result<Exit> list(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  auto authorities = TRY(snapshot->authorities());
  if (context.named_authority()) authorities = {TRY(context.choose_authority(*snapshot))};
  Table table{"NUMBER", "CA", "KEY", "PUBLISHED", "NEXT UPDATE", "REVOKED", "OCTETS", "FILE"};
  Value values = Value::list();
  for (const auto& authority : authorities)
    for (const auto& crl : TRY(snapshot->crls(authority.id))) {
      table.add({fmt::format("{}", crl.number), authority.name, fmt::format("{}", crl.key_index),
                 format_time(crl.this_update), format_time(crl.next_update), fmt::format("{}", crl.entries),
                 fmt::format("{}", crl.size), crl.file});
      std::vector<fs::path> files;
      if (!crl.file.empty()) files.push_back(workspace.home().folder() / crl.file);
      values.push(describe(crl, authority.name, files));
    }
  if (context.json())
    print_json(context, Value().set("crls", std::move(values)));
  else
    table.print(context, "no CRLs");
  return Exit::done;
}

struct Verdict {
  bool good = false;
  std::string message;
};

// The signature under the key of the CA certificate that was given (RFC 5280 6.3.3 (f) and (g)): the name and
// the key usage have to fit as well, or any certificate with the same key would do.
Result<Verdict> check_signature(Context& context, const x509::CrlView& crl, const std::string& file) {
  const auto certificates = TRY(read_certificate_file(file));
  const auto issuer = TRY(x509::parse_certificate(certificates.front()).context("reading {}", file));
  if (!equal(issuer.subject, crl.issuer)) {
    const auto given = x509::parse_name(issuer.subject), named = x509::parse_name(crl.issuer);
    if (!given || !named || !x509::names_match(*given, *named))
      return Verdict{false, fmt::format("issued by {}, and {} is of {}", name_text(crl.issuer), file,
                                        name_text(issuer.subject))};
  }
  if (const auto* usage = issuer.find(x509::oid::kKeyUsage))
    if (!(TRY(x509::parse_key_usage(usage->value)) & x509::crl_sign))
      return Verdict{false, fmt::format("the key of {} may not sign CRLs (no cRLSign)", file)};
  if (!equal(crl.tbs_signature.whole, crl.signature_algorithm.whole))
    return Verdict{false, "the two algorithm identifiers of the CRL differ"};
  const auto algorithm = TRY(x509::parse_signature_algorithm(crl.signature_algorithm));
  auto verified = context.provider().verify(issuer.public_key_info, algorithm, crl.tbs, crl.signature);
  if (verified) return Verdict{true, "good"};
  return Verdict{false, std::string(verified.error().message())};
}

Result<Exit> show(Context& context, const Arguments& arguments) {
  const std::string& file = arguments.operand(0);
  const std::uint32_t limit = TRY(arguments.number("entries")).value_or(100);
  const Buffer der = TRY(read_crl_file(file));
  const auto view = TRY(x509::parse_crl(der).context("reading {} as a CRL", file));
  Value content = TRY(x509::describe_crl(view, limit).context("reading {} as a CRL", file));
  const auto prints = fingerprints(context.provider(), der);
  content.set("fingerprint_sha256", prints.sha256).set("fingerprint_sha1", prints.sha1);
  std::optional<Verdict> verdict;
  if (const std::string* issuer = arguments.find("ca"))
    verdict = TRY(check_signature(context, view, *issuer));
  const bool expired = view.next_update && *view.next_update < context.clock().now();

  if (context.json()) {
    Value value;
    value.set("crl", content).set("expired", expired);
    value.set("signature", verdict ? Value(verdict->good ? "good" : "bad") : Value());
    value.set("problem", verdict && !verdict->good ? Value(verdict->message) : Value());
    print_json(context, value);
  } else {
    context.out() << x509::to_text(printable_tree(content));
    if (expired) context.note("warning: this CRL has expired");
    if (verdict) context.out() << "Checked signature: " << (verdict->good ? "good\n" : "BAD\n");
  }
  if (!verdict || verdict->good) return Exit::done;
  if (!context.json())
    print_error(context.surroundings(), make_error(Errc::found_bad, "{}: {}", file, verdict->message), false);
  return Exit::found_bad;
}

constexpr Option kShow[] = {
    {"ca", "CERT", "check the signature with this CA certificate; exit code 4 when it is bad"},
    {"entries", "N", "show at most so many entries (100)"},
};

constexpr Command kCommands[] = {
    {"crl publish",
     "",
     "build, sign and publish a CRL now",
     "One CRL for each key of the CA, atomically replaced at each file location that takes CRLs; numbers "
     "only rise.",
     {},
     "vouch crl publish",
     &publish},
    {"crl list", "", "list the CRLs that were published", "", {}, "vouch crl list --json", &list},
    {"crl show", "FILE", "show a CRL, and check its signature", "", kShow,
     "vouch crl show root.crl --ca root.pem", &show},
};

}  // namespace

std::span<const Command> crl_commands() { return kCommands; }

}  // namespace vouch::cli
