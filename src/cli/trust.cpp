// vouch trust …: whom the relying party trusts.
#include <algorithm>
#include <ostream>

#include "cli/describe.hpp"
#include "cli/party.hpp"

namespace vouch::cli {
namespace {

using relying::TrustedIssuer;

// Removing and distrusting are steps of security: who did it stands on standard error, so in the journal as
// well.
void tell_who(const Context& context, std::string_view what, const TrustedIssuer& issuer) {
  context.note("{} {} ({}), by {}", what, issuer.certificate->subject_text(),
               to_hex(issuer.certificate->fingerprint()), context.user());
}

Value describe_issuer(const Context& context, const TrustedIssuer& issuer) {
  return relying::to_value(issuer, context.clock().now());
}

void print_warnings(const Context& context, const TrustedIssuer& issuer) {
  for (const std::string& warning : relying::warnings_of(issuer, context.clock().now()))
    context.note("warning: {}: {}", issuer.certificate->subject_text(), warning);
}

Result<Exit> list_trusted(Context& context, const Arguments&) {
  const auto party = TRY(open_party(context));
  const auto trust = party->party().trust();
  Table table{"SUBJECT", "KIND", "SOURCE", "LABEL", "UNTIL", "CRL", "SHA-256"};
  Value values = Value::list();
  for (const TrustedIssuer& issuer : trust->issuers()) {
    table.add({issuer.certificate->subject_text(), issuer.anchor ? "root" : "intermediate", issuer.source,
               issuer.label, format_time(issuer.certificate->view().not_after),
               issuer.base_url + (issuer.delta_url.empty() ? "" : " + " + issuer.delta_url),
               to_hex(issuer.certificate->fingerprint()).substr(0, 16)});
    values.push(describe_issuer(context, issuer));
  }
  if (context.json())
    print_json(context, Value().set("issuers", std::move(values)));
  else
    table.print(context, "nobody is trusted");
  return Exit::done;
}

// What the options say about an issuer; the others stay as they are.
Status apply(const Arguments& arguments, TrustedIssuer& issuer) {
  if (const std::string* label = arguments.find("label")) issuer.label = *label;
  if (const std::string* url = arguments.find("crl")) issuer.base_url = *url == "none" ? "" : *url;
  if (const std::string* url = arguments.find("delta-crl")) issuer.delta_url = *url == "none" ? "" : *url;
  if (const std::string* time = arguments.find("distrusted-after")) {
    if (*time == "never")
      issuer.distrusted_after.reset();
    else
      issuer.distrusted_after = TRY(for_option(parse_time(*time), "distrusted-after"));
  }
  if (arguments.has("purpose")) {
    issuer.purposes.clear();
    for (const std::string& text : arguments.all("purpose"))
      if (text != "all") issuer.purposes.push_back(TRY(for_option(asn1::Oid::parse(text), "purpose")));
  }
  return relying::check_issuer(issuer);
}

Result<Exit> add_trust(Context& context, const Arguments& arguments) {
  const auto party = TRY(open_party(context));
  const auto folder = party->trust_folder();
  Value values = Value::list();
  // All are looked at before one is added.
  std::vector<TrustedIssuer> issuers;
  for (const std::string& file : arguments.operands())
    for (const Buffer& der : TRY(read_certificate_file(context, file))) {
      TrustedIssuer issuer;
      issuer.certificate =
          TRY(validate::Certificate::parse(context.provider(), der).context("reading {}", file));
      issuer.anchor = issuer.certificate->self_issued() || arguments.has("anchor");
      issuer.source = folder.name();
      TRY(apply(arguments, issuer).context("{}", file));
      issuers.push_back(std::move(issuer));
    }
  for (const TrustedIssuer& issuer : issuers) {
    TRY(folder.put(issuer));
    context.say("trusted: {} ({})", issuer.certificate->subject_text(),
                issuer.anchor ? "root" : "intermediate");
    print_warnings(context, issuer);
    values.push(describe_issuer(context, issuer));
  }
  if (context.json()) print_json(context, Value().set("issuers", std::move(values)));
  return Exit::done;
}

Result<Exit> show_trust(Context& context, const Arguments& arguments) {
  const auto party = TRY(open_party(context));
  const auto trust = party->party().trust();
  const TrustedIssuer& issuer = *TRY(trust->find(arguments.operand(0)));
  if (context.json()) {
    print_json(context, Value().set("issuer", describe_issuer(context, issuer)));
    return Exit::done;
  }
  const auto& view = issuer.certificate->view();
  const auto& key = issuer.certificate->subject_key_identifier;
  Fields fields;
  fields.add("Subject", issuer.certificate->subject_text()).add("Issuer", issuer.certificate->issuer_text());
  fields.add("Kind", issuer.anchor ? "root: trust ends here" : "intermediate: to build chains from");
  fields.add("Source", issuer.source).add("Label", issuer.label);
  fields.add("Valid", fmt::format("{} to {}", format_time(view.not_before), format_time(view.not_after)));
  fields.add("Key ID", key ? to_hex(*key) : "none: the profile cba takes nothing that it issued");
  fields.add("SHA-256", to_hex(issuer.certificate->fingerprint()));
  fields.add("CRL", issuer.base_url).add("Delta CRL", issuer.delta_url);
  if (issuer.distrusted_after)
    fields.add("Distrust", "what it issues after " + format_time(*issuer.distrusted_after));
  context.out() << fields.text("");
  print_warnings(context, issuer);
  return Exit::done;
}

Result<Exit> set_trust(Context& context, const Arguments& arguments) {
  const auto party = TRY(open_party(context));
  const auto trust = party->party().trust();
  TrustedIssuer issuer = *TRY(trust->find(arguments.operand(0)));
  const auto folder = party->trust_folder();
  if (issuer.source != folder.name())
    return make_error(Errc::denied, "{} is trusted by the {}, which is not changed here",
                      issuer.certificate->subject_text(), issuer.source)
        .with_hint("vouch trust add CERT puts it on the list, whose settings win");
  TRY(apply(arguments, issuer));
  TRY(folder.put(issuer));
  if (issuer.distrusted_after) tell_who(context, "changed:", issuer);
  context.say("{} is changed; it holds from the next decision on", issuer.certificate->subject_text());
  if (context.json()) print_json(context, Value().set("issuer", describe_issuer(context, issuer)));
  return Exit::done;
}

Result<Exit> remove_trust(Context& context, const Arguments& arguments) {
  const auto party = TRY(open_party(context));
  const auto trust = party->party().trust();
  const TrustedIssuer& issuer =
      *TRY(trust->find(arguments.operand(0)));  // of this snapshot, which stays as it is
  const auto affected = trust->affected_by_removal(issuer);
  if (issuer.source != party->trust_folder().name())
    return make_error(Errc::denied, "{} is trusted by the {}, which is not changed here",
                      issuer.certificate->subject_text(), issuer.source)
        .with_hint(
            "take relying_party.bundle out of vouch.toml; or put it on the list and distrust it: vouch "
            "trust add CERT --distrusted-after TIME");
  TRY(party->trust_folder().remove(*issuer.certificate));
  tell_who(context, "removed:", issuer);
  Value values = Value::list();
  for (const TrustedIssuer* one : affected) {
    context.say("without a way to a root now: {}", one->certificate->subject_text());
    values.push(describe_issuer(context, *one));
  }
  context.say("it holds from the next decision on");
  if (context.json())
    print_json(context,
               Value().set("removed", describe_issuer(context, issuer)).set("affected", std::move(values)));
  return Exit::done;
}

constexpr Option kTrustAdd[] = {
    {"anchor", "", "trust ends here, although the CA is not a root"},
    {"label", "TEXT", "what you call it"},
    {"crl", "URL", "where its CRL is; the profile cba looks nowhere else"},
    {"delta-crl", "URL", "where its delta CRL is"},
    {"purpose", "OID", "trusted for this extended key usage only", Occurs::any_times},
    {"distrusted-after", "TIME", "what it issues later is refused"},
};
constexpr Option kTrustSet[] = {
    {"label", "TEXT", "what you call it"},
    {"crl", "URL", "where its CRL is; none: nowhere"},
    {"delta-crl", "URL", "where its delta CRL is; none: nowhere"},
    {"purpose", "OID", "trusted for this extended key usage only; all: for every one", Occurs::any_times},
    {"distrusted-after", "TIME", "what it issues later is refused; never: it is not"},
};

constexpr Command kTrustCommands[] = {
    {"trust list",
     "",
     "list the trusted issuers: roots, and CAs to build chains from",
     "",
     {},
     "vouch trust list",
     &list_trusted},
    {"trust show",
     "ISSUER",
     "show a trusted issuer",
     "ISSUER is its subject, its label, its key identifier, or the beginning of its SHA-256.",
     {},
     "vouch trust show \"CN=Example Root\"",
     &show_trust},
    {"trust add", "CERTFILE...", "trust CAs from now on",
     "Roots end trust; other CAs are there to build chains from, unless --anchor says otherwise. One that is "
     "there "
     "already gets these settings.",
     kTrustAdd, "vouch trust add root.pem issuing.pem --crl http://pki.example.test/issuing.crl", &add_trust},
    {"trust set", "ISSUER", "change what is said about a trusted issuer", "", kTrustSet,
     "vouch trust set \"CN=Example Root\" --distrusted-after 2026-12-01", &set_trust},
    {"trust remove",
     "ISSUER",
     "trust a CA no longer, and say what that affects",
     "",
     {},
     "vouch trust remove \"CN=Example Root\"",
     &remove_trust},
};

}  // namespace

std::span<const Command> trust_commands() { return kTrustCommands; }

}  // namespace vouch::cli
