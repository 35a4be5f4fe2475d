#pragma once
// The CRLs that an OCSP responder away from the CA answers from: [ocsp_source.NAME] of vouch.toml.

#include <chrono>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/settings.hpp"

namespace vouch::daemon {

// [ocsp_source.NAME]: one key of one CA whose CRLs `vouch serve --ocsp-from-crl` answers from. Read when the
// service starts.
struct OcspSourceConfiguration {
  std::string name;                 // also of files in the home
  fs::path ca_certificate{};        // this and the next two: PEM; relative to the home
  fs::path certificate{}, key{};    // of the responder
  std::vector<std::string> crls{};  // files, relative to the home, or http URLs; base and delta in any order
  bool whole = false;               // whether a CRL with a distribution point covers every certificate
  std::chrono::milliseconds refresh{60'000};
};

std::span<const Setting<OcspSourceConfiguration>> ocsp_source_settings();
// The members of [ocsp_source].
Result<std::vector<OcspSourceConfiguration>> read_ocsp_sources(const Value& members, std::string_view file);

}  // namespace vouch::daemon
