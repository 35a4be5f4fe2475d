#include "api/schema.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "base/time.hpp"

namespace vouch::api {
namespace {

constexpr Member kProblem[] = {
    {"type", "string", "urn:vouch:error: and the category"},
    {"title", "string", "what the category means"},
    {"status", "integer", "the HTTP status"},
    {"detail", "string", "what went wrong"},
    {"while", "[string]", "what was being done, innermost first"},
    {"hint", "string?", "how to mend it"},
};
constexpr Member kCaller[] = {
    {"account", "string", "the account that roles are granted to"},
    {"way", "string", "how it was proved", false, "socket|certificate"},
    {"roles", "[Grant]", "the grants that apply to it"},
};
constexpr Member kCas[] = {{"cas", "[CaSummary]", "in the order of their names"}};
constexpr Member kCaSummary[] = {
    {"name", "string", "the CA's name in this home"},
    {"kind", "string", "", false, "root|subordinate"},
    {"mode", "string", "", false, "standalone|enterprise"},
    {"state", "string", "", false, "ready|waits for its certificate"},
    {"not_after", "time?", "end of its newest certificate"},
};
constexpr Member kChain[] = {
    {"certificates", "pem", "the CA certificate that signs now and its parents, nearest first"}};
constexpr Member kSubmission[] = {
    {"ca", "string", "the CA; may be left out when there is one", true},
    {"request", "pem", "PKCS #10, or a signed message (CMS) around it"},
    {"template", "string", "the template; a stand-alone CA takes requests without one", true},
    {"attributes", "any", "name and value pairs to keep beside the request", true},
    {"transaction", "string", "the same again, by the same account, gives the outcome of the first time",
     true},
    {"client_transaction", "string",
     "what the client calls it; GET /submissions/{client_transaction} finds it", true},
    {"wait_for_approval", "boolean", "a certificate manager decides, whatever the template says", true},
    {"approve", "boolean", "who asks approves it, too, where its role allows that", true},
    {"challenge", "ChallengeProof", "what the device that asks proves its right with", true},
};
constexpr Member kChallengeProof[] = {
    {"secret", "string", "the challenge password as the device sent it; empty: it sent none"},
    {"profile", "string", "for which the device enrols"},
    {"client", "string", "the address of the device"},
    {"transaction", "string", "of the device's protocol"},
    {"renews", "pem", "a renewal: the certificate whose key signed the message", true},
    {"renewal_grace", "integer",
     "so many seconds after its end it may be renewed; an account that is bound to "
     "challenges gets at most what its binding says",
     true},
};
constexpr Member kSubmitted[] = {
    {"request", "integer", "RequestID"},
    {"certificate_request", "pem", "as it was handed in"},
    {"transaction", "string", "its `transaction`"},
    {"attributes", "any", "its `attributes`", true},
};
constexpr Member kCrlContent[] = {{"crl", "pem", "X509 CRL"}};
constexpr Member kMintOrder[] = {
    {"ca", "string", "the CA; may be left out when there is one", true},
    {"minter", "string", "which minter; left out: the first that may", true},
    {"profile", "string", "for which the device enrols"},
    {"template", "string", "of the certificate", true},
    {"device", "string", "the MDM's name for it", true},
    {"user", "string", "whose it is", true},
    {"request_id", "string", "the MDM's", true},
    {"sid", "string", "security identifier for the certificate: S-1-5-21-…", true},
    {"subjects", "[string]", "RFC 4514; the request's is one of them", true},
    {"names", "[string]", "alternative names that the request has: DNS:phone-7.example", true},
    {"allowed_names", "[string]", "alternative names that it may have beside them", true},
    {"key_usage", "[string]", "digitalSignature, …", true},
    {"key_usage_subset", "boolean", "the request may ask for less", true},
    {"purposes", "[string]", "clientAuth, …, or OIDs", true},
    {"purposes_subset", "boolean", "the request may ask for less", true},
    {"key_types", "[string]", "RSA, P-256, P-384, P-521, Ed25519", true},
    {"hashes", "[string]", "sha256, sha384, sha512: the request is signed with one of them", true},
    {"min_bits", "integer", "of the key", true},
    {"max_bits", "integer", "of the key", true},
    {"spki_sha256", "string", "of the one key, in hexadecimal", true},
    {"validity", "string", "of the certificate at most: 90d", true},
    {"lifetime", "string", "of the challenge; 7d if left out", true},
    {"android", "AndroidDevice", "what is known of an Android device", true},
};
constexpr Member kAndroidDevice[] = {
    {"os_version", "integer", "9, 10, …", true},
    {"shipped_version", "integer", "that it left the factory with", true},
    {"encryption", "string", "", true, "full-disk|file-based|unknown"},
    {"pin_set", "boolean", "", true},
    {"dedicated", "boolean", "a kiosk", true},
};
constexpr Member kPasswordOrder[] = {
    {"ca", "string", "the CA; may be left out when there is one", true},
    {"profile", "string", "for which a device enrols"},
    {"device", "string", "to find it by", true},
    {"length", "integer", "16 to 64 characters; 16 if left out", true},
};
constexpr Member kMintedChallenge[] = {
    {"challenge", "Challenge", ""},
    {"text", "string", "what the device is given: a secret, told once"},
    {"warning", "string?", "the device will probably not ask for its certificate yet"},
};
constexpr Member kChallenges[] = {
    {"challenges", "[Challenge]", "in the order of their numbers"},
    {"next", "integer?", "`after` of the next page; null: this was the last"},
};
constexpr Member kChallenge[] = {
    {"id", "integer", "its number"},
    {"ca", "string?", "the CA"},
    {"kind", "string", "", false, "bound|one-time|single"},
    {"state", "string", "", false, "minted|claimed|issued|failed|cancelled|expired"},
    {"jti", "string?", "the identifier inside a bound one"},
    {"profile", "string", ""},
    {"template", "string?", ""},
    {"device", "string?", ""},
    {"user", "string?", ""},
    {"request_id", "string?", "the MDM's"},
    {"sid", "string?", "goes into the certificate"},
    {"minter", "string?", "of a bound one"},
    {"minted_by", "string", "the account"},
    {"minted_at", "time", ""},
    {"expires_at", "time?", "null for a single password"},
    {"changed_at", "time", ""},
    {"refused_requests", "integer", "requests under it that were refused"},
    {"last_refusal", "string?", "the code of the last one"},
    {"request", "integer?", "the request that it was used for"},
    {"client", "string?", "the address that it was last used from"},
};
constexpr Member kChallengeCancellation[] = {
    {"ca", "string", "the CA; may be left out when there is one", true},
    {"id", "integer", "the one of this number", true},
    {"device", "string", "those of this device", true},
    {"profile", "string", "those of this profile", true},
};
constexpr Member kCancelledChallenges[] = {{"cancelled", "integer", "how many there were"}};
constexpr Member kChallengeMinters[] = {{"minters", "[ChallengeMinter]", ""}};
constexpr Member kChallengeMinter[] = {
    {"name", "string", ""},
    {"key", "string", "the id of its signing key"},
    {"accounts", "[string]", "who uses it"},
    {"profiles", "[string]", ""},
    {"templates", "[string]", ""},
    {"names", "[string]", "patterns for what can be certified"},
    {"sids", "boolean", "may have security identifiers put into certificates"},
    {"passwords", "boolean", "may make one-time passwords"},
    {"longest", "string", "that a challenge lives"},
    {"password_life", "string", "that a one-time password lives"},
    {"open_passwords", "integer", "one-time passwords at one time, in a profile"},
    {"created_at", "time", ""},
    {"created_by", "string", ""},
};
constexpr Member kChallengeKeys[] = {{"keys", "[ChallengeKey]", "oldest first"}};
constexpr Member kChallengeKey[] = {
    {"id", "string", ""},
    {"minter", "string?", "null: a sealing key"},
    {"state", "string", "", false, "seals|signs|opens|removed"},
    {"created_at", "time", ""},
    {"created_by", "string", ""},
    {"retired_at", "time?", "makes no new challenges since then"},
    {"removed_at", "time?", "those that it made are no longer good"},
};
constexpr Member kSubordinate[] = {
    {"ca", "string", "the parent; may be left out when there is one", true},
    {"request", "pem", "PKCS #10 of the subordinate CA"},
    {"path_length", "integer", "how many CAs may follow below it", true},
    {"validity", "string", "how long: 10y", true},
    {"transaction", "string", "the same one again gives the outcome of the first time", true},
};
constexpr Member kOutcome[] = {
    {"request", "integer", "RequestID"},
    {"state", "string", "", false, "pending|foreign|issuing|issued|revoked|failed|denied"},
    {"serial", "string?", "of the certificate"},
    {"certificate", "pem?", "when there is one"},
    {"file", "string?", "null here; where the command line wrote it"},
    {"message", "string?", "why it is pending, denied or failed"},
    {"rule", "string?", "the rule that said so"},
    {"expected", "string?", "what the rule wanted"},
    {"received", "string?", "what it got"},
    {"mend", "string?", "what to do"},
    {"notes", "[string]", "what was changed: validity cut to the CA's end, …"},
};
constexpr Member kRequests[] = {
    {"requests", "[RequestSummary]", "in the order of their numbers"},
    {"next", "integer?", "`after` of the next page; null: this was the last"},
};
constexpr Member kRequestSummary[] = {
    {"id", "integer", "RequestID"},
    {"ca", "string?", "the CA"},
    {"state", "string", "", false, "pending|foreign|issuing|issued|revoked|failed|denied"},
    {"template", "string?", ""},
    {"requester", "string", "the account that asked"},
    {"submitted_at", "time", ""},
    {"resolved_at", "time?", ""},
    {"resolver", "string?", "who approved or denied it"},
    {"message", "string?", "why it is pending, denied or failed"},
    {"rule", "string?", "the rule that said so"},
};
constexpr Member kTrace[] = {
    {"request", "RequestSummary", ""},
    {"certificate", "CertificateSummary?", "when there is one"},
    {"trace", "[any]", "each step of the decision: rule, verdict, expected, received, mend"},
};
constexpr Member kDenial[] = {{"reason", "string", "why; the requester reads it"}};
constexpr Member kCertificates[] = {
    {"certificates", "[CertificateSummary]", "in the order of their requests"},
    {"next", "integer?", "`after` of the next page; null: this was the last"},
};
constexpr Member kCertificateSummary[] = {
    {"serial", "string", "in hexadecimal"},
    {"subject", "string", "RFC 4514"},
    {"ca", "string?", ""},
    {"request", "integer", "RequestID"},
    {"template", "string?", ""},
    {"not_before", "time", ""},
    {"not_after", "time", ""},
    {"state", "string", "", false, "issued|on hold|revoked|lost"},
    {"revoked_at", "time?", ""},
    {"reason", "string?", "of RFC 5280 5.3.1"},
    {"invalid_since", "time?", "when the key is thought to have been lost"},
};
constexpr Member kCertificate[] = {
    {"record", "CertificateSummary", "what the database knows"},
    {"certificate", "pem?", "null while it is being signed, and when it is lost"},
};
constexpr Member kRevocation[] = {
    {"reason", "string", "unspecified, keyCompromise, …, certificateHold; or its number in RFC 5280"},
    {"invalid_since", "string", "when the key is thought to have been lost: 2026-11-01", true},
};
constexpr Member kCrls[] = {{"crls", "[Crl]", "newest first"}};
constexpr Member kCrl[] = {
    {"ca", "string", ""},
    {"key_index", "integer", "which of the CA's keys signed it"},
    {"number", "integer", "cRLNumber"},
    {"delta", "boolean", ""},
    {"shard", "integer?", "null: the complete list"},
    {"base_number", "integer?", "of a delta CRL"},
    {"this_update", "time", ""},
    {"next_update", "time", ""},
    {"next_publish", "time", ""},
    {"entries", "integer", ""},
    {"size", "integer", "octets"},
    {"sha256", "string?", ""},
    {"files", "[string]", "where it lies"},
};
constexpr Member kPublication[] = {
    {"ca", "string", "the CA; may be left out when there is one", true},
    {"delta", "boolean", "delta CRLs alone", true},
};
constexpr Member kPublished[] = {
    {"crls", "[Crl]", ""},
    {"failures", "[PublicationFailure]", "places that could not be written"},
};
constexpr Member kPublicationFailure[] = {{"target", "string", "the place"},
                                          {"error", "string", "the cause"}};
constexpr Member kTemplates[] = {{"templates", "[TemplateSummary]", "in the order of their names"}};
constexpr Member kTemplateSummary[] = {
    {"name", "string", "what requests name"},
    {"display_name", "string", "for people"},
    {"version", "string", "major.minor"},
    {"changed_at", "time", ""},
    {"changed_by", "string", ""},
    {"published_by", "[string]", "the CAs that issue it"},
};
constexpr Member kTemplate[] = {
    {"template", "any", "as docs/reference/templates.md describes it"},
    {"toml", "string", "the same as TOML, to be edited and put back"},
    {"changed_at", "time", ""},
    {"changed_by", "string", ""},
    {"published_by", "[string]", "the CAs that issue it"},
};
constexpr Member kTemplateText[] = {{"toml", "string", "the whole template; its name is the path's"}};
constexpr Member kCaChoice[] = {{"ca", "string", "the CA; may be left out when there is one", true}};
constexpr Member kPublishedTemplates[] = {{"ca", "string", ""},
                                          {"templates", "[string]", "what it issues now"}};
constexpr Member kRoles[] = {{"roles", "[Grant]", ""}, {"rules", "[RoleRule]", ""}};
constexpr Member kGrant[] = {
    {"principal", "string", "an account, group:NAME, or * for everyone"},
    {"role", "string", "", false, "administrator|manager|auditor|enroller|reader"},
    {"ca", "string?", "null: the whole home"},
    {"template", "string?", "null: any"},
    {"requesters", "string?", "of managers: only requests of accounts like this; null: any"},
    {"granted_at", "time", ""},
    {"granted_by", "string", ""},
};
constexpr Member kRoleRule[] = {
    {"rule", "string", "", false, "separation|four-eyes|two-managers"},
    {"ca", "string?", "null: the whole home"},
    {"template", "string?", "null: every template"},
};
constexpr Member kNewGrant[] = {
    {"principal", "string", "an account, group:NAME, or * for everyone"},
    {"role", "string", "", false, "administrator|manager|auditor|enroller|reader"},
    {"ca", "string", "left out: the whole home", true},
    {"template", "string", "of managers and enrollers: only this template", true},
    {"requesters", "string", "of managers: only requests of accounts like web-*, or in group:NAME", true},
};
constexpr Member kRuleChange[] = {
    {"rule", "string", "", false, "separation|four-eyes|two-managers"},
    {"on", "boolean", ""},
    {"ca", "string", "left out: the whole home", true},
    {"template", "string", "left out: every template", true},
};
constexpr Member kAuditEntries[] = {
    {"entries", "[any]", "as `vouch audit export` writes them, newest first"},
    {"next", "integer?", "`before` of the next page; null: this was the last"},
};
constexpr Member kAuditHead[] = {
    {"size", "integer", "how many entries it covers"},
    {"checkpoint", "string", "the signed head, as `vouch audit verify --head` reads it"},
};
constexpr Member kRefusals[] = {
    {"ca", "string", "its name; left out: the only one", true},
    {"refusals", "[Refusal]", "at most 100"},
};
constexpr Member kRefusal[] = {
    {"profile", "string", "of the front end"},
    {"client", "string", "the address of the device"},
    {"transaction", "string", "of the device's protocol; may be empty"},
    {"code", "string", "why: KeyMismatch"},
    {"expected", "string", "of that; may be empty"},
    {"received", "string", "of that; may be empty, and never a challenge"},
    {"why", "string", "in words; may be empty"},
    {"user", "string", "who tried to sign in to the page with challenge passwords; left out: a device", true},
    {"seen_at", "time", "by the clock of the front end"},
    {"left_out", "integer", "so many before this one were too many to be told", true},
};
constexpr Member kRefusalsKept[] = {{"kept", "integer", "entries of the audit log"}};

constexpr Schema kSchemas[] = {
    {"Problem", "what went wrong (RFC 9457)", kProblem},
    {"Caller", "who asks", kCaller},
    {"Cas", "the CAs of this home", kCas},
    {"CaSummary", "a CA in one line", kCaSummary},
    {"Chain", "", kChain},
    {"Submission", "a certification request", kSubmission},
    {"Submitted", "a request that was handed in before", kSubmitted},
    {"CrlContent", "", kCrlContent},
    {"ChallengeProof", "a device's right to enrol; a secret, kept by nobody", kChallengeProof},
    {"MintOrder", "a challenge that is bound to one device's request", kMintOrder},
    {"AndroidDevice", "only for a warning", kAndroidDevice},
    {"PasswordOrder", "", kPasswordOrder},
    {"MintedChallenge", "", kMintedChallenge},
    {"Challenges", "", kChallenges},
    {"Challenge", "what a device can enrol with", kChallenge},
    {"ChallengeCancellation", "all conditions hold", kChallengeCancellation},
    {"CancelledChallenges", "", kCancelledChallenges},
    {"ChallengeMinters", "", kChallengeMinters},
    {"ChallengeMinter", "who may mint what", kChallengeMinter},
    {"ChallengeKeys", "", kChallengeKeys},
    {"ChallengeKey", "", kChallengeKey},
    {"Subordinate", "the request of a subordinate CA", kSubordinate},
    {"Outcome", "what became of a request", kOutcome},
    {"Requests", "", kRequests},
    {"RequestSummary", "a request", kRequestSummary},
    {"Trace", "how a request was decided", kTrace},
    {"Denial", "", kDenial},
    {"Certificates", "", kCertificates},
    {"CertificateSummary", "a certificate that was issued here", kCertificateSummary},
    {"Certificate", "", kCertificate},
    {"Revocation", "", kRevocation},
    {"Crls", "", kCrls},
    {"Crl", "a CRL", kCrl},
    {"Publication", "", kPublication},
    {"Published", "", kPublished},
    {"PublicationFailure", "", kPublicationFailure},
    {"Templates", "", kTemplates},
    {"TemplateSummary", "", kTemplateSummary},
    {"Template", "", kTemplate},
    {"TemplateText", "", kTemplateText},
    {"CaChoice", "", kCaChoice},
    {"PublishedTemplates", "", kPublishedTemplates},
    {"Roles", "", kRoles},
    {"Grant", "a role that somebody holds", kGrant},
    {"RoleRule", "", kRoleRule},
    {"NewGrant", "", kNewGrant},
    {"RuleChange", "", kRuleChange},
    {"AuditEntries", "", kAuditEntries},
    {"AuditHead", "", kAuditHead},
    {"Refusals", "what never became a request", kRefusals},
    {"Refusal", "", kRefusal},
    {"RefusalsKept", "", kRefusalsKept},
};

std::vector<std::string_view> split_bars(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto bar = text.find('|');
    parts.push_back(text.substr(0, bar));
    if (bar == std::string_view::npos) break;
    text.remove_prefix(bar + 1);
  }
  return parts;
}

bool take_suffix(std::string_view& type, char suffix) {
  if (!type.ends_with(suffix)) return false;
  type.remove_suffix(1);
  return true;
}

Status wrong(const std::string& where, std::string_view wanted, const Value& got) {
  return make_error(Errc::malformed, "{} has to be {} and is {}", where, wanted, got.kind());
}

Status check_type(const Value& value, std::string_view type, const Member& member, const std::string& where) {
  if (take_suffix(type, '?') && value.is_null()) return ok();
  if (type.starts_with('[')) {
    if (!value.list_items()) return wrong(where, "a list", value);
    type = type.substr(1, type.size() - 2);
    std::size_t index = 0;
    for (const Value& item : *value.list_items())
      TRY(check_type(item, type, member, fmt::format("{}[{}]", where, index++)));
    return ok();
  }
  if (type == "integer") return value.integer() ? ok() : wrong(where, "a whole number", value);
  if (type == "boolean") return value.boolean() ? ok() : wrong(where, "true or false", value);
  if (type == "any") return value.members() ? ok() : wrong(where, "an object", value);
  if (type == "string" || type == "time" || type == "pem") {
    if (!value.text()) return wrong(where, "a text", value);
    if (type == "time") (void)TRY(parse_time(*value.text()).context("{}", where));
    const auto values = split_bars(member.values);
    if (!values.empty() && std::ranges::find(values, *value.text()) == values.end())
      return make_error(Errc::malformed, "{} is one of {}, not '{}'", where, fmt::join(values, ", "),
                        *value.text());
    return ok();
  }
  return check_shape(value, *find_schema(type), where);
}

}  // namespace

std::span<const Schema> schemas() { return kSchemas; }

const Schema* find_schema(std::string_view name) {
  const auto found = std::ranges::find(kSchemas, name, &Schema::name);
  return found == std::end(kSchemas) ? nullptr : &*found;
}

Status check_shape(const Value& value, const Schema& schema, std::string_view where) {
  if (!value.members()) return wrong(std::string(where), "an object", value);
  for (const auto& [name, content] : *value.members()) {
    const auto member = std::ranges::find(schema.members, name, &Member::name);
    if (member == schema.members.end()) {
      std::vector<std::string_view> known;
      for (const Member& each : schema.members) known.push_back(each.name);
      Error error = make_error(Errc::malformed, "{} has a member '{}', which {} does not have", where, name,
                               schema.name);
      const auto near = nearest(name, known);
      return std::move(error).with_hint(near.empty() ? fmt::format("it has: {}", fmt::join(known, ", "))
                                                     : fmt::format("did you mean {}?", near));
    }
    if (!(member->optional && content.is_null()))
      TRY(check_type(content, member->type, *member, fmt::format("{}.{}", where, name)));
  }
  for (const Member& member : schema.members)
    if (!member.optional && !value.find(member.name))
      return make_error(Errc::malformed, "{} lacks '{}'{}{}", where, member.name,
                        member.help.empty() ? "" : ": ", member.help);
  return ok();
}

Value json_schema_of_type(std::string_view type, std::string_view values) {
  const bool nullable = take_suffix(type, '?');
  if (type.starts_with('[')) {
    return Value().set("type", "array").set("items", json_schema_of_type(type.substr(1, type.size() - 2)));
  }
  if (find_schema(type)) {
    Value reference = Value().set("$ref", fmt::format("#/components/schemas/{}", type));
    if (!nullable) return reference;
    return Value().set("oneOf", Value::list().push(std::move(reference)).push(Value().set("type", "null")));
  }
  const bool is_text = type == "time" || type == "pem";
  const std::string_view kind = is_text ? "string" : type == "any" ? "object" : type;
  Value schema;
  schema.set("type", nullable ? Value::list().push(kind).push("null") : Value(kind));
  if (type == "time") schema.set("format", "date-time");
  if (!values.empty()) {
    Value list = Value::list();
    for (const std::string_view each : split_bars(values)) list.push(each);
    schema.set("enum", std::move(list));
  }
  return schema;
}

Value json_schema(const Schema& schema) {
  Value properties = Value::table(), required = Value::list();
  for (const Member& member : schema.members) {
    Value property = json_schema_of_type(member.type, member.values);
    if (!member.help.empty()) property.set("description", member.help);
    properties.set(std::string(member.name), std::move(property));
    if (!member.optional) required.push(member.name);
  }
  Value value;
  value.set("type", "object").set("additionalProperties", false);
  if (!schema.help.empty()) value.set("description", schema.help);
  if (!required.list_items()->empty()) value.set("required", std::move(required));
  return value.set("properties", std::move(properties));
}

bool flag_of(const Value& body, std::string_view member) {
  const Value* value = body.find(member);
  return value && value->boolean() && *value->boolean();
}

}  // namespace vouch::api
