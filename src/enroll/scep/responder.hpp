#pragma once
// The SCEP service of one profile (RFC 8894 4): from an HTTP request to its answer. No sockets, no database.

#include <functional>

#include "ca/authority.hpp"
#include "enroll/scep/failure.hpp"
#include "enroll/scep/profile.hpp"
#include "net/router.hpp"

namespace vouch::enroll::scep {

// What the authority knows of its certificates, as of now (not as of the last CRL).
class CertificateRecords {
 public:
  struct Issued {
    Buffer certificate;
    std::string template_name;
    bool revoked = false;
  };
  virtual ~CertificateRecords() = default;
  // `serial`: unsigned octets. Empty: nobody knows it.
  virtual Result<std::optional<Issued>> find(Bytes serial) const = 0;
  // The complete CRL that says whether this certificate is revoked. `not_found`: none was published yet.
  virtual Result<Buffer> crl_about(const Issued& issued) const = 0;
};

// What became of one message: for the log, the audit, `vouch why`. Never holds a challenge.
struct Event {
  std::string profile, client, transaction;
  std::optional<MessageType> type;
  PkiStatus status{};
  ca::RequestId request = 0;  // 0: it did not get that far
  std::string code, detail;   // of a FAILURE; "Unavailable": there was no reply, the device may try again
  std::string expected, received;
  bool legacy = false;  // protected with what only a legacy floor allows
};

// What the service works with. All that is referred to outlives it.
struct Surroundings {
  ca::Authority& authority;
  const CertificateRecords& records;
  const crypto::Provider& provider;
  const Clock& clock;
  // Asked for each message, so that renewed keys count at once. `unavailable`: they are out of reach.
  std::function<Result<std::shared_ptr<const ServiceKeys>>()> keys;
  std::function<std::optional<Rollover>()> rollover{};  // none: no next certificate
  std::function<void(const Event&)> report{};
};

class Responder {
 public:
  // `usage` for a profile without a challenge policy: nobody enrols unauthenticated.
  static Result<std::shared_ptr<const Responder>> create(Surroundings surroundings, Profile profile);

  // A PKIOperation whose message can be read is answered with 200 and a signed CertRep, whatever is wrong
  // with it; 503 means that the authority or a key is out of reach and that the device may try again.
  net::Response answer(const net::Request& request) const;
  const Profile& profile() const { return profile_; }

 private:
  Responder(Surroundings surroundings, Profile profile)
      : surroundings_(std::move(surroundings)), profile_(std::move(profile)) {}
  net::Response visit() const;
  std::string capabilities() const;
  Result<net::Response> certificates() const;
  Result<net::Response> next_certificates() const;
  void report_outage(const Error& error, const net::Request& request) const;
  Result<net::Response> pki_operation(Bytes message, const net::Request& request) const;

  Surroundings surroundings_;
  Profile profile_;
};

// The paths of profiles: /scep/NAME, their further paths, and each with /pkiclient.exe behind it. The first
// profile also answers at /scep. `conflict`: two profiles want one path.
Result<std::vector<net::Route>> scep_routes(const std::vector<std::shared_ptr<const Responder>>& responders);

}  // namespace vouch::enroll::scep
