#pragma once
// Every pair of parse_X and encode_X, for the tests and the fuzz target that feed all of them the same input.

#include <functional>
#include <string_view>
#include <vector>

#include "x509/extensions.hpp"

namespace vouch::x509 {

enum class RoundTrip {
  refused,    // the parser says no
  same,       // accepted, and encoded to the same octets
  tolerated,  // accepted, and encoded as DER wants it: allowed only where extensions.hpp says so
  broken,     // accepted, and encoded to something else
};

struct ExtensionCodec {
  std::string_view name;
  std::function<RoundTrip(Bytes)> round_trip;
};

inline const std::vector<ExtensionCodec>& extension_codecs() {
  enum class Form { der_only, tolerant };
  const auto codec = [](std::string_view name, Form form, auto parse, auto encode) {
    return ExtensionCodec{name, [=](Bytes value) {
                            const auto parsed = parse(value);
                            if (!parsed) return RoundTrip::refused;
                            const Buffer encoded = encode(*parsed);
                            if (equal(encoded, value)) return RoundTrip::same;
                            if (form == Form::der_only) return RoundTrip::broken;
                            // What DER leaves out or writes in another string type must mean the same.
                            const auto again = parse(encoded);
                            const bool settled = again && equal(encode(*again), encoded);
                            if constexpr (requires { *parsed == *parsed; })
                              return settled && *again == *parsed ? RoundTrip::tolerated : RoundTrip::broken;
                            return RoundTrip::broken;
                          }};
  };
  const auto names_of = [](Bytes value) { return parse_general_names(value); };
  const auto number = [](Bytes value) { return encode_crl_number(value); };
  const auto list = [](const std::vector<ExtensionView>& views) {
    asn1::Writer out;
    out.sequence([&] {
      for (const ExtensionView& view : views)
        encode_extension(out, {view.id, view.critical, to_buffer(view.value)});
    });
    return std::move(out).take();
  };
  // ExtensionView has no ==, so explicit FALSE in a list is judged by the octets that are left over: see
  // below.
  const auto list_round_trip = [=](Bytes value) {
    const auto parsed = parse_extensions(value);
    if (!parsed) return RoundTrip::refused;
    const Buffer encoded = list(*parsed);
    if (equal(encoded, value)) return RoundTrip::same;
    const auto again = parse_extensions(encoded);
    return again && encoded.size() < value.size() && again->size() == parsed->size() &&
                   equal(list(*again), encoded)
               ? RoundTrip::tolerated
               : RoundTrip::broken;
  };
  static const std::vector<ExtensionCodec> codecs = {
      {"extensions", list_round_trip},
      codec("key usage", Form::tolerant, parse_key_usage, encode_key_usage),
      codec("basic constraints", Form::tolerant, parse_basic_constraints, encode_basic_constraints),
      codec("subject key identifier", Form::der_only, parse_subject_key_identifier,
            encode_subject_key_identifier),
      codec("authority key identifier", Form::der_only, parse_authority_key_identifier,
            encode_authority_key_identifier),
      codec("extended key usage", Form::der_only, parse_extended_key_usage, encode_extended_key_usage),
      codec("general names", Form::der_only, names_of, encode_general_names),
      codec("certificate policies", Form::der_only, parse_certificate_policies, encode_certificate_policies),
      codec("policy mappings", Form::der_only, parse_policy_mappings, encode_policy_mappings),
      codec("policy constraints", Form::der_only, parse_policy_constraints, encode_policy_constraints),
      codec("inhibit any policy", Form::der_only, parse_inhibit_any_policy, encode_inhibit_any_policy),
      codec("name constraints", Form::tolerant, parse_name_constraints, encode_name_constraints),
      codec("distribution points", Form::tolerant, parse_distribution_points, encode_distribution_points),
      codec("issuing distribution point", Form::tolerant, parse_issuing_distribution_point,
            encode_issuing_distribution_point),
      codec("information access", Form::der_only, parse_info_access, encode_info_access),
      codec("private key usage period", Form::der_only, parse_private_key_usage_period,
            encode_private_key_usage_period),
      codec("subject directory attributes", Form::der_only, parse_subject_directory_attributes,
            encode_subject_directory_attributes),
      codec("TLS feature", Form::der_only, parse_tls_feature, encode_tls_feature),
      codec("CRL number", Form::der_only, parse_crl_number, number),
      codec("reason code", Form::der_only, parse_reason_code, encode_reason_code),
      codec("invalidity date", Form::der_only, parse_invalidity_date, encode_invalidity_date),
      codec("next publish", Form::der_only, parse_next_publish, encode_next_publish),
      codec("CA version", Form::der_only, parse_ca_version, encode_ca_version),
      codec("previous certificate hash", Form::der_only, parse_previous_cert_hash, encode_previous_cert_hash),
      codec("template name", Form::tolerant, parse_template_name, encode_template_name),
      codec("template information", Form::der_only, parse_template_information, encode_template_information),
      codec("security identifier", Form::der_only, parse_sid, encode_sid),
  };
  return codecs;
}

}  // namespace vouch::x509
