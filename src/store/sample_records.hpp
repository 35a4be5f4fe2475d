#pragma once
// For tests: records with everything filled in, and a folder that goes away.

#include <cstdlib>

#include "store/database.hpp"

namespace vouch::store::sample {

inline Time at(std::int64_t seconds) { return Time(std::chrono::seconds(1'800'000'000 + seconds)); }

inline Buffer octets(std::initializer_list<int> values) {
  Buffer out;
  for (const int value : values) out.push_back(static_cast<std::uint8_t>(value));
  return out;
}

// 18 octets in the order of `n`.
inline Buffer serial(std::uint32_t n) {
  Buffer out(18, 0x5a);
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(n >> (24 - 8 * i));
  return out;
}

inline AuthorityRecord authority(std::string name = "Beispiel-CA Zürich 株式会社") {
  return {0,     std::move(name),           AuthorityKind::subordinate, AuthorityMode::enterprise,
          at(0), "validity = \"2y\"\n# ü\n"};
}

inline RequestRecord request(AuthorityId authority, Disposition disposition = Disposition::issued) {
  RequestRecord record;
  record.authority = authority;
  record.disposition = disposition;
  record.submitted_at = at(10);
  record.requester = "EXAMPLE\\jürgen";
  record.template_name = "WebServer";
  record.attributes = {
      {"ccm", "host.example.com"}, {"näme:1", "two\nlines: 3:abc\0after"}, {"empty", ""}, {"", "no name"}};
  record.request = octets({0x30, 0x03, 0x02, 0x01, 0x00});
  record.message = "taken under submission – 待機";
  record.reason = "key.too_small";
  record.trace = "rule passed\nother passed\n";
  return record;
}

inline CertificateRecord certificate(RequestId request, AuthorityId authority, std::uint32_t n) {
  CertificateRecord record;
  record.request = request;
  record.authority = authority;
  record.key_index = 3;
  record.serial = serial(n);
  record.not_before = at(0);
  record.not_after = at(1'000'000);
  record.subject = "CN=host-" + std::to_string(n) + ".example.com,O=Müller & Söhne";
  record.template_name = "WebServer";
  record.tbs = octets({0x30, 0x03, 0x02, 0x01, static_cast<int>(n & 0x7f)});
  record.signature_algorithm = octets({0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70});
  return record;
}

inline Buffer signature(std::uint32_t n) { return octets({0x01, static_cast<int>(n & 0xff), 0x02}); }

inline RevocationRecord revocation(std::uint32_t n,
                                   x509::CrlReason reason = x509::CrlReason::key_compromise) {
  return {serial(n), at(500), reason, std::nullopt};
}

inline KeyGeneration generation(AuthorityId authority, std::uint16_t certificate_index,
                                std::uint16_t key_index) {
  return {authority, certificate_index, key_index, "file:a.key", octets({1, 2}), octets({3}), {}, {}, at(1)};
}

inline CrlRecord crl(AuthorityId authority, std::uint64_t number) {
  CrlRecord record;
  record.authority = authority;
  record.key_index = 1;
  record.number = number;
  record.this_update = at(0);
  record.next_update = at(1000);
  record.next_publish = at(900);
  return record;
}

inline TemplateRecord certificate_template(std::string name, std::uint32_t major, std::uint32_t minor) {
  return {std::move(name), major, minor, "purpose = \"server\" # é\n", false, at(7), "EXAMPLE\\root"};
}

inline AuditRecord audit(std::int64_t sequence) {
  return {sequence,
          at(sequence),
          "EXAMPLE\\jürgen",
          sequence % 2 == 0 ? "request.issue" : "cert.revoke",
          "Beispiel-CA",
          "request " + std::to_string(sequence),
          "serial=5a lines=\"two\\nlines\"",
          "done",
          Buffer(32, static_cast<std::uint8_t>(sequence))};
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "vouch-store.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { fs::remove_all(path_); }
  fs::path operator/(std::string_view name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Both durable steps of an issuance.
inline Result<RequestId> issue(Database& database, AuthorityId authority, std::uint32_t n) {
  RequestId id = 0;
  TRY(database.commit([&](Transaction& t) -> Status {
    id = TRY(t.insert_request(request(authority)));
    return t.insert_intent(certificate(id, authority, n));
  }));
  TRY(database.commit([&](Transaction& t) { return t.complete_intent(id, signature(n)); }));
  return id;
}

}  // namespace vouch::store::sample
