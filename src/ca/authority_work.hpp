#pragma once
// What the files of LocalAuthority share among themselves: local_authority.cpp (opening, settings, fence),
// consideration.cpp (from a request to a decision), issuance.cpp (from a decision to a certificate),
// request_queue.cpp (who may have it, and what becomes of a request), revoking.cpp.

#include <algorithm>

#include "ca/challenge_desk.hpp"
#include "ca/gathering.hpp"
#include "ca/home/audit.hpp"
#include "ca/issuance_cache.hpp"
#include "ca/local_authority.hpp"
#include "ca/settings/templates.hpp"

namespace vouch::ca {

// So many lines of the fence are compared at a start at most, or nearly.
constexpr std::size_t kLinesPerMark = 4096;

// One request on its way through the authority.
struct LocalAuthority::Work {
  store::RequestRecord request;
  bool is_new = true;  // otherwise a pending request that was approved
  policy::Decision decision;
  Buffer tbs_sha256;                             // of the certificate, for the audit log
  IssuanceCache::Template certificate_template;  // null: none, or an override that is not cached
  store::CertificateRecord certificate;          // filled when it is to be issued
  std::shared_ptr<const Live> live;              // the settings it was filled by
  std::uint64_t key = 0;                         // number of its public key in the database
  bool key_is_shared = false;                    // by several subjects, on purpose
  store::RequestId key_holder = 0;  // the certificate's request that has it, as policy knows; 0: none
  std::optional<ChallengeVerdict> challenge;  // of a device
  struct Pended {
    std::string reason, message;
  };
  std::optional<Pended> pended;  // why a new request would wait, had its requester not approved it
  std::optional<Error> error;    // something broke; the request may be recorded all the same
  bool answered_before = false;  // same transaction key as an earlier request

  bool issues() const { return !error && !answered_before && request.disposition == Disposition::issued; }
};

// The templates that one call asks for, each looked up once however many requests name it.
class LocalAuthority::TemplateLookup {
 public:
  struct Entry {
    IssuanceCache::Template value;  // null: unknown
    bool published = false;
    std::string hint;  // for an unknown one
    std::string superseded_by;
  };

  TemplateLookup(const store::Snapshot& snapshot, IssuanceCache& cache, store::AuthorityId authority)
      : snapshot_(snapshot), cache_(cache), authority_(authority) {}

  const store::Snapshot& snapshot() const { return snapshot_; }

  Result<const Entry*> find(const std::string& name) {
    if (const auto it = entries_.find(name); it != entries_.end()) return &it->second;
    Entry entry;
    auto record = snapshot_.certificate_template(name);
    if (record) {
      entry.value = TRY(cache_.certificate_template(*record));
      const auto published = TRY(snapshot_.published_templates(authority_));
      entry.published = std::ranges::count(published, name) != 0;
      entry.superseded_by = TRY(cache_.successor_of(snapshot_, published, name));
    } else if (record.error().code() != Errc::not_found) {
      return std::move(record.error());
    } else if (const auto found = find_template(snapshot_, name); !found) {
      entry.hint = found.error().hint();
    }
    return &entries_.emplace(name, std::move(entry)).first->second;
  }
  // Whether the template, as it is now, makes certification authorities.
  Result<bool> is_for_ca(const std::string& name) {
    if (name.empty()) return false;
    const Entry* entry = TRY(find(name));
    return entry->value != nullptr && entry->value->ca;
  }

 private:
  const store::Snapshot& snapshot_;
  IssuanceCache& cache_;
  store::AuthorityId authority_;
  std::map<std::string, Entry> entries_;
};

inline void add_step(policy::Trace& trace, std::string_view rule, policy::Verdict verdict,
                     std::string expected, std::string received, std::string mend) {
  trace.push_back({std::string(rule), verdict, std::move(expected), std::move(received), std::move(mend)});
}

// The path length that a subordinate asks for restricts it, so it gets it.
Status take_path_length(const x509::RequestView& request, policy::CertificateTemplate& value);

// What a requester is told.
Outcome outcome_from(const store::RequestRecord& request, const policy::Trace& trace, Buffer certificate);

}  // namespace vouch::ca
