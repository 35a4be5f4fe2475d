#pragma once
// What an index says of a CRL beside what a walk over its list says: for tests and the fuzzer.

#include <set>

#include "relying/crl_index.hpp"

namespace vouch::relying::test {

inline std::string text_of(const Result<std::optional<validate::CrlHit>>& found) {
  if (!found) return "error: " + found.error().summary();
  if (!*found) return "not listed";
  return fmt::format("{}, {}", x509::to_string((*found)->reason), format_time((*found)->revoked_at));
}

// Issuers and serials to ask a CRL about: those that it has, and neighbours of them.
struct Questions {
  std::set<std::string> issuers;
  std::set<Buffer> serials;
};
inline Questions questions_about(const validate::Crl& crl, std::size_t most) {
  Questions out;
  validate::CrlEntryRules rules(crl.head());
  out.issuers = {crl.head().issuer_key, "nobody"};
  out.serials = {{}, {0}, {0xff}, {0, 0xff}, Buffer(300, 1)};
  for (x509::CrlEntryReader entries(crl.head().view.entries); !entries.at_end();) {
    const auto entry = entries.next();
    if (!entry || !rules.read(*entry) || out.serials.size() > most) break;
    out.issuers.insert(rules.issuer());
    Buffer serial = to_buffer(entry->serial);
    out.serials.insert(serial);
    serial.back() ^= 1;
    out.serials.insert(serial);
    serial.insert(serial.begin(), 0);
    out.serials.insert(serial);
  }
  return out;
}

// Empty, or what they say differently.
inline std::string difference(const validate::Crl& listed, const validate::Crl& indexed,
                              std::size_t most = 200) {
  const validate::CrlHead &a = listed.head(), &b = indexed.head();
  if (a.unusable != b.unusable) return fmt::format("unusable: '{}' and '{}'", a.unusable, b.unusable);
  if (a.fingerprint != b.fingerprint || a.tbs_digest != b.tbs_digest) return "the fingerprints differ";
  if (a.number != b.number || a.delta_base != b.delta_base || a.issuer_key != b.issuer_key)
    return "the heads differ";
  if (!a.unusable.empty()) return {};  // nobody asks
  const Questions questions = questions_about(listed, most);
  for (const std::string& issuer : questions.issuers)
    for (const Buffer& serial : questions.serials) {
      const std::string walked = text_of(listed.find(serial, issuer)),
                        found = text_of(indexed.find(serial, issuer));
      if (walked != found)
        return fmt::format("serial {} of {}: '{}' and '{}'", to_hex(serial), issuer, walked, found);
    }
  return {};
}

// A CRL read both ways, with one thread and two.
inline std::string difference(const crypto::Provider& provider, Bytes der, std::size_t most = 200) {
  const auto listed = validate::parse_crl_in_memory(provider, der, "both");
  for (const std::size_t threads : {1U, 2U}) {
    const auto indexed = build_crl_index(provider, own(to_buffer(der)), "both", threads);
    if (listed.has_value() != indexed.has_value())
      return listed ? "only the index refuses: " + indexed.error().summary()
                    : "only the list refuses: " + listed.error().summary();
    if (!listed) continue;
    if (std::string what = difference(**listed, **indexed, most); !what.empty()) return what;
  }
  return {};
}

}  // namespace vouch::relying::test
