#include "ca/home/ca_name.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "x509/name.hpp"

namespace vouch::ca {
namespace {

// X.520 appendix A: ub-common-name.
constexpr std::size_t kMaxCommonName = 64;

// MS-WCCE 3.1.1.4.1.1.2.
bool is_disallowed(unsigned unit) {
  constexpr std::string_view kDisallowed = "!\"#%&'()*+,/:;<=>?[\\]^`{|}";
  return unit < 0x20 || unit >= 0x7f || kDisallowed.contains(static_cast<char>(unit));
}

// Characters of a name. Digits, spaces and punctuation belong to every script.
struct Letters {
  std::size_t all = 0, latin = 0, foreign = 0;
};

Letters letters_of(std::string_view name) {
  Letters letters;
  const Buffer utf16 = x509::utf8_to_bmp(name);
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    const unsigned unit = static_cast<unsigned>(utf16[i]) << 8 | utf16[i + 1];
    const bool ascii = (unit >= 'A' && unit <= 'Z') || (unit >= 'a' && unit <= 'z');
    // Latin-1, Latin Extended-A and -B, Latin Extended Additional.
    const bool extended = (unit >= 0xc0 && unit <= 0x24f) || (unit >= 0x1e00 && unit <= 0x1eff);
    ++letters.all;
    letters.latin += ascii || extended;
    letters.foreign += unit >= 0x80 && !extended;
  }
  return letters;
}

}  // namespace

NameCheck check_ca_name(std::string_view name, std::string_view host, bool allow_host_name) {
  NameCheck check;
  const Letters letters = letters_of(name);
  const auto fail = [&](std::string message, std::string hint) {
    check.error = make_error(Errc::usage, "{}", message).with_hint(std::move(hint));
    return check;
  };
  if (name.empty()) return fail("a CA needs a name", "give it with --name");
  if (!x509::is_valid_utf8(name))
    return fail("the CA name is not UTF-8", "set the terminal's character set to UTF-8");
  if (std::ranges::any_of(name, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }))
    return fail("the CA name has control characters", "use letters, digits, spaces and hyphens");
  if (name.front() == ' ' || name.back() == ' ')
    return fail("the CA name starts or ends with a space", "leave it out");
  // RFC 5280 has room for 64 characters; in directories and file names others than Latin ones take more.
  const std::size_t most = letters.foreign == 0 ? kMaxCommonName
                           : letters.latin == 0 ? 37
                                                : kMaxCommonName - 1;
  if (letters.all > most)
    return fail(fmt::format("the CA name has {} characters, at most {} fit", letters.all, most),
                letters.foreign == 0 ? "choose a shorter name"
                                     : "choose a shorter name, or one with Latin letters only");
  const auto same = [](std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) {
      return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
  };
  if (same(name, host) || same(name, host.substr(0, host.find('.')))) {
    if (!allow_host_name)
      return fail("the CA name is this machine's name: it would give the name away and can never be changed",
                  "choose a name for the CA itself, or insist with --allow-host-name");
    check.warnings.emplace_back("the CA is named after this machine");
  }
  if (name.find('_') != std::string_view::npos)
    check.warnings.emplace_back("some network devices refuse a CA name with an underscore");
  return check;
}

std::string sanitized_name(std::string_view ca_name) {
  std::string out;
  const Buffer utf16 = x509::utf8_to_bmp(ca_name);
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    const unsigned unit = static_cast<unsigned>(utf16[i]) << 8 | utf16[i + 1];
    if (is_disallowed(unit))
      out += fmt::format("!{:04x}", unit);
    else
      out.push_back(static_cast<char>(unit));
  }
  return out;
}

std::string shortened_name(std::string_view ca_name, std::size_t most) {
  std::string full = sanitized_name(ca_name);
  if (full.size() <= most) return full;
  std::size_t kept = most;
  // An !XXXX that does not fit whole goes with the rest.
  if (const auto mark = full.rfind('!', kept - 1); mark != std::string::npos && mark + 5 > kept) kept = mark;
  // MS-WCCE 3.1.1.4.1.1.1: sixteen bits, rotated left by one before each character is added.
  std::uint16_t hash = 0;
  for (const char c : std::string_view(full).substr(kept)) {
    const unsigned rotated = static_cast<unsigned>(hash) << 1 | ((hash & 0x8000u) != 0 ? 1u : 0u);
    hash = static_cast<std::uint16_t>(rotated + static_cast<unsigned char>(c));
  }
  return fmt::format("{}-{:05}", full.substr(0, kept), hash);
}

}  // namespace vouch::ca
