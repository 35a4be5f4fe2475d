// Any input as a CRL whose entries are indexed. Property: the index says of every serial on the list what a
// walk over the list says of its first entry, and knows no other.
#include <cstdlib>
#include <map>

#include "revocation/crl_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  const auto crl = x509::parse_crl(Bytes(data, size));
  if (!crl) return 0;
  const auto index = revocation::CrlIndex::build(*crl);
  if (!index) return 0;
  std::map<Buffer, revocation::CrlIndex::Entry> first;
  std::size_t count = 0;
  for (x509::CrlEntryReader entries(crl->entries); !entries.at_end(); ++count) {
    const auto entry = entries.next();
    if (!entry) std::abort();  // the index has read it
    revocation::CrlIndex::Entry said{entry->revoked_at, x509::CrlReason::unspecified};
    if (!entry->extensions_der.empty())
      said.reason = x509::parse_crl_entry_extensions(entry->extensions_der)
                        .value()
                        .reason.value_or(x509::CrlReason::unspecified);
    Bytes serial = x509::serial_octets(entry->serial);
    while (!serial.empty() && serial.front() == 0) serial = serial.subspan(1);
    first.try_emplace(to_buffer(serial), said);
  }
  if (index->size() != count) std::abort();
  for (const auto& [serial, said] : first) {
    if (index->find(serial) != said) std::abort();
    Buffer other = serial;
    other.push_back(1);
    if (index->find(other).has_value() != first.contains(other)) std::abort();
  }
  return 0;
}
