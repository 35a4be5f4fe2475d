#include "challenge/comparison.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "crypto/signature_digest.hpp"
#include "x509/extensions.hpp"

namespace vouch::challenge {
namespace {

namespace oid = x509::oid;
using x509::GeneralName, x509::GeneralNameType;
using Answer = std::optional<Refusal>;

Answer refuse(Code code, std::string expected, std::string received) {
  return Refusal{code, std::move(expected), std::move(received)};
}

// --- names ---

// Control characters, and those that turn or hide what is written: the comparison of names looks past some of
// them, a person does not.
bool is_deceptive(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

char32_t decode_character(std::string_view octets) {
  const auto at = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(octets[i])); };
  switch (octets.size()) {
    case 1:
      return at(0);
    case 2:
      return (at(0) & 0x1f) << 6 | (at(1) & 0x3f);
    case 3:
      return (at(0) & 0x0f) << 12 | (at(1) & 0x3f) << 6 | (at(2) & 0x3f);
    default:
      return (at(0) & 0x07) << 18 | (at(1) & 0x3f) << 12 | (at(2) & 0x3f) << 6 | (at(3) & 0x3f);
  }
}

bool is_plain(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_character(text);
    if (length == 0 || is_deceptive(decode_character(text.substr(0, length)))) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_plain(const x509::Name& name) {
  return std::ranges::all_of(name.rdns, [](const x509::RelativeName& rdn) {
    return std::ranges::all_of(rdn, [](const x509::NameAttribute& attribute) {
      const auto text = attribute.text();
      return text && is_plain(*text);
    });
  });
}

std::string list_of(const std::vector<x509::Name>& names) {
  std::string out;
  for (const x509::Name& name : names) out += (out.empty() ? "" : " or ") + x509::to_rfc4514(name);
  return out.empty() ? "an empty subject" : out;
}

Answer compare_subject(const Bound& bound, const x509::RequestView& request) {
  if (bound.subjects.empty()) return std::nullopt;
  const std::string expected = list_of(bound.subjects);
  const auto subject = x509::parse_name(request.subject);
  if (!subject) return refuse(Code::SubjectNameMismatch, expected, "a subject that cannot be read");
  const bool may_be_empty = std::ranges::any_of(bound.subjects, &x509::Name::empty);
  if (subject->empty())
    return may_be_empty ? Answer() : refuse(Code::SubjectNameMissing, expected, "an empty subject");
  if (is_plain(*subject) && std::ranges::any_of(bound.subjects, [&](const x509::Name& one) {
        return x509::names_match(one, *subject);
      }))
    return std::nullopt;
  return refuse(Code::SubjectNameMismatch, expected, x509::to_rfc4514(*subject));
}

// The same for two names exactly when they are the same name: hosts and principals in either case, the local
// part of an address as it is (RFC 5321 2.4), Names by RFC 5280 7.1.
std::string comparable(const GeneralName& name) {
  const std::string text(as_text(name.value));
  switch (name.type) {
    case GeneralNameType::dns_name:
      return "DNS:" + lower_case(text);
    case GeneralNameType::rfc822_name: {
      const std::size_t sign = text.rfind('@');
      return "email:" + text.substr(0, sign) +
             (sign == std::string::npos ? "" : lower_case(text.substr(sign)));
    }
    case GeneralNameType::directory_name:
      if (const auto directory = x509::parse_name(name.value))
        return "DirName:" + x509::comparison_key(*directory);
      break;
    default:
      break;
  }
  if (const auto upn = name.as_upn()) return "UPN:" + lower_case(*upn);
  return name.to_text();
}

std::vector<std::string> comparable(const std::vector<GeneralName>& names) {
  std::vector<std::string> out;
  for (const GeneralName& name : names) out.push_back(comparable(name));
  std::ranges::sort(out);
  return out;
}

std::string list_of(const std::vector<GeneralName>& names, std::string_view none) {
  std::string out;
  for (const GeneralName& name : names) out += (out.empty() ? "" : ", ") + name.to_text();
  return out.empty() ? std::string(none) : out;
}

std::string expected_names(const Bound& bound) {
  std::string out = list_of(bound.required_names, "no alternative names");
  if (bound.required_names.empty() && !bound.allowed_names.empty()) out.clear();
  if (!bound.allowed_names.empty())
    out += (out.empty() ? "at most " : "; beside them at most ") + list_of(bound.allowed_names, "");
  return out;
}

// Where the challenge says nothing about alternative names, the request has none: the subject is what it is
// bound to, and a further name would be somebody else.
Answer compare_alternative_names(const Bound& bound, const x509::RequestView& request) {
  std::vector<GeneralName> names;
  if (const x509::ExtensionView* extension = request.find(oid::kSubjectAltName)) {
    auto read = x509::parse_general_names(extension->value);
    if (!read)
      return refuse(Code::SubjectAltNameMismatch, expected_names(bound), "names that cannot be read");
    names = std::move(*read);
  }
  if (names.empty() && !bound.required_names.empty())
    return refuse(Code::SubjectAltNameMissing, expected_names(bound), "none");
  std::vector<std::string> left = comparable(names);
  const auto mismatch = [&] {
    return refuse(Code::SubjectAltNameMismatch, expected_names(bound), list_of(names, "none"));
  };
  for (const std::string& name : comparable(bound.required_names)) {
    const auto found = std::ranges::find(left, name);
    if (found == left.end()) return mismatch();
    left.erase(found);
  }
  for (const std::string& name : comparable(bound.allowed_names))
    if (const auto found = std::ranges::find(left, name); found != left.end()) left.erase(found);
  return left.empty() ? Answer() : mismatch();
}

// --- key, usage, purposes ---

std::string describe(const KeyRule& rule) {
  std::string out;
  for (const x509::KeyType type : rule.types)
    out += fmt::format("{}{}", out.empty() ? "" : " or ", x509::to_string(type));
  if (out.empty()) out = "any key";
  if (rule.min_bits != 0 && rule.min_bits == rule.max_bits)
    return fmt::format("{} of {} bits", out, rule.min_bits);
  if (rule.min_bits != 0) out += fmt::format(" of at least {} bits", rule.min_bits);
  if (rule.max_bits != 0)
    out += fmt::format("{} at most {} bits", rule.min_bits ? " and" : " of", rule.max_bits);
  return out;
}

Answer compare_key(const KeyRule& rule, const x509::RequestView& request, Bytes spki_sha256) {
  if (!rule.spki_sha256.empty() && !equal(rule.spki_sha256, spki_sha256))
    return refuse(Code::RegisteredKeyMismatch, "SHA-256 " + to_hex(rule.spki_sha256),
                  "SHA-256 " + to_hex(spki_sha256));
  const auto key = x509::parse_public_key_info(request.public_key_info);
  if (!key) return refuse(Code::KeyLengthMismatch, describe(rule), "a key that cannot be read");
  const bool fits = (rule.types.empty() || std::ranges::find(rule.types, key->type) != rule.types.end()) &&
                    key->bits >= rule.min_bits && (rule.max_bits == 0 || key->bits <= rule.max_bits);
  if (fits) return std::nullopt;
  return refuse(Code::KeyLengthMismatch, describe(rule),
                fmt::format("{} of {} bits", x509::to_string(key->type), key->bits));
}

Answer compare_hash(const std::vector<x509::DigestAlgorithm>& hashes, const x509::RequestView& request) {
  if (hashes.empty()) return std::nullopt;
  std::string expected;
  for (const x509::DigestAlgorithm hash : hashes)
    expected += fmt::format("{}{}", expected.empty() ? "" : " or ", x509::to_string(hash));
  const auto algorithm = x509::parse_signature_algorithm(request.signature_algorithm);
  const auto hash = algorithm ? crypto::digest_of(*algorithm) : std::nullopt;
  if (!hash) return refuse(Code::HashAlgorithmMismatch, std::move(expected), "a signature that is not known");
  if (std::ranges::find(hashes, *hash) != hashes.end()) return std::nullopt;
  return refuse(Code::HashAlgorithmMismatch, std::move(expected), std::string(x509::to_string(*hash)));
}

std::string describe(std::uint16_t usage) {
  return fmt::format("{}", fmt::join(x509::key_usage_names(usage), ", "));
}

Answer compare_usage(const std::optional<UsageRule>& rule, const x509::RequestView& request) {
  const x509::ExtensionView* extension = request.find(oid::kKeyUsage);
  if (!rule || !extension) return std::nullopt;
  const auto usage = x509::parse_key_usage(extension->value);
  const std::string expected = (rule->subset ? "at most " : "") + describe(rule->bits);
  if (!usage) return refuse(Code::KeyUsageMismatch, expected, "a key usage that cannot be read");
  const bool fits = rule->subset ? (*usage & ~rule->bits) == 0 : *usage == rule->bits;
  return fits ? Answer() : refuse(Code::KeyUsageMismatch, expected, describe(*usage));
}

std::string describe(std::vector<x509::Oid> purposes) {
  std::string out;
  for (const x509::Oid& purpose : purposes) out += (out.empty() ? "" : ", ") + x509::describe(purpose);
  return out.empty() ? "none" : out;
}

// Application policies (Microsoft's 311.21.10) say the same in another place: they must not say more.
Result<std::vector<x509::Oid>> purposes_in(const x509::ExtensionView& extension) {
  if (extension.id == oid::kExtendedKeyUsage) return x509::parse_extended_key_usage(extension.value);
  std::vector<x509::Oid> purposes;
  for (const auto& policy : TRY(x509::parse_certificate_policies(extension.value)))
    purposes.push_back(policy.policy);
  return purposes;
}

Answer compare_purposes(const std::optional<PurposeRule>& rule, const x509::RequestView& request) {
  if (!rule) return std::nullopt;
  const std::string expected = (rule->subset ? "at most " : "") + describe(rule->purposes);
  for (const x509::Oid& place : {oid::kExtendedKeyUsage, oid::kMsApplicationPolicies}) {
    const x509::ExtensionView* extension = request.find(place);
    if (!extension) continue;
    auto purposes = purposes_in(*extension);
    if (!purposes) return refuse(Code::EnhancedKeyUsageMismatch, expected, "purposes that cannot be read");
    const auto contains = [](const std::vector<x509::Oid>& list, const x509::Oid& one) {
      return std::ranges::find(list, one) != list.end();
    };
    const bool fits =
        std::ranges::all_of(*purposes, [&](const x509::Oid& one) { return contains(rule->purposes, one); }) &&
        (rule->subset ||
         std::ranges::all_of(rule->purposes, [&](const x509::Oid& one) { return contains(*purposes, one); }));
    if (!fits) return refuse(Code::EnhancedKeyUsageMismatch, expected, describe(std::move(*purposes)));
  }
  return std::nullopt;
}

Answer compare_template(const Bound& bound, const x509::RequestView& request) {
  const x509::ExtensionView* extension = request.find(oid::kMsTemplateName);
  if (!extension) return std::nullopt;
  const auto named = x509::parse_template_name(extension->value);
  if (named && *named == bound.template_name) return std::nullopt;
  return refuse(Code::ScepProfileNoLongerTargetedToTheClient, "template " + bound.template_name,
                named ? "template " + *named : "a template name that cannot be read");
}

}  // namespace

std::optional<Refusal> check_scope(const Bound& bound, const Expected& expected) {
  if (expected.now + kSkew < bound.not_before || expected.now + kSkew < bound.issued_at)
    return refuse(Code::ChallengeInvalidTimestamp,
                  "not before " + format_time(std::max(bound.not_before, bound.issued_at)),
                  format_time(expected.now));
  if (expected.now > bound.expires + kSkew)
    return refuse(Code::ChallengeExpired, "until " + format_time(bound.expires), format_time(expected.now));
  const auto other = [](std::string_view what, std::string_view wanted, std::string_view got) {
    return refuse(Code::ScepProfileNoLongerTargetedToTheClient, fmt::format("{} {}", what, wanted),
                  fmt::format("{} {}", what, got));
  };
  if (bound.audience != expected.audience) return other("profile", bound.audience, expected.audience);
  if (bound.template_name != expected.template_name)
    return other("template", bound.template_name, expected.template_name);
  return std::nullopt;
}

std::optional<Refusal> compare(const Bound& bound, const x509::RequestView& request, Bytes spki_sha256) {
  if (auto refusal = compare_key(bound.key, request, spki_sha256)) return refusal;
  if (auto refusal = compare_hash(bound.hashes, request)) return refusal;
  if (auto refusal = compare_subject(bound, request)) return refusal;
  if (auto refusal = compare_alternative_names(bound, request)) return refusal;
  if (auto refusal = compare_usage(bound.usage, request)) return refusal;
  if (auto refusal = compare_purposes(bound.purposes, request)) return refusal;
  if (auto refusal = compare_template(bound, request)) return refusal;
  return find_forbidden(request, bound.sid);
}

std::optional<Refusal> find_forbidden(const x509::RequestView& request, std::string_view sid) {
  if (const x509::ExtensionView* extension = request.find(oid::kBasicConstraints)) {
    const auto constraints = x509::parse_basic_constraints(extension->value);
    if (!constraints || constraints->ca)
      return refuse(Code::ForbiddenExtension, "a certificate of an end entity",
                    "basicConstraints with CA:TRUE");
  }
  if (request.find(oid::kNameConstraints))
    return refuse(Code::ForbiddenExtension, "no nameConstraints", "nameConstraints");
  if (const x509::ExtensionView* extension = request.find(oid::kMsNtdsCaSecurity)) {
    const auto asked = x509::parse_sid(extension->value);
    if (!asked || *asked != sid)
      return refuse(Code::SecurityIdentifierMismatch, sid.empty() ? "no SID" : "SID " + std::string(sid),
                    asked ? "SID " + *asked : "a SID that cannot be read");
  }
  return std::nullopt;
}

}  // namespace vouch::challenge
