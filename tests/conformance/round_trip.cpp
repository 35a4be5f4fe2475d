#include "round_trip.hpp"

#include <algorithm>
#include <optional>

#include "x509/ocsp.hpp"
#include "x509/print.hpp"
#include "x509/request.hpp"

namespace vouch::conformance {
namespace {

using namespace x509;
using asn1::Reader, asn1::Tag, asn1::Writer;

// Collects the fields that did not come back as they were.
class Differences {
 public:
  void check(std::string_view field, Bytes original, Bytes rebuilt) {
    if (equal(original, rebuilt)) return;
    if (!text_.empty()) text_ += "\n  ";
    const auto first =
        static_cast<std::size_t>(std::ranges::mismatch(original, rebuilt).in1 - original.begin());
    text_ += fmt::format("{}, from octet {} on: {} became {}", field, first, shortened(original, first),
                         shortened(rebuilt, first));
  }
  const std::string& text() const { return text_; }

 private:
  // Sixteen octets around the first difference.
  static std::string shortened(Bytes octets, std::size_t at) {
    const std::size_t from = std::min(at - std::min<std::size_t>(at, 4), octets.size());
    return to_hex(octets.subspan(from, std::min<std::size_t>(octets.size() - from, 16)));
  }
  std::string text_;
};

// parse_X and encode_X of one extension as one function.
using Recode = Result<Buffer> (*)(Bytes);
struct Row {
  Oid id;
  Recode recode;
};

template <auto Parse, auto Encode>
Result<Buffer> recode(Bytes value) {
  return Encode(TRY(Parse(value)));
}
Result<Buffer> recode_general_names(Bytes value) {
  return encode_general_names(TRY(parse_general_names(value)));
}
// The encoder takes a number; CRL numbers may be longer than it: then the INTEGER is written as it is.
Result<Buffer> recode_crl_number(Bytes value) {
  Writer out;
  out.unsigned_integer(TRY(parse_crl_number(value)));
  return std::move(out).take();
}

constexpr Row kRows[] = {
    {oid::kSubjectKeyIdentifier, recode<parse_subject_key_identifier, encode_subject_key_identifier>},
    {oid::kAuthorityKeyIdentifier, recode<parse_authority_key_identifier, encode_authority_key_identifier>},
    {oid::kBasicConstraints, recode<parse_basic_constraints, encode_basic_constraints>},
    {oid::kKeyUsage, recode<parse_key_usage, encode_key_usage>},
    {oid::kExtendedKeyUsage, recode<parse_extended_key_usage, encode_extended_key_usage>},
    {oid::kSubjectAltName, recode_general_names},
    {oid::kIssuerAltName, recode_general_names},
    {oid::kCertificateIssuer, recode_general_names},
    {oid::kCertificatePolicies, recode<parse_certificate_policies, encode_certificate_policies>},
    {oid::kMsApplicationPolicies, recode<parse_certificate_policies, encode_certificate_policies>},
    {oid::kPolicyMappings, recode<parse_policy_mappings, encode_policy_mappings>},
    {oid::kPolicyConstraints, recode<parse_policy_constraints, encode_policy_constraints>},
    {oid::kInhibitAnyPolicy, recode<parse_inhibit_any_policy, encode_inhibit_any_policy>},
    {oid::kNameConstraints, recode<parse_name_constraints, encode_name_constraints>},
    {oid::kCrlDistributionPoints, recode<parse_distribution_points, encode_distribution_points>},
    {oid::kFreshestCrl, recode<parse_distribution_points, encode_distribution_points>},
    {oid::kMsPublishedCrlLocations, recode<parse_distribution_points, encode_distribution_points>},
    {oid::kIssuingDistributionPoint,
     recode<parse_issuing_distribution_point, encode_issuing_distribution_point>},
    {oid::kAuthorityInfoAccess, recode<parse_info_access, encode_info_access>},
    {oid::kSubjectInfoAccess, recode<parse_info_access, encode_info_access>},
    {oid::kPrivateKeyUsagePeriod, recode<parse_private_key_usage_period, encode_private_key_usage_period>},
    {oid::kSubjectDirectoryAttributes,
     recode<parse_subject_directory_attributes, encode_subject_directory_attributes>},
    {oid::kTlsFeature, recode<parse_tls_feature, encode_tls_feature>},
    {oid::kCrlNumber, recode_crl_number},
    {oid::kDeltaCrlIndicator, recode_crl_number},
    {oid::kReasonCode, recode<parse_reason_code, encode_reason_code>},
    {oid::kInvalidityDate, recode<parse_invalidity_date, encode_invalidity_date>},
    {oid::kExpiredCertsOnCrl, recode<parse_invalidity_date, encode_invalidity_date>},
    {oid::kMsNextPublish, recode<parse_next_publish, encode_next_publish>},
    {oid::kMsCaVersion, recode<parse_ca_version, encode_ca_version>},
    {oid::kMsPreviousCertHash, recode<parse_previous_cert_hash, encode_previous_cert_hash>},
    {oid::kMsTemplateName, recode<parse_template_name, encode_template_name>},
    {oid::kMsCertificateTemplate, recode<parse_template_information, encode_template_information>},
    {oid::kMsNtdsCaSecurity, recode<parse_sid, encode_sid>},
};

Result<Buffer> rebuild_value(const ExtensionView& extension) {
  for (const Row& row : kRows)
    if (row.id == extension.id)
      return row.recode(extension.value).context("reading extension {}", describe(extension.id));
  return to_buffer(extension.value);
}

Result<std::vector<Extension>> rebuild_extensions(const std::vector<ExtensionView>& views,
                                                  Differences& differences) {
  std::vector<Extension> out;
  for (const ExtensionView& view : views) {
    Buffer value = TRY(rebuild_value(view));
    differences.check(describe(view.id), view.value, value);
    out.push_back(make_extension(view.id, view.critical, std::move(value)));
  }
  return out;
}

Result<Buffer> rebuild_name(std::string_view field, Bytes der, Differences& differences) {
  const Name name = TRY(parse_name(der).context("reading {}", field));
  for (const RelativeName& rdn : name.rdns)
    for (const NameAttribute& attribute : rdn) (void)attribute.text();
  Buffer out = encode_name(name);
  differences.check(field, der, out);
  return out;
}

// The AlgorithmIdentifier that we write for what we understood; unknown and weak ones from their two parts.
Buffer rebuild_algorithm(std::string_view field, const AlgorithmIdentifier& identifier,
                         Differences& differences) {
  const auto known = parse_signature_algorithm(identifier);
  Buffer out;
  if (known && !is_weak(*known)) {
    out = to_buffer(encode(*known));
  } else {
    Writer writer;
    writer.sequence([&] {
      writer.oid(identifier.algorithm);
      writer.raw(identifier.parameters);
    });
    out = std::move(writer).take();
  }
  differences.check(field, identifier.whole, out);
  return out;
}

Buffer rebuild_key(Bytes spki, Differences& differences) {
  const auto key = parse_public_key_info(spki);
  if (!key || key->rsassa_pss) return to_buffer(spki);  // not a kind of key that we write
  Buffer out = key->type == KeyType::rsa       ? encode_rsa_public_key_info(key->modulus, key->exponent)
               : key->type == KeyType::ed25519 ? encode_ed25519_public_key_info(key->point)
                                               : encode_ec_public_key_info(key->type, key->point);
  differences.check("subjectPublicKeyInfo", spki, out);
  return out;
}

bool is_made(const AlgorithmIdentifier& identifier) {
  const auto known = parse_signature_algorithm(identifier);
  return known && !is_weak(*known);
}
bool is_negative(Bytes integer) { return (integer[0] & 0x80) != 0; }

void write_extensions(Writer& out, std::uint8_t number, const std::vector<Extension>& extensions) {
  if (extensions.empty()) return;
  out.constructed(asn1::context_constructed(number), [&] {
    out.sequence([&] {
      for (const Extension& extension : extensions) encode_extension(out, extension);
    });
  });
}

void write_unique_id(Writer& out, std::uint8_t number, const std::optional<asn1::BitString>& bits) {
  if (!bits) return;
  Buffer contents{bits->unused_bits};
  append(contents, bits->octets);
  out.primitive(asn1::context(number), contents);
}

Result<Buffer> rebuild_tbs_certificate(const CertificateView& view, Differences& differences) {
  const Buffer issuer = TRY(rebuild_name("issuer", view.issuer, differences));
  const Buffer subject = TRY(rebuild_name("subject", view.subject, differences));
  const Buffer algorithm = rebuild_algorithm("signature", view.tbs_signature, differences);
  const Buffer key = rebuild_key(view.public_key_info, differences);
  const auto extensions = TRY(rebuild_extensions(view.extensions, differences));
  const bool by_template = view.version == 3 && !is_negative(view.serial) && is_made(view.tbs_signature) &&
                           !view.issuer_unique_id && !view.subject_unique_id;
  if (by_template) {
    const TbsTemplate made(*parse_signature_algorithm(view.tbs_signature), issuer, extensions);
    return made.fill({serial_octets(view.serial), view.not_before, view.not_after, subject, key, {}});
  }
  Writer out;
  out.sequence([&] {
    if (view.version != 1)
      out.constructed(asn1::context_constructed(0), [&] { out.integer(view.version - 1); });
    out.primitive(Tag::integer, view.serial);
    out.raw(algorithm);
    out.raw(issuer);
    out.sequence([&] {
      out.time(view.not_before);
      out.time(view.not_after);
    });
    out.raw(subject);
    out.raw(key);
    write_unique_id(out, 1, view.issuer_unique_id);
    write_unique_id(out, 2, view.subject_unique_id);
    write_extensions(out, 3, extensions);
  });
  return std::move(out).take();
}

Result<Buffer> rebuild_certificate(Bytes der, Differences& differences) {
  const auto view = TRY(parse_certificate(der));
  (void)to_text(describe_certificate(view));
  const Buffer tbs = TRY(rebuild_tbs_certificate(view, differences));
  const Buffer algorithm = rebuild_algorithm("signatureAlgorithm", view.signature_algorithm, differences);
  return encode_certificate(tbs, algorithm, view.signature);
}

Result<Buffer> rebuild_tbs_alone(Bytes der, Differences& differences) {
  return TRY(rebuild_tbs_certificate(TRY(parse_tbs_certificate(der)), differences));
}

// By append_crl_entry, when the entry says only what that can say; by the writer otherwise.
Status rebuild_entry(const CrlEntryView& entry, Buffer& out, Differences& differences) {
  const auto known = TRY(parse_crl_entry_extensions(entry.extensions_der));
  std::vector<ExtensionView> views;
  if (!entry.extensions_der.empty()) views = TRY(parse_extensions(entry.extensions_der));
  const auto extensions = TRY(rebuild_extensions(views, differences));
  const std::size_t said = (known.reason ? 1u : 0u) + (known.invalidity_date ? 1u : 0u);
  bool plain = said == views.size() && !is_negative(entry.serial) && known.reason != CrlReason::unspecified;
  for (const ExtensionView& view : views) plain = plain && !view.critical;
  if (views.size() == 2) plain = plain && views[0].id == oid::kReasonCode;
  if (plain) {
    append_crl_entry(out, {serial_octets(entry.serial), entry.revoked_at,
                           known.reason.value_or(CrlReason::unspecified), known.invalidity_date});
    return ok();
  }
  Writer writer;
  writer.sequence([&] {
    writer.primitive(Tag::integer, entry.serial);
    writer.time(entry.revoked_at);
    if (extensions.empty()) return;
    writer.sequence([&] {
      for (const Extension& extension : extensions) encode_extension(writer, extension);
    });
  });
  append(out, writer.bytes());
  return ok();
}

Result<Buffer> rebuild_tbs_crl(const CrlView& view, Differences& differences) {
  const Buffer issuer = TRY(rebuild_name("issuer", view.issuer, differences));
  const Buffer algorithm = rebuild_algorithm("signature", view.tbs_signature, differences);
  const auto extensions = TRY(rebuild_extensions(view.extensions, differences));
  Buffer entries;
  for (CrlEntryReader reader(view.entries); !reader.at_end();) {
    const std::size_t before = entries.size();
    const CrlEntryView entry = TRY(reader.next());
    TRY(rebuild_entry(entry, entries, differences)
            .context("reading the entry {}", serial_to_text(entry.serial)));
    differences.check("entry " + serial_to_text(entry.serial), entry.whole, Bytes(entries).subspan(before));
  }
  const bool by_pieces = view.version == 2 && view.next_update && is_made(view.tbs_signature) &&
                         view.entries_present == !view.entries.empty();
  if (by_pieces) {
    const CrlFields fields{*parse_signature_algorithm(view.tbs_signature), issuer, view.this_update,
                           *view.next_update, extensions};
    const Buffer tail = encode_crl_extensions(fields);
    Buffer out = encode_crl_head(fields, entries.size(), tail.size());
    append(out, entries);
    append(out, tail);
    return out;
  }
  Writer out;
  out.sequence([&] {
    if (view.version != 1) out.integer(view.version - 1);
    out.raw(algorithm);
    out.raw(issuer);
    out.time(view.this_update);
    if (view.next_update) out.time(*view.next_update);
    if (view.entries_present) out.primitive(Tag::sequence, entries);
    write_extensions(out, 0, extensions);
  });
  return std::move(out).take();
}

Result<Buffer> rebuild_crl(Bytes der, Differences& differences) {
  const auto view = TRY(parse_crl(der));
  (void)to_text(TRY(describe_crl(view, 10)));
  const Buffer tbs = TRY(rebuild_tbs_crl(view, differences));
  const Buffer algorithm = rebuild_algorithm("signatureAlgorithm", view.signature_algorithm, differences);
  return encode_certificate(tbs, algorithm, view.signature);
}

Result<Buffer> rebuild_request(Bytes der, Differences& differences) {
  const auto view = TRY(parse_request(der));
  (void)to_text(describe_request(view));
  const Buffer subject = TRY(rebuild_name("subject", view.subject, differences));
  const Buffer key = rebuild_key(view.public_key_info, differences);
  RequestFields fields{subject, key, TRY(rebuild_extensions(view.extensions, differences)), {}};
  for (const RequestAttribute& attribute : view.attributes) {
    // An empty list of extensions is an attribute that the builder leaves out.
    if (attribute.type == oid::kExtensionRequest && !view.extensions.empty()) continue;
    fields.attributes.emplace_back(attribute.type, to_buffer(attribute.values));
  }
  const Buffer algorithm = rebuild_algorithm("signatureAlgorithm", view.signature_algorithm, differences);
  const Buffer info = encode_request_info(fields);
  differences.check("certificationRequestInfo", view.info, info);
  return encode_request(info, algorithm, view.signature);
}

// Nothing but a nonce and CertIDs of one digest that we make: what encode_ocsp_request can say.
bool is_plain(const OcspRequestView& view) {
  bool plain = !view.signature_algorithm && !view.requestor_name;
  for (const ExtensionView& extension : view.extensions) plain = plain && extension.id == oid::kOcspNonce;
  for (const OcspSingleRequest& request : view.requests)
    plain = plain && request.extensions.empty() && request.id.hash_algorithm.algorithm == oid::kSha1;
  return plain;
}

Buffer write_ocsp_request(const OcspRequestView& view, const std::vector<Extension>& extensions) {
  Writer out;
  out.sequence([&] {
    out.sequence([&] {
      if (view.requestor_name)
        out.constructed(asn1::context_constructed(1),
                        [&] { encode_general_name(out, *view.requestor_name); });
      out.sequence([&] {
        for (const OcspSingleRequest& request : view.requests)
          out.sequence([&] { out.raw(request.id.whole); });
      });
      write_extensions(out, 2, extensions);
    });
    if (!view.signature_algorithm) return;
    out.constructed(asn1::context_constructed(0), [&] {
      out.sequence([&] {
        out.raw(view.signature_algorithm->whole);
        out.bit_string(view.signature);
        if (view.certificates.empty()) return;
        out.constructed(asn1::context_constructed(0), [&] {
          out.sequence([&] {
            for (const Bytes certificate : view.certificates) out.raw(certificate);
          });
        });
      });
    });
  });
  return std::move(out).take();
}

Result<Buffer> rebuild_ocsp_request(Bytes der, Differences& differences) {
  const auto view = TRY(parse_ocsp_request(der));
  const auto extensions = TRY(rebuild_extensions(view.extensions, differences));
  if (!is_plain(view)) return write_ocsp_request(view, extensions);
  OcspRequestFields fields;
  for (const OcspSingleRequest& request : view.requests)
    fields.items.push_back(
        {request.id.issuer_name_hash, request.id.issuer_key_hash, serial_octets(request.id.serial)});
  if (const auto nonce = view.nonce()) fields.nonce = to_buffer(*nonce);
  return encode_ocsp_request(fields);
}

Result<Buffer> rebuild_ocsp_response(Bytes der, Differences& differences) {
  const auto view = TRY(parse_ocsp_response(der));
  if (view.status != OcspResponseStatus::successful) return encode_ocsp_error(view.status);
  const Buffer algorithm = rebuild_algorithm("signatureAlgorithm", view.signature_algorithm, differences);
  Buffer data = to_buffer(view.tbs);
  bool simple = !view.responder_key_hash.empty() && view.extensions.empty();
  for (const OcspSingleResponse& single : view.responses) {
    (void)TRY(rebuild_extensions(single.extensions, differences));
    simple = simple && single.extensions.empty();
  }
  if (simple) {
    OcspResponseFields fields{view.responder_key_hash, view.produced_at, {}, {}, false};
    for (const OcspSingleResponse& single : view.responses)
      fields.items.push_back({single.id.whole, single.status, single.revoked_at.value_or(Time()),
                              single.reason, single.this_update, single.next_update});
    data = encode_ocsp_response_data(fields);
  }
  for (const Bytes certificate : view.certificates) (void)TRY(parse_certificate(certificate));
  return encode_ocsp_response(data, algorithm, view.signature, view.certificates);
}

// Walks both encodings in step and says where the first elements differ that have no elements themselves,
// so that a message names a field and not the length octets of everything around it.
void check_inside(const std::string& path, Bytes original, Bytes rebuilt, Differences& differences) {
  Reader a(original), b(rebuilt);
  for (int place = 1; !a.at_end() || !b.at_end(); ++place) {
    const std::string here = fmt::format("{}/{}", path, place);
    const auto x = a.next(), y = b.next();
    if (!x || !y) return differences.check(here, x ? x->whole : Bytes(), y ? y->whole : Bytes());
    if (equal(x->whole, y->whole)) continue;
    if (x->tag == y->tag && asn1::is_constructed(x->tag))
      return check_inside(here, x->value, y->value, differences);
    return differences.check(here, x->whole, y->whole);
  }
}

Result<Buffer> rebuild(Kind kind, Bytes der, Differences& differences) {
  switch (kind) {
    case Kind::certificate:
      return rebuild_certificate(der, differences);
    case Kind::tbs_certificate:
      return rebuild_tbs_alone(der, differences);
    case Kind::crl:
      return rebuild_crl(der, differences);
    case Kind::request:
      return rebuild_request(der, differences);
    case Kind::ocsp_request:
      return rebuild_ocsp_request(der, differences);
    case Kind::ocsp_response:
      return rebuild_ocsp_response(der, differences);
  }
  return make_error(Errc::internal, "no such kind of message");
}

}  // namespace

std::string_view to_string(Kind kind) {
  constexpr std::string_view kNames[] = {"certificate", "tbsCertificate", "CRL",
                                         "request",     "OCSP request",   "OCSP response"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view to_string(Verdict verdict) {
  constexpr std::string_view kNames[] = {"same", "differs", "refused"};
  return kNames[static_cast<std::size_t>(verdict)];
}

Outcome round_trip(Kind kind, Bytes der) {
  Differences differences;
  const auto rebuilt = rebuild(kind, der, differences);
  if (!rebuilt) return {Verdict::refused, rebuilt.error().summary()};
  if (equal(*rebuilt, der)) return {};
  if (differences.text().empty()) check_inside("", der, *rebuilt, differences);
  return {Verdict::differs, differences.text()};
}

Status read_only(Kind kind, Bytes der) {
  if (kind == Kind::crl) {
    const auto view = TRY(parse_crl(der));
    for (CrlEntryReader reader(view.entries); !reader.at_end();) (void)TRY(reader.next());
    return ok();
  }
  (void)TRY(parse_certificate(der));
  return ok();
}

}  // namespace vouch::conformance
