#pragma once
// CAPolicy.inf: what an administrator wants of a CA's own certificate, read at set-up and again at each
// renewal. docs/reference/capolicy.md lists every key.

#include "ca/home/environment.hpp"
#include "ca/inf.hpp"
#include "ca/settings/locations.hpp"

namespace vouch::ca {

struct CaPolicy {
  std::string file;                   // where it was read
  std::vector<std::string> warnings;  // "FILE:LINE: …": unknown keys, keys without effect here

  // One line of the file that has an effect, for showing what was read.
  struct Line {
    std::string section, key, value;
    int line = 0;
    bool operator==(const Line&) const = default;
  };
  std::vector<Line> lines;

  // [Certsrv_Server]
  std::optional<std::size_t> renewal_key_length;
  std::optional<Span> renewal_validity;
  std::optional<Span> crl_period, crl_overlap;
  std::optional<Span> crl_delta_period;  // an empty span: no delta CRLs
  std::optional<bool> load_default_templates;
  std::optional<bool> alternate_signature_algorithm;  // RSA-PSS
  std::optional<crypto::DigestAlgorithm> hash;

  // Extensions of the CA's own certificate.
  std::optional<std::uint32_t> path_length;
  struct Urls {
    std::vector<std::string> urls;  // with the variables of locations
    bool critical = false;
    int line = 0;
  };
  Urls cdp, aia;                         // a root's certificate only: of a subordinate's the parent decides
  std::vector<x509::Extension> further;  // policies, purposes, cross-certificate locations, raw extensions
};

// Errors name file and line.
Result<CaPolicy> parse_ca_policy(Bytes octets, std::string_view file);

// The file that was named, else HOME/CAPolicy.inf, else /etc/vouch/CAPolicy.inf; nothing when there is none.
Result<std::optional<CaPolicy>> read_ca_policy(const Home& home, const std::optional<fs::path>& named);

// CDP and AIA of a root's own certificate, with the variables filled in.
Result<std::vector<x509::Extension>> location_extensions(const CaPolicy& policy,
                                                         const LocationVariables& variables);

}  // namespace vouch::ca
