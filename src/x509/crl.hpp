#pragma once
// Certificate revocation lists (RFC 5280 5), read and written as streams: a CRL of a million entries is
// walked without an allocation and written without a list in memory.

#include <functional>
#include <optional>

#include "x509/certificate.hpp"

namespace vouch::x509 {

// The head and the tail of a CRL; the entries stay raw and are walked with CrlEntryReader. Parsing
// guarantees the form of every field here but says NOTHING about the entries' form or the times' order.
struct CrlView {
  Bytes whole;
  Bytes tbs;             // tbsCertList, whole TLV
  unsigned version = 1;  // 1 or 2
  AlgorithmIdentifier tbs_signature;
  Bytes issuer;  // Name, whole TLV
  Time this_update{};
  std::optional<Time> next_update;
  Bytes entries;  // contents of revokedCertificates; empty when absent
  bool entries_present = false;
  Bytes extensions_der;
  std::vector<ExtensionView> extensions;  // crlExtensions
  AlgorithmIdentifier signature_algorithm;
  Bytes signature;

  const ExtensionView* find(const Oid& id) const { return x509::find(extensions, id); }
};
Result<CrlView> parse_crl(Bytes der);
// A tbsCertList alone, as it goes to the signer: whole, signature_algorithm and signature stay empty.
Result<CrlView> parse_tbs_crl(Bytes tbs);

struct CrlEntryView {
  Bytes serial;  // INTEGER contents
  Time revoked_at{};
  Bytes extensions_der;  // the SEQUENCE, whole TLV; empty when absent
  Bytes whole;
};
// The extensions of an entry that RFC 5280 5.3 names.
struct CrlEntryExtensions {
  std::optional<CrlReason> reason;
  std::optional<Time> invalidity_date;
  std::vector<GeneralName> certificate_issuer;
  bool unknown_critical = false;
};
Result<CrlEntryExtensions> parse_crl_entry_extensions(Bytes extensions_der);

// for (CrlEntryReader entries(crl.entries); !entries.at_end();) { auto entry = TRY(entries.next()); … }
class CrlEntryReader {
 public:
  explicit CrlEntryReader(Bytes entries) : reader_(entries) {}
  bool at_end() const { return reader_.at_end(); }
  Result<CrlEntryView> next();

 private:
  asn1::Reader reader_;
};

// One revokedCertificates element.
struct CrlEntry {
  Bytes serial;  // unsigned octets without leading zeros
  Time revoked_at{};
  CrlReason reason = CrlReason::unspecified;  // unspecified is left out (RFC 5280 5.3.1)
  std::optional<Time> invalidity_date;
};
// Appends the encoded entry. No allocation beyond the growth of `out`.
void append_crl_entry(Buffer& out, const CrlEntry& entry);

// tbsCertList in three pieces, so that the entries between can be streamed:
// head (through the header of revokedCertificates) + entries + extensions.
struct CrlFields {
  SignatureAlgorithm algorithm{};
  Bytes issuer;  // Name, whole TLV
  Time this_update{}, next_update{};
  std::vector<Extension> extensions;  // at least authorityKeyIdentifier and cRLNumber (RFC 5280 5.2)
};
Buffer encode_crl_extensions(const CrlFields& fields);  // the [0] element
// `entries_size` and `extensions_size` are the octets of the pieces that follow. Without entries
// revokedCertificates is left out, as RFC 5280 5.1.2.6 wants.
Buffer encode_crl_head(const CrlFields& fields, std::size_t entries_size, std::size_t extensions_size);
// An upper bound for encode_crl_head's size, known before the entries are.
std::size_t crl_head_bound(const CrlFields& fields);

}  // namespace vouch::x509
