#pragma once
// A profile: for whom one SCEP URL is, and how it behaves. Plain values, made from the configuration.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "enroll/scep/challenge.hpp"
#include "enroll/scep/envelope.hpp"
#include "enroll/scep/outcome_listener.hpp"

namespace vouch::enroll::scep {

// NDES's three, chosen by the key usage that the request asks for (none: general), and those that a request
// may name itself (Microsoft's certificate type, strongSwan's --profile). All empty: a CA without templates.
struct ProfileTemplates {
  std::string signature{}, encryption{}, general{};
  std::vector<std::string> by_name{};

  bool empty() const;
  bool has(std::string_view name) const;
};

struct RenewalRules {
  bool allowed = true;
  bool same_key = false;
  std::optional<Span> window;     // so long before the end of the certificate; none: any time
  std::chrono::seconds grace{0};  // so long after its end
};

struct Profile {
  // RA: replies are signed and requests encrypted with certificates of this service. CA: with the CA's own.
  enum class Mode : std::uint8_t { ra, ca };

  std::string name;
  std::vector<std::string> paths;  // further ones beside /scep/NAME: "/certsrv/mscep/mscep.dll"
  Mode mode = Mode::ra;
  std::string account;  // that hands in the requests; the authority says for which templates it may
  ProfileTemplates templates;
  std::shared_ptr<const ChallengePolicy> challenge;
  std::vector<std::shared_ptr<const OutcomeListener>> listeners{};  // told in this order
  // The challenge stands for a certificate manager's approval where the template wants one: then the account
  // needs the right to approve. Otherwise such requests wait for a person.
  bool challenge_approves = false;
  Floor floor;
  RenewalRules renewal;
  bool include_root = true;  // in GetCACert
  bool include_ca = false;   // in CertRep: Cisco's VPN client wants it, iOS and Juniper must not get it
  // FAILURE and PENDING without the signer's certificate, as NDES sends them. strongSwan cannot verify those
  // in RA mode.
  bool bare_replies = false;
  std::string capabilities;  // instead of the answer to GetCACaps that follows from the rest
  // Octets of a POST. Requests with a challenge of several kilobytes are real; 64 KiB is more than any that
  // was seen.
  std::size_t largest_message = std::size_t{256} << 10;
  std::uint32_t password_rounds = 100'000;  // PBKDF2, for replies to keys that cannot receive
};

// What replies are signed with and messages opened with.
struct ServiceKeys {
  Buffer signing_certificate;
  // Of one key, one for each digest. A reply has the request's digest where there is a signer for it, else
  // the first.
  std::vector<std::shared_ptr<const crypto::Signer>> signers;
  std::vector<DecryptionKey> decryption;  // current first, then those of earlier certificates
};

// The CA's next certificate (RFC 8894 4.7) and who vouches for it now.
struct Rollover {
  std::vector<Buffer> certificates;
  Buffer signing_certificate;
  std::shared_ptr<const crypto::Signer> signer;
};

}  // namespace vouch::enroll::scep
