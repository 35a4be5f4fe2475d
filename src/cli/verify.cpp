// vouch verify: is this certificate good, and why.
#include <algorithm>
#include <ostream>

#include "cli/describe.hpp"
#include "cli/party.hpp"

namespace vouch::cli {
namespace {

using relying::Decision, relying::Profile, relying::Question;

// All certificates of a file, the first one's own first.
Result<std::vector<validate::CertificatePtr>> read_issuers(Context& context, const std::string& file) {
  std::vector<validate::CertificatePtr> issuers;
  for (const Buffer& der : TRY(read_certificate_file(context, file)))
    issuers.push_back(TRY(validate::Certificate::parse(context.provider(), der).context("reading {}", file)));
  return issuers;
}

// Roots are trust anchors, other CAs are there to build from; without a root, all of them are anchors.
Result<relying::TrustListPtr> trust_of_line(Context& context, const std::vector<std::string>& files) {
  std::vector<relying::TrustedIssuer> issuers;
  for (const std::string& file : files)
    for (validate::CertificatePtr& certificate : TRY(read_issuers(context, file))) {
      relying::TrustedIssuer issuer;
      issuer.anchor = certificate->self_issued();
      issuer.source = file;
      issuer.certificate = std::move(certificate);
      issuers.push_back(std::move(issuer));
    }
  if (std::ranges::none_of(issuers, &relying::TrustedIssuer::anchor))
    for (relying::TrustedIssuer& issuer : issuers) issuer.anchor = true;
  return std::make_shared<const relying::TrustList>(std::move(issuers));
}

// The home's relying party, or with --trust one that lives for this command and leaves nothing behind.
struct Party {
  std::unique_ptr<relying::PartyHome> home;
  std::shared_ptr<relying::CrlCache> own_cache;
  std::unique_ptr<relying::RelyingParty> own;
  relying::RelyingParty& party() const { return home ? home->party() : *own; }
  relying::CrlCache& cache() const { return home ? home->cache() : *own_cache; }
};
Result<Party> party_of(Context& context, const Arguments& arguments) {
  Party party;
  const auto files = arguments.all("trust");
  if (files.empty()) {
    party.home = TRY(open_party(context));
    return party;
  }
  const auto provider = context.surroundings().make_provider();
  party.own_cache = relying::make_memory_cache(provider);
  party.own =
      std::make_unique<relying::RelyingParty>(provider, context.clock(), TRY(trust_of_line(context, files)),
                                              relying::RelyingPartySettings{.cache = party.own_cache});
  return party;
}

Status apply_revocation(const std::string& words, Profile& profile) {
  if (words == "off")
    profile.path.revocation = validate::RevocationRule::none;
  else if (words == "crl")
    profile.ocsp.use = false;
  else if (words == "crl,ocsp" || words == "ocsp,crl")
    profile.ocsp.use = true;
  return ok();
}

Result<Profile> profile_of(const Context& context, const Arguments& arguments) {
  const auto configuration = TRY(party_configuration(context));
  Profile profile = TRY(find_profile(context, configuration, arguments.text("profile")));
  TRY(apply_revocation(arguments.text("revocation"), profile));
  return profile;
}

Result<Question> question_of_call(const Context& context, const Arguments& arguments) {
  Question question;
  if (const std::string* purpose = arguments.find("purpose"))
    question.purpose = TRY(for_option(relying::purpose_from_name(*purpose), "purpose"));
  question.expected = {.host = arguments.text("host"),
                       .upn = arguments.text("upn"),
                       .sid = arguments.text("sid"),
                       .realm = arguments.text("realm"),
                       .email = arguments.text("email")};
  question.at = TRY(arguments.time("at"));
  if (const std::string* file = arguments.find("stapled"))
    question.stapled = TRY(context.files().read(*file));
  return question;
}

// CRLs at hand count like those that were fetched: the newest that is good.
Status offer_crls(Context& context, const Arguments& arguments, const Party& party, const Question& question,
                  const std::vector<Buffer>& chain) {
  const auto files = arguments.all("crl");
  if (files.empty()) return ok();
  relying::CrlOffer offer;
  offer.now = question.at.value_or(context.clock().now());
  offer.need_key_identifier = false;
  for (const auto& issuer : party.party().trust()->issuers()) offer.signers.push_back(issuer.certificate);
  for (const Buffer& der : chain)
    if (auto certificate = validate::Certificate::parse(context.provider(), der))
      offer.signers.push_back(std::move(*certificate));
  for (const std::string& file : files) {
    const auto taken =
        TRY(party.cache().put(TRY(read_crl_file(context, file)), offer).context("reading {}", file));
    if (taken.finding)
      context.note("warning: {} is not used: {}", file, validate::message_of(*taken.finding));
  }
  return ok();
}

std::string code_of(const Decision& decision) {
  return decision.code == 0 ? decision.name : fmt::format("{}, AADSTS{}", decision.name, decision.code);
}

void print_decision(const Context& context, const std::string& file, const Decision& decision, bool explain) {
  if (explain) {
    const std::string story = relying::to_text(decision);
    for (std::string_view rest = story; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size());
      context.out() << printable(rest.substr(0, end)) << '\n';
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return;
  }
  if (decision.accepted) {
    const auto until = decision.unseen_until();
    context.say("{}: accepted{}{}", file, decision.trust.empty() ? "" : ", trusted by " + decision.trust,
                until ? fmt::format("; a revocation may stay unseen until {}", format_time(*until)) : "");
    return;
  }
  std::string mend;
  for (const std::string& one : decision.recommendations) mend += (mend.empty() ? "" : " ") + one;
  print_error(context.surroundings(),
              make_error(Errc::found_bad, "{}: refused: {} ({})", file, decision.message, code_of(decision))
                  .with_hint(mend + (mend.empty() ? "" : " ") + "--explain tells the whole story."),
              false);
}

Result<Exit> verify_certificates(Context& context, const Arguments& arguments) {
  Question question = TRY(question_of_call(context, arguments));
  const Profile profile = TRY(profile_of(context, arguments));
  std::vector<Buffer> more;
  for (const std::string& file : arguments.all("chain"))
    for (Buffer& der : TRY(read_certificate_file(context, file))) more.push_back(std::move(der));
  std::vector<std::vector<Buffer>> chains;
  for (const std::string& file : arguments.operands()) {
    chains.push_back(TRY(read_certificate_file(context, file)));
    chains.back().insert(chains.back().end(), more.begin(), more.end());
  }
  const Party party = TRY(party_of(context, arguments));
  Exit exit = Exit::done;
  Value decisions = Value::list();
  for (std::size_t i = 0; i < chains.size(); ++i) {
    const std::string& file = arguments.operand(i);
    TRY(offer_crls(context, arguments, party, question, chains[i]));
    question.chain = std::move(chains[i]);
    const Progress progress(context, "checking " + file);
    const Decision decision = party.party().decide(question, profile);
    if (!decision.accepted) exit = Exit::found_bad;
    decisions.push(relying::to_value(decision).set("file", file));
    if (!context.json()) print_decision(context, file, decision, arguments.has("explain"));
  }
  if (context.json()) print_json(context, Value().set("decisions", std::move(decisions)));
  return exit;
}

constexpr Option kVerifyOptions[] = {
    {"chain", "FILE", "further certificates that came with it; those in its own file count as well",
     Occurs::any_times},
    {"trust", "FILE",
     "trust the roots in this file, and nobody else; other CAs in it are there to build from",
     Occurs::any_times},
    {"profile", "NAME|FILE", "cba, logon, cba-government, or one of one's own; else that of [relying_party]"},
    {"purpose", "client|server|smartcard|kdc|email|code|timestamp|ocsp|crl|any", "what it is to be used for"},
    {"host", "NAME", "whom it must name: a server"},
    {"upn", "NAME", "a user, by principal name"},
    {"sid", "SID", "a user, by security identifier"},
    {"realm", "REALM", "a KDC"},
    {"email", "ADDRESS", "a sender"},
    {"revocation", "crl|crl,ocsp|off", "which sources are asked, in place of the profile's"},
    {"at", "TIME", "decide as of then"},
    {"stapled", "FILE", "an OCSP answer that came with it, DER"},
    {"crl", "FILE", "a CRL at hand, PEM or DER", Occurs::any_times},
    {"explain", "",
     "tell the story: chain as sent and as built, each step about revocation, where trust ends"},
};

constexpr Command kVerifyCommands[] = {
    {"verify", "CERTFILE...", "say whether certificates are good, and why",
     "Builds a chain to a trusted issuer, checks it for the purpose, and asks about revocation as the "
     "profile "
     "says: cached answers, OCSP, CRLs. Trusted issuers and caches are those of the home; with --trust "
     "nothing of the "
     "home is used. Exit code 0 when all are accepted, 4 when one is refused: with its number in Microsoft "
     "Entra's reference where it has one, which vouch explain knows. docs/mechanisms/relying-party.md.",
     kVerifyOptions, "vouch verify alice.pem --profile logon --purpose smartcard --explain",
     &verify_certificates},
};

}  // namespace

std::span<const Command> verify_commands() { return kVerifyCommands; }

}  // namespace vouch::cli
