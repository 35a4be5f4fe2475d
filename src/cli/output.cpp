#include "cli/output.hpp"

#include <fcntl.h>

#include <algorithm>
#include <ostream>

#include "base/pem.hpp"
#include "base/text.hpp"
#include "cms/signed_data.hpp"

namespace vouch::cli {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t octets = 0;  // 0: no UTF-8 here
};

Character next_character(std::string_view text) {
  const std::size_t size = utf8_character(text);
  if (size == 0) return {};
  char32_t code = static_cast<unsigned char>(text[0]);
  if (size > 1) code &= 0xffu >> (size + 1);
  for (std::size_t i = 1; i < size; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  return {code, size};
}

// C0 and C1 controls, and what changes the direction of writing (CVE-2021-42574) or separates lines.
bool steers_a_terminal(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out(text);
  if (const auto used = width(text); used < columns) out.append(columns - used, ' ');
  return out;
}

bool colour(const Surroundings& surroundings, bool is_terminal) {
  const auto refused = surroundings.variable("NO_COLOR");
  return is_terminal && !(refused && !refused->empty());
}

// A line break inside a message must not start a line that looks like ours.
std::string indented(std::string_view text) {
  std::string out;
  while (true) {
    const auto end = text.find('\n');
    out += printable(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
    if (!text.empty()) out += "\n    ";
  }
}

// to_json escapes what JSON and a terminal cannot bear; a terminal should not obey direction marks either.
std::string harmless_json(const std::string& json) {
  std::string out;
  for (std::string_view rest = json; !rest.empty();) {
    const Character c = next_character(rest);
    const std::size_t octets = std::max<std::size_t>(c.octets, 1);
    if (c.code >= 0x7f && steers_a_terminal(c.code))
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c.code));
    else
      out += rest.substr(0, octets);
    rest.remove_prefix(octets);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = next_character(text);
    const std::size_t octets = std::max<std::size_t>(c.octets, 1);
    if (c.octets == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    else if (c.code == '\n')
      out += "\\n";
    else if (c.code == '\t')
      out += "\\t";
    else if (steers_a_terminal(c.code))
      out += c.code < 0x100 ? fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c.code))
                            : fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c.code));
    else
      out += text.substr(0, octets);
    text.remove_prefix(octets);
  }
  return out;
}

Value printable_tree(Value value) {
  if (const std::string* text = value.text()) return Value(printable(*text));
  if (auto* list = value.list_items())
    for (Value& item : *list) item = printable_tree(std::move(item));
  if (auto* members = value.members())
    for (auto& [key, member] : *members) member = printable_tree(std::move(member));
  return value;
}

void print_json(const Context& context, const Value& value) {
  context.out() << harmless_json(to_json(value)) << '\n';
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

void Table::print(const Context& context, std::string_view nothing) const {
  if (rows_.empty()) {
    context.note("{}", nothing);
    return;
  }
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings_.size(); ++column) {
    std::size_t widest = width(headings_[column]);
    for (const auto& row : rows_) widest = std::max(widest, width(row[column]));
    widths.push_back(widest);
  }
  const auto line = [&](const auto& cells) {
    std::string text;
    for (std::size_t column = 0; column + 1 < widths.size(); ++column)
      text += padded(cells[column], widths[column]) + "  ";
    return text + std::string(cells[widths.size() - 1]);
  };
  const bool bold = colour(context.surroundings(), context.surroundings().out_is_terminal);
  context.out() << (bold ? "\x1b[1m" : "") << line(headings_) << (bold ? "\x1b[0m" : "") << '\n';
  for (const auto& row : rows_) context.out() << line(row) << '\n';
}

Fields& Fields::add(std::string_view label, std::string_view text) {
  if (!text.empty()) lines_.emplace_back(fmt::format("{}:", label), printable(text));
  return *this;
}

std::string Fields::text(std::string_view indent) const {
  std::size_t widest = 0;
  for (const auto& [label, text] : lines_) widest = std::max(widest, width(label));
  std::string out;
  for (const auto& [label, text] : lines_)
    out += fmt::format("{}{} {}\n", indent, padded(label, widest), text);
  return out;
}

Status write_output(const Context& context, const std::string& file, Bytes content) {
  if (file == "-") {
    context.out().write(reinterpret_cast<const char*>(content.data()),
                        static_cast<std::streamsize>(content.size()));
    return ok();
  }
  return context.files().write(file, content);
}

Result<Buffer> certificate_output(const Context& context, const std::vector<Buffer>& certificates) {
  if (!context.der()) {
    std::string pem;
    for (const Buffer& der : certificates) pem += to_pem("CERTIFICATE", der);
    return to_buffer(as_bytes(pem));
  }
  if (certificates.size() != 1)
    return usage_error("{} certificates do not fit into one DER file", certificates.size())
        .with_hint("leave out --der, or the option that adds the chain");
  return certificates.front();
}

Buffer p7b_output(const Context& context, const std::vector<Buffer>& certificates) {
  Buffer der = cms::encode_certificates_only({certificates.begin(), certificates.end()});
  return context.der() ? der : to_buffer(as_bytes(to_pem("PKCS7", der)));
}

void print_error(const Surroundings& surroundings, const Error& error, bool json) {
  if (json) {
    Value value;
    value.set("code", name(error.code())).set("message", error.message());
    value.set("while", texts(error.context_lines())).set("hint", text_or_null(error.hint()));
    surroundings.err << harmless_json(to_json(Value().set("error", std::move(value)))) << '\n';
    return;
  }
  const bool red = colour(surroundings, surroundings.err_is_terminal);
  surroundings.err << (red ? "\x1b[1;31merror:\x1b[0m " : "error: ") << indented(error.message()) << " ["
                   << name(error.code()) << "]\n";
  for (const std::string& line : error.context_lines())
    surroundings.err << "  while " << indented(line) << '\n';
  if (!error.hint().empty()) surroundings.err << "hint: " << indented(error.hint()) << '\n';
}

}  // namespace vouch::cli
