#pragma once
// The HTTP face of OCSP (RFC 6960 appendix A, RFC 5019 sections 5 and 6): GET /ocsp/BASE64 and POST /ocsp.

#include "api/ocsp_cache.hpp"
#include "net/metrics.hpp"
#include "net/router.hpp"

namespace vouch::api {

struct OcspFaceSettings {
  std::chrono::seconds max_age{std::chrono::hours(1)};  // how long others may keep an answer
  std::size_t cache_octets = std::size_t{64} << 20;
  revocation::OcspSettings responder{};
};

class OcspFace {
 public:
  // All outlive it.
  OcspFace(const revocation::OcspSource& source, const crypto::Provider& provider, const Clock& clock,
           net::Metrics& metrics, OcspFaceSettings settings = {});

  // What kept the last answer from being given, until one could be given again.
  Status last_outcome() const;

  // GET and POST, with the octets of the OCSP request.
  net::Prepared at_once(const net::Request& http, Bytes request) const;
  net::Response answer(const net::Request& http, Bytes request) const;

 private:
  Result<Kept> look(Bytes request) const;
  Kept keep(Bytes request, revocation::OcspAnswer answer) const;
  net::Response fleeting_answer(const revocation::OcspAnswer& answer) const;
  void note(const Status& outcome) const;

  const revocation::OcspSource& source_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  const OcspFaceSettings settings_;
  const revocation::OcspResponder responder_;
  mutable OcspCache cache_;
  net::Counter& from_cache_;
  net::Counter& ahead_;
  net::Counter& made_;
  net::Counter& failed_;
  mutable std::mutex guards_outcome_;
  mutable Status outcome_ = ok();
};

std::vector<net::Route> ocsp_routes(const std::shared_ptr<const OcspFace>& face);

}  // namespace vouch::api
