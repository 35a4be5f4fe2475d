#include "ca/home/audit.hpp"

#include <algorithm>

namespace vouch::ca {
namespace {

constexpr std::string_view kFormat = "vouch-audit-1";
constexpr std::size_t kMaxValue = 1000;  // of one value in the details, in octets
constexpr std::size_t kMaxText = 4000;   // of actor, object, …

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._:/@+,%").find(c) != std::string_view::npos;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  // Not in the middle of a character of UTF-8.
  while (most != 0 && (text[most] & 0xc0) == 0x80) --most;
  return fmt::format("{}… ({} octets)", text.substr(0, most), text.size());
}

void append_field(std::string& out, std::string_view field) {
  fmt::format_to(std::back_inserter(out), "{}:{}", field.size(), field);
}

}  // namespace

AuditDetails& AuditDetails::add(std::string_view key, std::string_view value) {
  if (value.empty()) return *this;
  if (!text_.empty()) text_ += ' ';
  text_.append(key).append("=");
  const std::string text = shortened(value, kMaxValue);
  text_ += std::ranges::all_of(text, is_plain) ? text : to_json(Value(text), 0);
  return *this;
}

std::string encode_audit_entry(const store::AuditRecord& record) {
  std::string out;
  append_field(out, kFormat);
  append_field(out, std::to_string(record.sequence));
  append_field(out, format_time(record.time));
  for (const std::string* field :
       {&record.actor, &record.action, &record.authority, &record.object, &record.details, &record.outcome})
    append_field(out, *field);
  return out;
}

Buffer audit_leaf(const crypto::Provider& provider, const store::AuditRecord& record) {
  const std::string leaf = std::string(1, '\0') + encode_audit_entry(record);
  return provider.digest(crypto::DigestAlgorithm::sha256, as_bytes(leaf));
}

Value describe_audit_entry(const store::AuditRecord& record) {
  Value value;
  value.set("sequence", record.sequence).set("time", format_time(record.time)).set("actor", record.actor);
  value.set("action", record.action).set("ca", record.authority).set("object", record.object);
  value.set("details", record.details).set("outcome", record.outcome).set("leaf", to_hex(record.leaf));
  return value;
}

Result<store::AuditRecord> parse_audit_entry(const Value& value) {
  const auto text = [&](std::string_view key) -> Result<std::string> {
    const Value* member = value.find(key);
    if (!member || !member->text()) return make_error(Errc::malformed, "the entry has no '{}'", key);
    return *member->text();
  };
  store::AuditRecord record;
  const Value* sequence = value.find("sequence");
  if (!sequence || !sequence->integer()) return make_error(Errc::malformed, "the entry has no 'sequence'");
  record.sequence = *sequence->integer();
  record.time = TRY(parse_time(TRY(text("time"))));
  record.actor = TRY(text("actor"));
  record.action = TRY(text("action"));
  record.authority = TRY(text("ca"));
  record.object = TRY(text("object"));
  record.details = TRY(text("details"));
  record.outcome = TRY(text("outcome"));
  record.leaf = TRY(from_hex(TRY(text("leaf"))));
  return record;
}

Status record_audit(const Environment& environment, store::Transaction& transaction, AuditEvent event) {
  const auto append = [&]() -> Status {
    // Whoever composes the program must have connected the mirror that the configuration asks for.
    if (!environment.home.configuration().audit_mirror.empty() && !environment.database.has_audit_mirror())
      return make_error(Errc::internal, "the mirror {} is not connected",
                        environment.home.configuration().audit_mirror.string());
    store::AuditRecord record;
    record.sequence = TRY(transaction.audit_size()) + 1;
    record.time = environment.clock.now();
    record.actor = event.actor.empty() ? "vouch" : shortened(event.actor, kMaxText);
    record.action = std::move(event.action);
    record.authority = std::move(event.authority);
    record.object = shortened(event.object, kMaxText);
    record.details = std::move(event.details);
    record.outcome = std::move(event.outcome);
    record.leaf = audit_leaf(environment.provider, record);
    return transaction.append_audit(record);
  };
  Status done = append();
  if (done) return done;
  // Whatever the cause, the act it belongs to cannot happen now.
  Error error(Errc::unavailable, fmt::format("the audit log cannot be written: {}", done.error().message()));
  return std::move(error).with_hint(done.error().hint().empty()
                                        ? "nothing is done that cannot be audited: see vouch db check"
                                        : std::string(done.error().hint()));
}

Status record_audit(const Environment& environment, AuditEvent event) {
  return environment.database.commit(
      [&](store::Transaction& t) { return record_audit(environment, t, event); });
}

}  // namespace vouch::ca
