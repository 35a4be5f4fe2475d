// Any input as a CRL. Properties: entries are walked to their end or refused, entries that our writer can
// express come back as the same octets, and so does the CRL.
#include <cstdlib>

#include "x509/fuzz_rebuild.hpp"
#include "x509/print.hpp"

namespace {

using namespace vouch;
using namespace vouch::x509;

// Positive serial, UTCTime through 2049, and only the two extensions that the writer makes, in its order.
bool is_expressible(const CrlEntryView& entry, const CrlEntryExtensions& extensions) {
  CrlEntry plain{serial_octets(entry.serial), entry.revoked_at,
                 extensions.reason.value_or(CrlReason::unspecified), extensions.invalidity_date};
  Buffer out;
  append_crl_entry(out, plain);
  return out.size() == entry.whole.size() && extensions.certificate_issuer.empty() &&
         (entry.serial[0] & 0x80) == 0 &&
         extensions.reason.has_value() == (plain.reason != CrlReason::unspecified);
}

void check_entries(const CrlView& crl) {
  std::size_t octets = 0;
  for (CrlEntryReader reader(crl.entries); !reader.at_end();) {
    const auto entry = reader.next();
    if (!entry) return;
    octets += entry->whole.size();
    const auto extensions = parse_crl_entry_extensions(entry->extensions_der);
    if (!extensions || !is_expressible(*entry, *extensions)) continue;
    // The serial and the times must stand in what the writer makes, whatever the rest says.
    Buffer out;
    append_crl_entry(out, {serial_octets(entry->serial), entry->revoked_at,
                           extensions->reason.value_or(CrlReason::unspecified), extensions->invalidity_date});
    CrlEntryReader again{Bytes(out)};
    const auto read = again.next();
    if (!read || !fuzz::same(read->serial, entry->serial) || read->revoked_at != entry->revoked_at)
      std::abort();
  }
  if (octets != crl.entries.size()) std::abort();
}

// thisUpdate as it was encoded, through nextUpdate.
void write_times(asn1::Writer& out, const CrlView& crl) {
  const std::uint8_t* from = crl.issuer.data() + crl.issuer.size();
  asn1::Reader times(Bytes(from, crl.tbs.data() + crl.tbs.size()));
  const auto write = [&](Time time) {
    times.peek() == asn1::Tag::generalized_time ? out.generalized_time(time) : out.time(time);
    (void)times.next();
  };
  write(crl.this_update);
  if (crl.next_update) write(*crl.next_update);
}

Buffer rebuild_tbs(const CrlView& crl) {
  asn1::Writer out;
  out.sequence([&] {
    if (crl.version == 2) out.integer(1);
    out.raw(crl.tbs_signature.whole);
    out.raw(crl.issuer);
    write_times(out, crl);
    if (crl.entries_present) out.primitive(asn1::Tag::sequence, crl.entries);
    fuzz::write_extensions(out, 0, crl.extensions, crl.extensions_der);
  });
  return std::move(out).take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes der(data, size);
  const auto crl = parse_crl(der);
  if (!crl) return 0;
  if (const auto description = describe_crl(*crl, 50)) (void)to_text(*description);
  check_entries(*crl);
  if (!fuzz::same(fuzz::signed_octets(rebuild_tbs(*crl), *crl), der)) std::abort();
  return 0;
}
