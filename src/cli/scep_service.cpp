// vouch scep caps, vouch scep ca: what a service says before anything is sent to it.
#include <algorithm>
#include <ostream>

#include "cli/describe.hpp"
#include "cli/scep_client.hpp"
#include "enroll/scep/explain.hpp"

namespace vouch::cli {
namespace {

namespace scep = enroll::scep;

// What follows from the words for devices that are known.
std::vector<std::string> remarks_on(const scep::Capabilities& said) {
  std::vector<std::string> out;
  if (said.words.empty())
    out.emplace_back("nothing is offered: old clients take that for single DES, MD5 and GET");
  if (!said.has_post()) out.emplace_back("no POST: messages travel in URLs, which have to be long enough");
  if (!said.has_aes())
    out.emplace_back(
        "no AES: RFC 8894 2.9 wants it of every service; clients fall back to triple or single DES");
  if (!said.has_sha256()) out.emplace_back("no SHA-256: RFC 8894 2.9 wants it of every service");
  if (!said.has("Renewal"))
    out.emplace_back("no Renewal: macOS logs an error; certificates are not renewed by RenewalReq");
  if (said.has_aes() && !said.has("SHA-384"))
    out.emplace_back("strongSwan 5.9.8 to 5.9.10 take AES for missing unless SHA-384 is in the list");
  return out;
}

Result<Exit> capabilities(Context& context, const Arguments& arguments) {
  scep::ServiceClient service = TRY(reach_scep(context, arguments, arguments.operand(0)));
  const scep::Capabilities said = TRY(service.capabilities());
  const std::vector<std::string> remarks = remarks_on(said);
  std::vector<std::string> words;
  for (const std::string& word : said.words) words.push_back(printable(word));
  if (context.json()) {
    print_json(context, Value()
                            .set("url", service.url())
                            .set("words", texts(words))
                            .set("post", said.has_post())
                            .set("aes", said.has_aes())
                            .set("triple_des", said.has("DES3"))
                            .set("sha1", said.has("SHA-1"))
                            .set("sha256", said.has_sha256())
                            .set("sha512", said.has("SHA-512"))
                            .set("renewal", said.has("Renewal"))
                            .set("next_ca", said.has("GetNextCACert"))
                            .set("remarks", texts(remarks)));
    return Exit::done;
  }
  for (const std::string& word : words) context.out() << word << '\n';
  for (const std::string& remark : remarks) context.note("note: {}", remark);
  return Exit::done;
}

// What a certificate of the answer is for, in the order of importance.
std::vector<std::string> uses_of(const scep::ServiceCertificates& certificates, const Buffer& der) {
  std::vector<std::string> out;
  if (der == certificates.ca) out.emplace_back("issues");
  if (der == certificates.encryption) out.emplace_back("takes messages");
  const auto view = x509::parse_certificate(der);
  const x509::ExtensionView* const usage = view ? view->find(x509::oid::kKeyUsage) : nullptr;
  const bool signs = usage == nullptr || (x509::parse_key_usage(usage->value).value_or(std::uint16_t{0}) &
                                          x509::digital_signature);
  if (signs) out.emplace_back("signs replies");
  if (out.empty()) out.emplace_back("stands above");
  return out;
}

Result<Exit> certificates(Context& context, const Arguments& arguments) {
  scep::ServiceClient service = TRY(reach_scep(context, arguments, arguments.operand(0)));
  const scep::ServiceTrust trust = TRY(scep_trust(context, arguments, service));
  const scep::ServiceCertificates got = TRY(service.certificates());
  const auto judged = TRY(judge_service(context.provider(), got, trust, context.clock().now()));
  if (const std::string* out = arguments.find("out"))
    TRY(write_output(context, *out, TRY(certificate_output(context, got.all))));

  Value list = Value::list();
  for (const Buffer& der : got.all) {
    const auto view = TRY(x509::parse_certificate(der));
    const auto prints = fingerprints(context.provider(), der);
    const std::vector<std::string> uses = uses_of(got, der);
    const bool vouched =
        !judged.why.empty() && std::ranges::find(judged.signers, der) != judged.signers.end();
    Value described = scep::summarize_certificate(context.provider(), der);
    list.push(Value()
                  .set("uses", texts(uses))
                  .set("vouched_for", vouched)
                  .set("certificate", std::move(described)));
    if (context.json() || arguments.text("out") == "-") continue;
    Fields fields;
    fields.add("Issuer", printable(name_text(view.issuer)))
        .add("Uses", fmt::format("{}", fmt::join(uses, ", ")));
    fields.add("Key", key_text(view.public_key_info));
    fields.add("Valid", fmt::format("{} to {}", format_time(view.not_before), format_time(view.not_after)));
    fields.add("SHA-256", prints.sha256).add("SHA-1", prints.sha1);
    if (!judged.why.empty()) fields.add("Trusted", vouched ? "yes, by " + judged.why : "no");
    context.out() << printable(name_text(view.subject)) << '\n' << fields.text();
  }
  if (context.json())
    print_json(context, Value()
                            .set("url", service.url())
                            .set("trusted_by", text_or_null(judged.why))
                            .set("file", text_or_null(arguments.text("out")))
                            .set("certificates", std::move(list)));
  if (judged.why.empty())
    context.note(
        "warning: nothing says that these are the right certificates; compare the CA's fingerprint with what "
        "its "
        "administrator says, and give it with --fingerprint");
  return Exit::done;
}

constexpr Option kCaps[] = {kScepTlsRoots};
constexpr Option kCa[] = {
    kScepFingerprint,
    kScepAuthorities,
    kScepTlsRoots,
    {"out", "FILE", "where the certificates are written, in the order that they came in"}};

constexpr Command kScepServiceCommands[] = {
    {"scep caps", "URL", "ask a SCEP service what it can do (GetCACaps)",
     "Prints the words of the answer, and notes what they mean for devices that are known to be particular.",
     kCaps, "vouch scep caps http://ca.example.test/certsrv/mscep/mscep.dll", &capabilities},
    {"scep ca", "URL", "fetch the certificates of a SCEP service (GetCACert)",
     "Shows the certificates of the CA and of its registration authority, what each is for, and their "
     "fingerprints. "
     "With --fingerprint or --ca-file the command fails when the certificate that messages are encrypted for "
     "is not "
     "vouched for.",
     kCa, "vouch scep ca http://ca.example.test/scep --out ca.pem", &certificates},
};

}  // namespace

std::span<const Command> scep_service_commands() { return kScepServiceCommands; }

}  // namespace vouch::cli
