#pragma once
// For fuzz targets: messages written again from their decoded fields, octet for octet. Names, keys and
// values of extensions are taken over as they are: other targets look into those.

#include "asn1/der_writer.hpp"
#include "x509/ocsp.hpp"
#include "x509/request.hpp"

namespace vouch::x509::fuzz {

inline bool same(Bytes a, Bytes b) { return equal(a, b); }

// Extensions ::= SEQUENCE OF Extension, under an explicit tag, unless there are none. An encoded FALSE of
// `critical` is read but never written; the original tells which it was.
inline void write_extensions(asn1::Writer& out, std::uint8_t number,
                             const std::vector<ExtensionView>& extensions, Bytes original) {
  if (extensions.empty()) return;
  asn1::Writer list;
  list.sequence([&] {
    for (const ExtensionView& extension : extensions)
      encode_extension(list, make_extension(extension.id, extension.critical, to_buffer(extension.value)));
  });
  // 01 01 00 is what the writer leaves out; nothing else may differ in size.
  const bool default_encoded = list.bytes().size() != original.size();
  out.constructed(asn1::context_constructed(number),
                  [&] { out.raw(default_encoded ? original : Bytes(list.bytes())); });
}

inline Buffer rebuild_tbs_certificate(const CertificateView& view) {
  asn1::Writer out;
  out.sequence([&] {
    if (view.version != 1)
      out.constructed(asn1::context_constructed(0), [&] { out.integer(view.version - 1); });
    out.primitive(asn1::Tag::integer, view.serial);
    out.raw(view.tbs_signature.whole);
    out.raw(view.issuer);
    out.sequence([&] {
      // UTCTime and GeneralizedTime are both read for dates before 2050: whichever it was stands in the
      // original right behind the issuer.
      const std::uint8_t* validity = view.issuer.data() + view.issuer.size();
      asn1::Reader reader(Bytes(validity, view.subject.data()));
      asn1::Reader times = reader.expect_sequence().value();
      for (const Time time : {view.not_before, view.not_after}) {
        const bool generalized = times.peek() == asn1::Tag::generalized_time;
        (void)times.next();
        generalized ? out.generalized_time(time) : out.time(time);
      }
    });
    out.raw(view.subject);
    out.raw(view.public_key_info);
    const auto unique_id = [&](std::uint8_t number, const std::optional<asn1::BitString>& bits) {
      if (!bits) return;
      Buffer contents{bits->unused_bits};
      append(contents, bits->octets);
      out.primitive(asn1::context(number), contents);
    };
    unique_id(1, view.issuer_unique_id);
    unique_id(2, view.subject_unique_id);
    write_extensions(out, 3, view.extensions, view.extensions_der);
  });
  return std::move(out).take();
}

template <class View>
Buffer signed_octets(Bytes tbs, const View& view) {
  return encode_certificate(tbs, view.signature_algorithm.whole, view.signature);
}

}  // namespace vouch::x509::fuzz
