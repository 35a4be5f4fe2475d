#include "base/pem.hpp"

#include <algorithm>

namespace vouch {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----";

std::string_view without_trailing_space(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
    line.remove_suffix(1);
  return line;
}

}  // namespace

Result<std::vector<PemBlock>> parse_pem(std::string_view text) {
  std::vector<PemBlock> blocks;
  std::string label, body;
  body.reserve(text.size());  // a private key must not be left behind in smaller strings
  bool inside = false;
  std::size_t line_number = 0, begin_line = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t eol = text.find('\n');
    const std::string_view line = without_trailing_space(text.substr(0, eol));
    text.remove_prefix(eol == std::string_view::npos ? text.size() : eol + 1);
    if (!inside) {
      if (!line.starts_with(kBegin) || !line.ends_with(kDashes) ||
          line.size() < kBegin.size() + kDashes.size())
        continue;
      label = line.substr(kBegin.size(), line.size() - kBegin.size() - kDashes.size());
      inside = true;
      begin_line = line_number;
      body.clear();
    } else if (line.starts_with(kDashes)) {
      if (line != std::string(kEnd) + label + std::string(kDashes))
        return make_error(Errc::malformed, "PEM line {}: expected '-----END {}-----'", line_number, label);
      Buffer der = TRY(from_base64(body).context("reading the PEM block '{}' of line {}", label, begin_line));
      wipe(body);
      blocks.push_back({label, std::move(der)});
      inside = false;
    } else if (line.find(':') == std::string_view::npos) {  // RFC 1421 headers ("Proc-Type: …") carry no data
      body.append(line);
    }
  }
  if (inside) return make_error(Errc::malformed, "PEM block '{}' of line {} has no end", label, begin_line);
  return blocks;
}

std::string to_pem(std::string_view label, Bytes der) {
  std::string base64 = to_base64(der);  // perhaps of a private key
  std::string out;
  out.reserve(base64.size() + base64.size() / 64 + 2 * label.size() + 36);
  out += fmt::format("-----BEGIN {}-----\n", label);
  for (std::size_t i = 0; i < base64.size(); i += 64) {
    out.append(base64, i, 64);
    out.push_back('\n');
  }
  out += fmt::format("-----END {}-----\n", label);
  wipe(base64);
  return out;
}

bool looks_like_pem(Bytes octets) {
  // A DER file starts with a constructed tag (0x30); a PEM file may start with explanatory text.
  if (octets.empty() || octets[0] == 0x30) return false;
  return as_text(octets).find(kBegin) != std::string_view::npos;
}

Result<std::vector<PemBlock>> pem_or_der(Bytes octets, std::string_view label_of_der,
                                         std::initializer_list<std::string_view> labels) {
  if (octets.empty()) return make_error(Errc::malformed, "the input is empty");
  if (!looks_like_pem(octets)) return std::vector<PemBlock>{{std::string(label_of_der), to_buffer(octets)}};
  auto blocks = TRY(parse_pem(as_text(octets)));
  std::string found;
  for (const PemBlock& block : blocks) found += (found.empty() ? "" : ", ") + block.label;
  std::erase_if(
      blocks, [&](const PemBlock& block) { return std::ranges::find(labels, block.label) == labels.end(); });
  if (blocks.empty())
    return make_error(Errc::malformed, "no PEM block '{}' in the input, found: {}", *labels.begin(),
                      found.empty() ? "none" : found);
  return blocks;
}

}  // namespace vouch
