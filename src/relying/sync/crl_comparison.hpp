#pragma once
// A CRL held against the certificate of the CA that should have signed it, one question at a time: a person
// who looks for what is wrong wants every answer, a program the first that is bad.

#include "base/value.hpp"
#include "validate/certificate.hpp"
#include "validate/crl.hpp"
#include "validate/profile.hpp"

namespace vouch::relying {

struct CrlComparison {
  std::string subject, issuer;  // of the CA; of the CRL: RFC 4514
  bool names_fit = false;       // RFC 5280 6.3.3 (b) (1)
  std::string expected_key,
      found_key;                // SubjectKeyIdentifier and AuthorityKeyIdentifier in hex; empty: absent
  bool keys_fit = false;        // both there and equal
  bool may_sign = false;        // cRLSign, or no key usage at all (RFC 5280 6.3.3 (f))
  std::string signature_fault;  // empty: the CA's key made the signature, by an accepted algorithm

  bool good() const { return names_fit && keys_fit && may_sign && signature_fault.empty(); }
  // The first thing that is wrong, in a sentence; empty: nothing is. A CRL or CA without key identifiers
  // passes when `need_keys` is false.
  std::string fault(bool need_keys = true) const;
};
CrlComparison compare(const crypto::Provider& provider, const validate::CrlHead& crl,
                      const validate::Certificate& authority, const validate::AlgorithmRules& rules = {});

// {subject, issuer, names_fit, subject_key_identifier, authority_key_identifier, keys_fit, crl_sign,
//  signature, problem}; absent identifiers and no problem are null.
Value to_value(const CrlComparison& comparison);

}  // namespace vouch::relying
