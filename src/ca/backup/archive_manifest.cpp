#include "ca/backup/archive_manifest.hpp"

#include <algorithm>

namespace vouch::ca {
namespace {

constexpr std::uint64_t kMaxMember = std::uint64_t{1} << 42;
constexpr std::size_t kMaxMembers = 10'000;

Result<const Value*> member_of(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  if (!value) return damaged_archive(kManifestName, fmt::format("'{}' is missing", key));
  return value;
}

Result<std::string> text_of(const Value& table, std::string_view key) {
  const Value* value = TRY(member_of(table, key));
  if (!value->text()) return damaged_archive(kManifestName, fmt::format("'{}' is no text", key));
  return *value->text();
}

Result<std::uint64_t> number_of(const Value& table, std::string_view key) {
  const Value* value = TRY(member_of(table, key));
  if (!value->integer() || *value->integer() < 0)
    return damaged_archive(kManifestName, fmt::format("'{}' is no number", key));
  return static_cast<std::uint64_t>(*value->integer());
}

Result<const Value::List*> list_of(const Value& table, std::string_view key) {
  const Value* value = TRY(member_of(table, key));
  if (!value->list_items() || value->list_items()->size() > kMaxMembers)
    return damaged_archive(kManifestName, fmt::format("'{}' is no list, or too long", key));
  return value->list_items();
}

Result<ArchiveMember> parse_member(const Value& value) {
  ArchiveMember member{TRY(text_of(value, "name")), TRY(number_of(value, "size")),
                       TRY(from_hex(TRY(text_of(value, "sha256"))))};
  if (!is_member_name(member.name) || member.name == kManifestName || member.name == kDigestName)
    return damaged_archive(kManifestName, "it names a file that no backup holds");
  if (member.size > kMaxMember || member.sha256.size() != 32)
    return damaged_archive(kManifestName, fmt::format("size or digest of {} is impossible", member.name));
  return member;
}

Result<Manifest> read_manifest(std::string_view json) {
  const Value value = TRY(parse_json(json));
  Manifest manifest;
  manifest.format = static_cast<std::int64_t>(TRY(number_of(value, "format")));
  if (manifest.format != kArchiveFormat)
    return make_error(Errc::unsupported, "the backup has format {}; this program reads format {}",
                      manifest.format, kArchiveFormat)
        .with_hint("use the vouch that wrote it, or a newer one");
  manifest.program = TRY(text_of(value, "program"));
  manifest.created_at = TRY(parse_time(TRY(text_of(value, "created_at"))));
  manifest.host = TRY(text_of(value, "host"));
  manifest.home = TRY(text_of(value, "home"));
  manifest.requests = TRY(number_of(value, "requests"));
  manifest.audit_size = TRY(number_of(value, "audit_size"));
  manifest.audit_root = TRY(text_of(value, "audit_root"));
  for (const Value& one : *TRY(list_of(value, "authorities")))
    manifest.authorities.push_back({TRY(text_of(one, "name")), TRY(text_of(one, "kind")),
                                    TRY(number_of(one, "certificates")), TRY(number_of(one, "revoked")),
                                    TRY(number_of(one, "last_crl_number"))});
  for (const Value& one : *TRY(list_of(value, "members"))) manifest.members.push_back(TRY(parse_member(one)));
  return manifest;
}

}  // namespace

Error damaged_archive(std::string_view member, std::string_view what) {
  return make_error(Errc::malformed, "the backup is damaged: {}: {}", member, what)
      .with_hint("use another copy of it, or an older backup");
}

bool is_member_name(std::string_view name) {
  for (const std::string_view known : {kManifestName, kDigestName, std::string_view("vouch.db"),
                                       std::string_view("vouch.toml"), std::string_view("CAPolicy.inf")})
    if (name == known) return true;
  constexpr std::string_view kKeys = "keys/";
  if (!name.starts_with(kKeys)) return false;
  const std::string_view file = name.substr(kKeys.size());
  return !file.empty() && name.size() < 100 && file.front() != '.' &&
         std::ranges::none_of(
             file, [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Value describe(const Manifest& manifest) {
  Value authorities = Value::list(), members = Value::list();
  for (const Manifest::Authority& authority : manifest.authorities)
    authorities.push(Value()
                         .set("name", authority.name)
                         .set("kind", authority.kind)
                         .set("certificates", authority.certificates)
                         .set("revoked", authority.revoked)
                         .set("last_crl_number", authority.last_crl_number));
  for (const ArchiveMember& member : manifest.members)
    members.push(
        Value().set("name", member.name).set("size", member.size).set("sha256", to_hex(member.sha256)));
  Value value;
  value.set("format", manifest.format).set("program", manifest.program);
  value.set("created_at", format_time(manifest.created_at))
      .set("host", manifest.host)
      .set("home", manifest.home);
  value.set("requests", manifest.requests).set("audit_size", manifest.audit_size);
  value.set("audit_root", manifest.audit_root);
  return value.set("authorities", std::move(authorities)).set("members", std::move(members));
}

std::string format_manifest(const Manifest& manifest) { return to_json(describe(manifest)) + "\n"; }

Result<Manifest> parse_manifest(std::string_view json) {
  auto manifest = read_manifest(json);
  if (manifest || manifest.error().code() == Errc::unsupported ||
      manifest.error().message().contains(kManifestName))
    return manifest;
  return damaged_archive(kManifestName, manifest.error().summary());
}

}  // namespace vouch::ca
