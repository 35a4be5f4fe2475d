#pragma once
// The challenge that the simulator makes for a device and opens again: what the device's request has to look
// like, sealed so that the device cannot read it. The form is the simulator's own; Intune's is not public.
//
//   base64( nonce(12) | AES-256-GCM( {"request": …, "device": …, "issued": …, "expires": …, "subject": …, …}
//   ) )

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "base/value.hpp"
#include "crypto/provider.hpp"

namespace vouch::enroll::intune_simulator {

// What the profile of a device management service says about the certificate of one device.
struct Expectation {
  std::string request, device, user;  // numbers of the service; user may be empty
  std::string signing_certificate;    // thumbprint of what the challenge was signed with
  Time issued{}, expires{};
  std::string subject;                            // RFC 4514; empty: any
  std::vector<std::string> alternative_names{};   // "DNS:…", "UPN:…"; all of them and no other
  std::uint16_t key_usage = 0;                    // x509::KeyUsage; 0: any
  std::vector<std::string> extended_key_usage{};  // dotted; none: any
  std::size_t key_bits = 0;                       // 0: any
  bool registered_key = false;                    // the key has to be one that the device registered
};

struct OpenedBlob {
  std::string code;  // "Success", or why it did not open: Intune's name
  Expectation expectation{};
};

class BlobKeys {
 public:
  explicit BlobKeys(const crypto::Provider& provider);
  // `signature_fits` false makes one whose inner signature is broken.
  Result<std::string> seal(const Expectation& expectation, bool signature_fits = true) const;
  // Something that opens and is no expectation.
  Result<std::string> seal_nonsense() const;
  OpenedBlob open(std::string_view challenge) const;

 private:
  Result<std::string> seal_text(std::string_view text) const;
  std::string signature_over(std::string_view text) const;
  const crypto::Provider& provider_;
  Buffer sealing_, signing_;
};

}  // namespace vouch::enroll::intune_simulator
