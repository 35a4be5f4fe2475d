#pragma once
// What a backup says about itself, as its first member: manifest.json.

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "base/value.hpp"

namespace vouch::ca {

constexpr std::string_view kManifestName = "manifest.json", kDigestName = "manifest.sha256";

constexpr std::int64_t kArchiveFormat = 1;

struct ArchiveMember {
  std::string name;
  std::uint64_t size = 0;
  Buffer sha256;
  bool operator==(const ArchiveMember&) const = default;
};

// What is in a backup. `authorities` is for people: which CAs, how many certificates, how far.
struct Manifest {
  std::int64_t format = kArchiveFormat;
  std::string program;  // "vouch 0.1"
  Time created_at{};
  std::string host, home;  // where it was made
  struct Authority {
    std::string name, kind;
    std::uint64_t certificates = 0, revoked = 0, last_crl_number = 0;
    bool operator==(const Authority&) const = default;
  };
  std::vector<Authority> authorities;
  std::uint64_t requests = 0, audit_size = 0;
  std::string audit_root;  // of the last signed head
  std::vector<ArchiveMember> members;
  bool operator==(const Manifest&) const = default;
};
Value describe(const Manifest& manifest);
std::string format_manifest(const Manifest& manifest);
// Fails with `unsupported` for a newer format, `malformed` otherwise.
Result<Manifest> parse_manifest(std::string_view json);
// The only names a member may have: no folder but keys/, nothing hidden, no way up.
bool is_member_name(std::string_view name);

// `malformed`, with where and what.
Error damaged_archive(std::string_view member, std::string_view what);

}  // namespace vouch::ca
