#include "relying/crl_line.hpp"

#include <algorithm>

namespace vouch::relying {
namespace {

constexpr std::size_t kIdDigits = 32;
constexpr std::size_t kMaxText = 2048;  // of what a server said about its file

void append_field(Buffer& out, Bytes field) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(field.size() >> shift));
  append(out, field);
}

// What does not fit is as good as not said: it only saves a download.
std::string bounded(const std::string& text) { return text.size() <= kMaxText ? text : std::string(); }

Error missing(std::string_view key) {
  return make_error(Errc::malformed, "'{}' is missing or has no right value", key);
}

Result<std::string> text_in(const Value& table, std::string_view key) {
  const Value* found = table.find(key);
  if (found == nullptr || found->text() == nullptr) return missing(key);
  return *found->text();
}
Result<Buffer> octets_in(const Value& table, std::string_view key) {
  return from_hex(TRY(text_in(table, key)));
}
Result<Time> time_in(const Value& table, std::string_view key) {
  return parse_time(TRY(text_in(table, key)));
}
Result<std::uint64_t> number_in(const Value& table, std::string_view key) {
  const Value* found = table.find(key);
  if (found == nullptr || found->integer() == nullptr || *found->integer() < 0) return missing(key);
  return static_cast<std::uint64_t>(*found->integer());
}

Value file_value(const LineState::File& file) {
  Value out = Value::table();
  out.set("stem", file.stem)
      .set("octets", file.octets)
      .set("index_octets", file.index_octets)
      .set("entries", file.entries)
      .set("this_update", format_time(file.this_update))
      .set("next_update", file.next_update ? Value(format_time(*file.next_update)) : Value())
      .set("url", bounded(file.origin.url))
      .set("fetched_at", format_time(file.origin.fetched_at))
      .set("etag", bounded(file.origin.etag))
      .set("last_modified", bounded(file.origin.last_modified));
  return out;
}

Result<LineState::File> read_file_value(const Value& table) {
  LineState::File file;
  file.stem = TRY(text_in(table, "stem"));
  file.octets = TRY(number_in(table, "octets"));
  file.index_octets = TRY(number_in(table, "index_octets"));
  file.entries = TRY(number_in(table, "entries"));
  file.this_update = TRY(time_in(table, "this_update"));
  if (const Value* next = table.find("next_update"); next != nullptr && !next->is_null())
    file.next_update = TRY(time_in(table, "next_update"));
  file.origin = {TRY(text_in(table, "url")), TRY(time_in(table, "fetched_at")), TRY(text_in(table, "etag")),
                 TRY(text_in(table, "last_modified"))};
  return file;
}

// A name of ours, never a path to somewhere else.
bool is_stem_of(std::string_view stem, std::string_view id) {
  return stem.size() == id.size() + 17 && stem.starts_with(id) && stem[id.size()] == '-' &&
         stem.find_first_not_of("0123456789abcdef", id.size() + 1) == std::string_view::npos;
}

}  // namespace

std::string line_of(const crypto::Provider& provider, const validate::CrlHead& head) {
  Buffer scope;
  append_field(scope, as_bytes(head.issuer_key));
  append_field(scope, head.authority_key_identifier ? Bytes(*head.authority_key_identifier) : Bytes());
  const auto* point = head.view.find(x509::oid::kIssuingDistributionPoint);
  append_field(scope, point != nullptr ? point->value : Bytes());
  scope.push_back(head.delta_base ? 1 : 0);
  return to_hex(provider.digest(x509::DigestAlgorithm::sha256, scope)).substr(0, kIdDigits);
}

bool is_line_id(std::string_view text) {
  return text.size() == kIdDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string format_line(const LineState& line) {
  Value out = Value::table();
  out.set("issuer", line.issuer)
      .set("issuer_key", to_hex(as_bytes(line.issuer_key)))
      .set("key_identifier", line.key_identifier)
      .set("delta", line.delta)
      .set("highest", to_hex(line.highest))
      .set("fingerprint", to_hex(line.fingerprint))
      .set("file", line.file ? file_value(*line.file) : Value());
  return to_json(out) + "\n";
}

Result<LineState> parse_line(std::string_view id, std::string_view text) {
  const Value table = TRY(parse_json(text));
  LineState line;
  line.id = id;
  line.issuer = TRY(text_in(table, "issuer"));
  line.issuer_key = as_text(TRY(octets_in(table, "issuer_key")));
  line.key_identifier = TRY(text_in(table, "key_identifier"));
  const Value* delta = table.find("delta");
  if (delta == nullptr || delta->boolean() == nullptr) return missing("delta");
  line.delta = *delta->boolean();
  line.highest = TRY(octets_in(table, "highest"));
  line.fingerprint = TRY(octets_in(table, "fingerprint"));
  const Value* file = table.find("file");
  if (file == nullptr) return missing("file");
  if (!file->is_null()) {
    line.file = TRY(read_file_value(*file));
    if (!is_stem_of(line.file->stem, id)) return missing("stem");
  }
  return line;
}

}  // namespace vouch::relying
