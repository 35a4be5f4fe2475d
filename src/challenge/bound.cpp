#include "challenge/bound.hpp"

#include <algorithm>

namespace vouch::challenge {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;

constexpr std::size_t kMostSubjects = 16, kMostNames = 64, kMostPurposes = 64, kMostTypes = 8;
constexpr std::size_t kLongestText = 512;
constexpr std::size_t kDigest = 32;  // SHA-256
// Nobody needs a certificate for longer, and sums of times stay far from where they would overflow.
constexpr std::chrono::seconds kLongestValidity = std::chrono::hours(24 * 366 * 30);

Result<std::string> text_of(Reader& reader) {
  const Bytes value = TRY(reader.expect(Tag::utf8_string));
  if (value.size() > kLongestText || !x509::is_valid_utf8(as_text(value)))
    return make_error(Errc::malformed, "a text of the challenge is too long or no UTF-8");
  return std::string(as_text(value));
}

void put_text(Writer& out, const std::string& text) { out.string(Tag::utf8_string, text); }

void put_names(Writer& out, std::uint8_t tag, const std::vector<x509::GeneralName>& names) {
  if (names.empty()) return;
  out.constructed(asn1::context_constructed(tag), [&] { x509::encode_general_names_contents(out, names); });
}

Result<std::vector<x509::GeneralName>> names_of(Reader& reader, std::uint8_t tag) {
  auto contents = TRY(reader.optional_constructed(asn1::context_constructed(tag)));
  if (!contents) return std::vector<x509::GeneralName>();
  auto names = TRY(x509::parse_general_names(*contents));
  if (names.size() > kMostNames) return make_error(Errc::malformed, "the challenge has too many names");
  return names;
}

Result<std::uint32_t> small_number(Reader& reader, std::uint64_t most) {
  const std::uint64_t number = TRY(reader.expect_uint64());
  if (number > most) return make_error(Errc::malformed, "a number of the challenge is out of range");
  return static_cast<std::uint32_t>(number);
}

constexpr x509::DigestAlgorithm kHashes[] = {x509::DigestAlgorithm::sha256, x509::DigestAlgorithm::sha384,
                                             x509::DigestAlgorithm::sha512};
std::uint64_t bits_of(x509::DigestAlgorithm hash) { return 8 * x509::digest_size(hash); }

void put_rules(Writer& out, const Bound& bound) {
  if (bound.usage)
    out.constructed(asn1::context_constructed(2), [&] {
      out.integer(bound.usage->bits);
      out.boolean(bound.usage->subset);
    });
  if (bound.purposes)
    out.constructed(asn1::context_constructed(3), [&] {
      out.boolean(bound.purposes->subset);
      out.sequence([&] {
        for (const x509::Oid& purpose : bound.purposes->purposes) out.oid(purpose);
      });
    });
  out.constructed(asn1::context_constructed(4), [&] {
    out.sequence([&] {
      for (const x509::KeyType type : bound.key.types) out.enumerated(static_cast<std::uint8_t>(type));
    });
    out.integer(bound.key.min_bits);
    out.integer(bound.key.max_bits);
    out.octet_string(bound.key.spki_sha256);
  });
  if (bound.validity)
    out.constructed(asn1::context_constructed(5),
                    [&] { out.integer(static_cast<std::uint64_t>(bound.validity->count())); });
  if (!bound.hashes.empty())
    out.constructed(asn1::context_constructed(6), [&] {
      for (const x509::DigestAlgorithm hash : bound.hashes) out.integer(bits_of(hash));
    });
}

Status read_key_rule(Reader rule, KeyRule& key) {
  for (Reader types = TRY(rule.expect_sequence()); !types.at_end();) {
    const Bytes type = TRY(types.expect(Tag::enumerated));
    if (type.size() != 1 || type[0] > static_cast<std::uint8_t>(x509::KeyType::ed25519) ||
        key.types.size() == kMostTypes)
      return make_error(Errc::malformed, "the challenge names a kind of key that is not known");
    key.types.push_back(static_cast<x509::KeyType>(type[0]));
  }
  key.min_bits = TRY(small_number(rule, 0xffff));
  key.max_bits = TRY(small_number(rule, 0xffff));
  key.spki_sha256 = to_buffer(TRY(rule.expect_octet_string()));
  return rule.finish();
}

Status read_rules(Reader& reader, Bound& bound) {
  if (auto rule = TRY(reader.optional_constructed(asn1::context_constructed(2)))) {
    bound.usage.emplace();
    bound.usage->bits = static_cast<std::uint16_t>(TRY(small_number(*rule, 0x1ff)));
    bound.usage->subset = TRY(rule->expect_boolean());
    TRY(rule->finish());
  }
  if (auto rule = TRY(reader.optional_constructed(asn1::context_constructed(3)))) {
    bound.purposes.emplace();
    bound.purposes->subset = TRY(rule->expect_boolean());
    for (Reader list = TRY(rule->expect_sequence()); !list.at_end();) {
      if (bound.purposes->purposes.size() == kMostPurposes)
        return make_error(Errc::malformed, "the challenge has too many purposes");
      bound.purposes->purposes.push_back(TRY(list.expect_oid()));
    }
    TRY(rule->finish());
  }
  TRY(read_key_rule(TRY(reader.expect_constructed(asn1::context_constructed(4))), bound.key));
  if (auto rule = TRY(reader.optional_constructed(asn1::context_constructed(5)))) {
    bound.validity =
        std::chrono::seconds(TRY(small_number(*rule, static_cast<std::uint64_t>(kLongestValidity.count()))));
    TRY(rule->finish());
  }
  if (auto rule = TRY(reader.optional_constructed(asn1::context_constructed(6)))) {
    while (!rule->at_end()) {
      const std::uint32_t bits = TRY(small_number(*rule, 512));
      const auto* hash = std::ranges::find(kHashes, bits, bits_of);
      if (hash == std::end(kHashes) || bound.hashes.size() == std::size(kHashes))
        return make_error(Errc::malformed, "the challenge names a hash that is not known");
      bound.hashes.push_back(*hash);
    }
  }
  return ok();
}

Result<Bound> read(Reader reader) {
  Bound bound;
  bound.realm = TRY(text_of(reader));
  bound.id = to_buffer(TRY(reader.expect_octet_string()));
  bound.issued_at = TRY(reader.expect_generalized_time());
  bound.not_before = TRY(reader.expect_generalized_time());
  bound.expires = TRY(reader.expect_generalized_time());
  for (std::string* text :
       {&bound.audience, &bound.template_name, &bound.request_id, &bound.device, &bound.user, &bound.sid})
    *text = TRY(text_of(reader));
  for (Reader subjects = TRY(reader.expect_sequence()); !subjects.at_end();) {
    if (bound.subjects.size() == kMostSubjects)
      return make_error(Errc::malformed, "the challenge has too many subjects");
    bound.subjects.push_back(TRY(x509::parse_name(TRY(subjects.expect_tlv(Tag::sequence)).whole)));
  }
  bound.required_names = TRY(names_of(reader, 0));
  bound.allowed_names = TRY(names_of(reader, 1));
  TRY(read_rules(reader, bound));
  TRY(reader.finish());
  return bound;
}

}  // namespace

Status check(const Bound& bound) {
  const auto wrong = [](std::string_view what) { return make_error(Errc::usage, "{}", what); };
  if (bound.realm.empty() || bound.audience.empty() || bound.id.size() != kIdSize)
    return wrong("a challenge needs a CA, a profile and an identifier");
  for (const std::string* text : {&bound.realm, &bound.audience, &bound.template_name, &bound.request_id,
                                  &bound.device, &bound.user, &bound.sid})
    if (text->size() > kLongestText || !x509::is_valid_utf8(*text))
      return wrong("a text of the challenge is longer than 512 octets, or no UTF-8");
  if (bound.subjects.empty() && bound.required_names.empty() && bound.allowed_names.empty())
    return make_error(Errc::usage, "the challenge does not say for whom the certificate is")
        .with_hint("bind it to a subject or to alternative names");
  if (bound.subjects.size() > kMostSubjects || bound.required_names.size() > kMostNames ||
      bound.allowed_names.size() > kMostNames)
    return wrong("the challenge has too many names");
  if (bound.purposes && (bound.purposes->purposes.empty() || bound.purposes->purposes.size() > kMostPurposes))
    return wrong("the challenge has no purposes, or too many");
  if (bound.usage && (bound.usage->bits == 0 || bound.usage->bits > 0x1ff))
    return wrong("the challenge has no key usage, or one that is not known");
  if (bound.key.types.size() > kMostTypes || bound.key.min_bits > 0xffff || bound.key.max_bits > 0xffff ||
      (bound.key.max_bits != 0 && bound.key.min_bits > bound.key.max_bits))
    return wrong("the challenge's limits for the key exclude each other");
  if (!bound.key.spki_sha256.empty() && bound.key.spki_sha256.size() != kDigest)
    return wrong("the challenge's hash of the key is no SHA-256");
  if (bound.hashes.size() > std::size(kHashes) ||
      std::ranges::any_of(bound.hashes, [](x509::DigestAlgorithm hash) {
        return std::ranges::find(kHashes, hash) == std::end(kHashes);
      }))
    return wrong("the challenge allows a hash that is none of SHA-256, SHA-384 and SHA-512");
  if (bound.validity && (bound.validity->count() <= 0 || *bound.validity > kLongestValidity))
    return wrong("the challenge's validity is no time, or longer than 30 years");
  if (bound.expires <= bound.not_before || bound.issued_at > bound.expires)
    return wrong("the challenge would expire before it begins");
  return ok();
}

Buffer encode(const Bound& bound) {
  Writer out;
  out.constructed(asn1::context_constructed(1), [&] {
    put_text(out, bound.realm);
    out.octet_string(bound.id);
    out.generalized_time(bound.issued_at);
    out.generalized_time(bound.not_before);
    out.generalized_time(bound.expires);
    for (const std::string* text :
         {&bound.audience, &bound.template_name, &bound.request_id, &bound.device, &bound.user, &bound.sid})
      put_text(out, *text);
    out.sequence([&] {
      for (const x509::Name& subject : bound.subjects) x509::encode_name(out, subject);
    });
    put_names(out, 0, bound.required_names);
    put_names(out, 1, bound.allowed_names);
    put_rules(out, bound);
  });
  return std::move(out).take();
}

Result<Bound> decode(Bytes der) {
  Reader outer(der);
  const auto version = outer.peek();
  if (version != asn1::context_constructed(1))
    return make_error(Errc::malformed, "the challenge is of a version that is not known");
  Bound bound = TRY(read(TRY(outer.expect_constructed(asn1::context_constructed(1)))));
  TRY(outer.finish());
  if (const Status fits = check(bound); !fits)
    return make_error(Errc::malformed, "{}", fits.error().message());
  if (!equal(encode(bound), der))
    return make_error(Errc::malformed, "the challenge is not in its one encoding");
  return bound;
}

}  // namespace vouch::challenge
