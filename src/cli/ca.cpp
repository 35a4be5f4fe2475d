// vouch ca …
#include <ostream>

#include "base/pem.hpp"
#include "ca/keys/key_care.hpp"
#include "ca/setup/renewal.hpp"
#include "cli/ca_setup.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

// The newest generation that has a certificate.
Result<store::KeyGeneration> current_generation(const store::Snapshot& snapshot,
                                                const store::AuthorityRecord& record) {
  const auto generations = TRY(snapshot.key_generations(record.id));
  for (auto it = generations.rbegin(); it != generations.rend(); ++it)
    if (!it->certificate.empty()) return *it;
  return make_error(Errc::unavailable, "CA '{}' has no certificate yet", record.name)
      .with_hint("its request: vouch ca export --request; the parent's answer: vouch ca install FILE");
}

// The one with that certificate index.
Result<store::KeyGeneration> numbered_generation(const store::Snapshot& snapshot,
                                                 const store::AuthorityRecord& record, std::uint32_t index) {
  std::string known;
  for (store::KeyGeneration& each : TRY(snapshot.key_generations(record.id))) {
    if (each.certificate.empty()) continue;
    if (each.certificate_index == index) return std::move(each);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", each.certificate_index);
  }
  return make_error(Errc::not_found, "CA '{}' has no certificate {}", record.name, index)
      .with_hint(known.empty() ? "it has none yet" : "there is: " + known);
}

void print_generation(Context& context, const Value& generation) {
  Fields fields;
  fields.add("Version", text_member(generation, "version") + ", " + text_member(generation, "state"));
  fields.add("Key", text_member(generation, "key"));
  fields.add("Stored as", text_member(generation, "key_reference"));
  if (const std::string subject = text_member(generation, "subject"); subject.empty())
    fields.add("Certificate", "none yet: waits for the parent's answer");
  else
    fields.add("Subject", subject)
        .add("Issuer", text_member(generation, "issuer"))
        .add("Serial", text_member(generation, "serial"))
        .add("Valid", text_member(generation, "not_before") + " to " + text_member(generation, "not_after"))
        .add("Renew at", text_member(generation, "renew_at"))
        .add("SHA-256", text_member(generation, "sha256"))
        .add("SHA-1", text_member(generation, "sha1"));
  for (const Value& parent : *generation.find("chain")->list_items())
    fields.add("Signed by",
               fmt::format("{} (SHA-256 {})", text_member(parent, "subject"), text_member(parent, "sha256")));
  context.out() << '\n' << fields.text();
}

Result<Exit> show_ca(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(context.choose_authority(*snapshot));
  const Value value = TRY(describe(workspace.environment(), *snapshot, record));
  if (context.json()) {
    print_json(context, value);
    return Exit::done;
  }
  Fields fields;
  fields.add("CA", record.name)
      .add("Kind", text_member(value, "kind"))
      .add("Mode", text_member(value, "mode"));
  fields.add("State", text_member(value, "state")).add("Set up", text_member(value, "created_at"));
  fields.add("Signs with", text_member(value, "signature_algorithm"));
  fields.add("Issues", *value.find("automatic_issuance")->boolean()
                           ? "at once, without the pending queue"
                           : "after approval, or as the template says");
  if (*value.find("interactive_key")->boolean())
    fields.add("Key", "each use waits for an administrator (vouch ca unlock)");
  if (const std::string due = text_member(value, "renewal_due"); !due.empty())
    fields.add("Renew at",
               due + (*value.find("renewal_is_due")->boolean() ? ": due, half of its life is over" : ""));
  if (const Value& parent = *value.find("parent"); !parent.is_null()) {
    const auto* request = parent.find("request")->integer();
    fields.add("Parent", fmt::format("CA {} at {}{}", text_member(parent, "ca"), text_member(parent, "url"),
                                     request ? fmt::format(", asked by request {} there", *request) : ""));
  }
  fields.add("CRL every",
             text_member(value, "crl_period") + ", overlap " + text_member(value, "crl_overlap"));
  if (const std::string period = text_member(value, "delta_period"); !period.empty())
    fields.add("Delta every", period + ", overlap " + text_member(value, "delta_overlap"));
  for (const std::string_view list : {"cdp", "aia"})
    for (const Value& location : *value.find(list)->list_items())
      fields.add(list == "cdp" ? "CDP" : "AIA", *location.text());
  std::string templates;
  for (const Value& name : *value.find("templates")->list_items())
    templates += (templates.empty() ? "" : ", ") + *name.text();
  fields.add("Templates", templates.empty() ? "none published" : templates);
  if (const Value& crl = *value.find("crl"); !crl.is_null())
    fields.add("Newest CRL", fmt::format("number {}, until {}", *crl.find("number")->integer(),
                                         text_member(crl, "next_update")));
  context.out() << fields.text("");
  for (const Value& generation : *value.find("keys")->list_items()) print_generation(context, generation);
  return Exit::done;
}

Result<Exit> list_cas(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  Value values = Value::list();
  Table table{"NAME", "KIND", "MODE", "STATE", "EXPIRES"};
  for (const auto& record : TRY(snapshot->authorities())) {
    Value line = TRY(api::summarize(*snapshot, record));
    const Value& expires = *line.find("not_after");
    table.add({record.name, text_member(line, "kind"), text_member(line, "mode"), text_member(line, "state"),
               expires.is_null() ? "-" : *expires.text()});
    values.push(std::move(line));
  }
  if (context.json())
    print_json(context, Value().set("cas", std::move(values)));
  else
    table.print(context, "no CAs");
  return Exit::done;
}

// The key goes out: encrypted, readable by its owner alone, and never to standard output.
Result<Exit> export_p12(Context& context, const Arguments& arguments) {
  const std::string& file = *arguments.find("p12");
  if (file == "-") return usage_error("--p12 writes a private key: name a file, not standard output");
  if (arguments.has("out")) return usage_error("--p12 names its file itself: leave --out out");
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  std::string password = TRY(p12_password(context, arguments, file));
  Buffer content = TRY(ca::export_pkcs12(workspace.environment(), record, password, context.user()));
  wipe(password);
  auto written = write_file_new(file, content, 0600);
  wipe(content);
  TRY(std::move(written));
  context.say("certificate, chain and private key of CA '{}' are in {}", record.name, file);
  return Exit::done;
}

Result<Exit> export_ca(Context& context, const Arguments& arguments) {
  const int what =
      arguments.has("cert") + arguments.has("chain") + arguments.has("request") + arguments.has("p12");
  if (what > 1) return usage_error("--cert, --chain, --request and --p12: give one of them");
  if (arguments.has("p7b") && (arguments.has("request") || arguments.has("p12")))
    return usage_error("--p7b goes with --cert or --chain: a request is no certificate");
  if (arguments.has("p12")) return export_p12(context, arguments);
  if (arguments.has("p12-password-file")) return usage_error("--p12-password-file goes with --p12");
  const auto index = TRY(arguments.number("generation"));
  if (index && arguments.has("request")) return usage_error("--generation goes with --cert or --chain");
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(workspace.snapshot());
  const auto record = TRY(context.choose_authority(*snapshot));
  const std::string out = arguments.text("out", "-");
  Buffer content;
  if (arguments.has("request")) {
    const auto generations = TRY(snapshot->key_generations(record.id));
    if (generations.empty() || generations.back().request.empty())
      return make_error(Errc::not_found, "CA '{}' has made no request: it signed itself", record.name);
    const Buffer& der = generations.back().request;
    content = context.der() ? der : to_buffer(as_bytes(to_pem("CERTIFICATE REQUEST", der)));
  } else {
    const auto generation =
        TRY(index ? numbered_generation(*snapshot, record, *index) : current_generation(*snapshot, record));
    std::vector<Buffer> certificates{generation.certificate};
    if (arguments.has("chain"))
      certificates.insert(certificates.end(), generation.chain.begin(), generation.chain.end());
    content = arguments.has("p7b") ? p7b_output(context, certificates)
                                   : TRY(certificate_output(context, certificates));
  }
  TRY(write_output(context, out, content));
  if (out != "-") context.say("written to {}", out);
  return Exit::done;
}

// Of init and renew alike: how the parent is reached.
constexpr Option kParentCa = {"parent-ca", "NAME",
                              "which CA of that other home or service, if there are several"};
constexpr Option kParentPassphrase = {"parent-passphrase-file", "FILE",
                                      "the passphrase of the parent's key, or of --parent-key"};
constexpr Option kParentCertificate = {"parent-certificate", "FILE",
                                       "the client certificate that the parent's service knows this host by"};
constexpr Option kParentKey = {"parent-key", "FILE", "its key"};
constexpr Option kParentTrust = {"parent-trust", "FILE",
                                 "the root of the service's own certificate; the system's roots if left out"};
constexpr Option kParentWait = {"parent-wait", "SPAN",
                                "when somebody there has to approve, ask until then: 10m"};
constexpr Option kPathLength = {"path-length", "N", "how many CAs may stand below this one (with --parent)"};
constexpr Option kInit[] = {
    {"name", "NAME", "the CA's name, at most 64 characters; becomes CN of its subject", Occurs::once},
    {"kind", "root|subordinate", "a root signs itself, a subordinate is signed by its parent", Occurs::once},
    {"mode", "standalone|enterprise", "stand-alone (the default) or with a directory"},
    {"key", "SPEC",
     "ec:P-256 (the default), ec:P-384, ec:P-521, rsa:2048 to rsa:8192, rsa-pss:3072, ed25519"},
    {"hash", "HASH", "sha256, sha384 or sha512; the default fits the key"},
    {"validity", "SPAN", "how long its certificate is valid: 20y (a root's default), 90d"},
    {"subject-suffix", "DN", "what follows CN=NAME in the subject: \"O=Example,C=DE\""},
    {"import-key", "FILE", "an existing private key instead of a new one"},
    {"import-passphrase-file", "FILE", "the passphrase of the imported key"},
    {"pkcs11", "URI",
     "the key on a token: a new one, or the one that the URI names (pkcs11:token=T;object=K)"},
    {"import-p12", "FILE", "a CA that exists: certificate and key from a PKCS #12 file (.p12, .pfx)"},
    {"p12-password-file", "FILE", "the password of that file"},
    {"p12-chain", "FILE", "certificates above it that the file lacks", Occurs::any_times},
    {"interactive-key", "", "each use of the key waits until an administrator runs: vouch ca unlock"},
    {"parent", "NAME|HOME|HOST|URL",
     "the parent: a CA of this home or another home's folder, which signs at once; or a service: "
     "https://ca.example.test:8443, or unix:/PATH of its socket"},
    kParentCa,
    kParentPassphrase,
    kParentCertificate,
    kParentKey,
    kParentTrust,
    kParentWait,
    kPathLength,
    {"request-out", "FILE", "write the request for a parent elsewhere"},
    {"automatic-issuance", "", "stand-alone: issue without the pending queue (less secure)"},
    {"no-locations", "", "put no AIA and CDP into what it issues"},
    {"allow-host-name", "", "accept a CA name that is this host's name"},
    {"capolicy", "FILE", "read this CAPolicy.inf instead of HOME/CAPolicy.inf or /etc/vouch/CAPolicy.inf"},
    {"force-weak-key", "", "accept an RSA key of 1024 to 2047 bits (dangerous)"},
};
constexpr Option kRenew[] = {
    {"new-key", "", "make a new key; without, the present one is certified again"},
    {"key", "SPEC", "the kind of new key: ec:P-384, rsa:4096; as now if left out"},
    {"hash", "HASH", "sha256, sha384 or sha512, for everything signed from now on"},
    {"validity", "SPAN",
     "how long the new certificate is valid; a root's default is as long as the present one"},
    {"capolicy", "FILE", "read this CAPolicy.inf instead of HOME/CAPolicy.inf or /etc/vouch/CAPolicy.inf"},
    {"pkcs11", "URI", "the new key on this token; left out: on the present key's token, or in a file as now"},
    {"parent", "NAME|HOME|HOST|URL",
     "a subordinate's parent: a CA of this home or another home's folder, which signs at once; or a service: "
     "https://ca.example.test:8443, or unix:/PATH of its socket"},
    kParentCa,
    kParentPassphrase,
    kParentCertificate,
    kParentKey,
    kParentTrust,
    kParentWait,
    kPathLength,
    {"request-out", "FILE", "write a subordinate's request for a parent elsewhere"},
    {"replace", "", "give up a renewal that still waits for its parent's answer"},
    {"force-weak-key", "", "accept an RSA key of 1024 to 2047 bits (dangerous)"},
};
constexpr Option kSign[] = {
    {"out", "FILE", "where the certificate and its chain go; - is standard output", Occurs::once},
    {"path-length", "N", "how many CAs may stand below the new one"},
    {"validity", "SPAN", "how long it is valid: 10y"},
    {"p7b", "", "write certificate and chain as a p7b, as AD CS and Windows take them"},
};
constexpr Option kInstall[] = {
    {"chain", "FILE", "further certificates on the way to the root", Occurs::any_times},
    {"trust", "FILE", "the root certificate to trust", Occurs::any_times},
    {"from-parent", "", "ask the parent that `ca init` or `ca renew` asked over its API"},
    {"again", "", "hand the request in once more, after it was refused there (with --from-parent)"},
    {"parent-wait", "SPAN", "when it still has to be approved, ask until then: 10m"},
    {"parent-certificate", "FILE", "another client certificate than the recorded one"},
    {"parent-key", "FILE", "its key"},
    {"parent-trust", "FILE", "another root of the service's own certificate"},
    {"parent-passphrase-file", "FILE", "the passphrase of the client certificate's key"},
};
constexpr Option kCaExport[] = {
    {"cert", "", "the CA certificate (the default)"},
    {"chain", "", "the CA certificate and its parents, root last"},
    {"request", "", "the request that waits for the parent's signature"},
    {"p12", "FILE", "certificate, chain and private key, encrypted, as a PKCS #12 file"},
    {"p12-password-file", "FILE", "the password of that file"},
    {"p7b", "", "as a p7b, as AD CS and Windows take certificates and chains"},
    {"generation", "N", "the certificate with this index instead of the newest (ca show lists them)"},
    {"out", "FILE", "where to; standard output if left out"},
};

constexpr Command kCaCommands[] = {
    {"ca init", "", "set up a CA",
     "Makes the key, the database rows and, for a root, the self-signed certificate. A subordinate is signed "
     "by --parent at once, or writes a request with --request-out for `vouch ca sign` elsewhere and `vouch "
     "ca "
     "install` afterwards. A parent that is a service signs at once for its administrators; for others the "
     "request waits there for approval (exit code 3), and `vouch ca install --from-parent` asks again. With "
     "a passphrase (--key-passphrase-file or the environment) the key file is encrypted; "
     "without, "
     "its mode 0600 alone protects it. With --pkcs11 the key is made on the token that the URI names, or "
     "found "
     "there; token, PIN and mechanism are tested with a trial signature before anything is written. The CA "
     "certificate and a first CRL are published at the end.",
     kInit, "vouch ca init --name \"Example Root CA\" --kind root --key ec:P-384 --validity 20y", &ca_init},
    {"ca sign", "REQUEST", "sign a subordinate CA's request",
     "Writes the new CA certificate followed by this CA's chain; with --der the certificate alone.", kSign,
     "vouch ca sign sub.csr --out sub.pem --path-length 0", &ca_sign},
    {"ca install", "[FILE]", "install the certificate that the parent returned",
     "FILE is PEM, DER or a p7b and may hold the chain. The chain is built up to a self-signed root and "
     "recorded; "
     "when a certificate is missing, the message names it. With --from-parent the answer comes over the "
     "parent's API; while it is pending, the exit code is 3.",
     kInstall, "vouch ca install sub.pem --chain policy-ca.pem --trust root.pem", &ca_install},
    {"ca renew", "", "renew a CA, with the same or a new key",
     "A root signs itself again and uses the new certificate from then on; with a new key it also publishes "
     "cross-certificates between old and new. A subordinate is signed by --parent at once, or writes a "
     "request "
     "with --request-out for `vouch ca sign` elsewhere and `vouch ca install` afterwards; until then it goes "
     "on "
     "with what it has. Old certificates stay: each key signs its own CRL as long as one of its certificates "
     "is "
     "valid. CAPolicy.inf is read again.",
     kRenew, "vouch ca renew --new-key --hash sha384", &ca_renew},
    {"ca set",
     "SETTING=VALUE...",
     "change settings of a CA",
     "hash=sha256|sha384|sha512: digest of what is signed from now on. alternate-signature-algorithm=yes|no: "
     "RSA "
     "keys sign with PSS. automatic-issuance=yes|no: issue without the pending queue (less secure). "
     "override-logon-purposes=yes|no: smart-card-logon and KDC purposes on a stand-alone CA. "
     "default-validity=SPAN: of certificates issued without a template.",
     {},
     "vouch ca set hash=sha384",
     &ca_set},
    {"ca show",
     "",
     "show a CA: settings, locations, keys and certificates",
     "",
     {},
     "vouch ca show --ca \"Example Root CA\"",
     &show_ca},
    {"ca list", "", "list the CAs of this home", "", {}, "vouch ca list --json", &list_cas},
    {"ca export", "", "write the CA certificate, its chain, its request, or all with the key", "", kCaExport,
     "vouch ca export --chain --out chain.pem", &export_ca},
};

}  // namespace

std::span<const Command> ca_commands() { return kCaCommands; }

}  // namespace vouch::cli
