#include "ca/inf.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kMaxOctets = 256 << 10, kMaxEntries = 4096, kMaxSections = 256, kMaxValue = 64 << 10;
constexpr int kMaxLines = 10'000;

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t octet) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(octet)));
  };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

Result<std::string> from_utf16(Bytes octets, bool big_endian, std::string_view file) {
  std::string out;
  out.reserve(octets.size());
  const auto unit = [&](std::size_t i) {
    const unsigned first = octets[i], second = octets[i + 1];
    return static_cast<char32_t>(big_endian ? first << 8 | second : second << 8 | first);
  };
  if (octets.size() % 2 != 0) return make_error(Errc::malformed, "{}: UTF-16 text of an odd length", file);
  for (std::size_t i = 0; i < octets.size(); i += 2) {
    char32_t c = unit(i);
    if (c >= 0xd800 && c <= 0xdfff) {
      const char32_t low = i + 2 < octets.size() ? unit(i + 2) : 0;
      if (c >= 0xdc00 || low < 0xdc00 || low > 0xdfff)
        return make_error(Errc::malformed, "{}:{}: half a UTF-16 surrogate pair", file,
                          1 + std::ranges::count(out, '\n'));
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
      i += 2;
    }
    append_utf8(out, c);
  }
  return out;
}

bool starts_with(Bytes octets, std::initializer_list<std::uint8_t> mark) {
  return octets.size() >= mark.size() && std::ranges::equal(octets.first(mark.size()), mark);
}

// The text as UTF-8, whatever a Windows editor made of it.
Result<std::string> decode(Bytes octets, std::string_view file) {
  if (octets.size() > kMaxOctets)
    return make_error(Errc::limit_exceeded, "{} has {} octets, at most {} are read", file, octets.size(),
                      kMaxOctets);
  if (starts_with(octets, {0xff, 0xfe})) return from_utf16(octets.subspan(2), false, file);
  if (starts_with(octets, {0xfe, 0xff})) return from_utf16(octets.subspan(2), true, file);
  if (starts_with(octets, {0xef, 0xbb, 0xbf})) octets = octets.subspan(3);
  std::string text(as_text(octets));
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_character(std::string_view(text).substr(i));
    if (length == 0)
      return make_error(Errc::malformed, "{}:{}: the text is neither UTF-8 nor marked as UTF-16", file,
                        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(i), '\n'))
          .with_hint("save the file as UTF-8");
    i += length;
  }
  return text;
}

constexpr std::string_view kBlanks = " \t\r";
bool is_space(char c) { return kBlanks.contains(c); }

class Parser {
 public:
  explicit Parser(std::string_view file) : file_(file) {}

  Result<Inf> run(std::string_view text) {
    while (!text.empty()) {
      if (++line_ > kMaxLines)
        return make_error(Errc::limit_exceeded, "{} has more than {} lines", file_, kMaxLines);
      const auto end = std::min(text.find('\n'), text.size());
      TRY(take_line(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    TRY(replace_strings());
    return std::move(inf_);
  }

 private:
  template <class... Args>
  Error wrong(fmt::format_string<Args...> format, Args&&... args) const {
    return make_error(Errc::malformed, "{}:{}: {}", file_, line_,
                      fmt::format(format, std::forward<Args>(args)...));
  }

  // What stands before a comment: a semicolon outside quotes.
  Result<std::string_view> without_comment(std::string_view line) const {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if ((static_cast<unsigned char>(line[i]) < 0x20 && !is_space(line[i])) || line[i] == 0x7f)
        return wrong("a control character (octet {})", i + 1);
      if (line[i] == '"') quoted = !quoted;
      if (line[i] == ';' && !quoted) return trimmed(line.substr(0, i), kBlanks);
    }
    if (quoted) return wrong("a quotation mark is not closed");
    return trimmed(line, kBlanks);
  }

  Status take_line(std::string_view raw) {
    // An odd apostrophe of a comment line is nobody's quotation mark.
    if (trimmed(raw, kBlanks).starts_with(';')) return ok();
    const std::string_view line = TRY(without_comment(raw));
    if (line.empty()) return ok();
    if (line.front() == '[') return open_section(line);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return wrong("'{}' is neither [section] nor key = value", line);
    if (!section_) return wrong("'{}' stands before the first [section]", line);
    const std::string_view key = trimmed(line.substr(0, equals), kBlanks);
    if (key.empty()) return wrong("there is no key before '='");
    InfEntry entry = TRY(entry_of(key, trimmed(line.substr(equals + 1), kBlanks)));
    std::vector<InfEntry>& entries = inf_.sections[*section_].entries;
    if (same_name(key, "_continue_")) {
      if (entries.empty()) return wrong("_continue_ has nothing to go on with");
      return continue_with(entries.back(), std::move(entry));
    }
    if (++entries_ > kMaxEntries)
      return make_error(Errc::limit_exceeded, "{} has more than {} entries", file_, kMaxEntries);
    entries.push_back(std::move(entry));
    return ok();
  }

  Status open_section(std::string_view line) {
    const auto end = line.find(']');
    if (end == std::string_view::npos) return wrong("a section's name is not closed with ]");
    if (end + 1 != line.size()) return wrong("there is more behind [section]: '{}'", line.substr(end + 1));
    const std::string_view name = trimmed(line.substr(1, end - 1), kBlanks);
    if (name.empty()) return wrong("a section without a name");
    const auto known = std::ranges::find_if(
        inf_.sections, [&](const InfSection& section) { return same_name(section.name, name); });
    section_ = static_cast<std::size_t>(known - inf_.sections.begin());
    if (known != inf_.sections.end()) return ok();
    if (inf_.sections.size() == kMaxSections)
      return make_error(Errc::limit_exceeded, "{} has more than {} sections", file_, kMaxSections);
    inf_.sections.push_back({std::string(name), {}, line_});
    return ok();
  }

  // One field up to a comma outside quotes; takes the comma too.
  static std::string take_field(std::string_view& rest) {
    std::string out;
    std::size_t kept = 0;  // spaces beyond this, outside quotes, go
    bool quoted = false;
    while (!rest.empty()) {
      const char c = rest.front();
      rest.remove_prefix(1);
      if (c == '"') {
        if (quoted && rest.starts_with('"')) {
          out.push_back('"');
          rest.remove_prefix(1);
        } else {
          quoted = !quoted;
        }
        kept = out.size();
      } else if (c == ',' && !quoted) {
        break;
      } else if (quoted || !is_space(c)) {
        out.push_back(c);
        kept = out.size();
      } else if (kept > 0) {
        out.push_back(c);
      }
    }
    out.resize(kept);
    return out;
  }

  Result<InfEntry> entry_of(std::string_view key, std::string_view value) const {
    InfEntry entry{std::string(key), {}, {}, line_};
    const bool quotes = value.contains('"');
    std::string_view rest = value;
    while (!rest.empty()) entry.fields.push_back(take_field(rest));
    if (value.ends_with(',') && !quotes) entry.fields.emplace_back();
    if (!quotes) {
      entry.value = value;
    } else {
      for (std::size_t i = 0; i < entry.fields.size(); ++i)
        entry.value += (i == 0 ? "" : ",") + entry.fields[i];
    }
    return entry;
  }

  Status continue_with(InfEntry& entry, InfEntry more) const {
    if (entry.value.size() + more.value.size() > kMaxValue)
      return make_error(Errc::limit_exceeded, "{}:{}: the value has more than {} octets", file_, line_,
                        kMaxValue);
    entry.value += more.value;
    for (std::size_t i = 0; i < more.fields.size(); ++i) {
      if (i == 0 && !entry.fields.empty())
        entry.fields.back() += more.fields[i];
      else
        entry.fields.push_back(std::move(more.fields[i]));
    }
    return ok();
  }

  // %name% of the section [Strings]. A percent sign that leads to no such name stays: %1 and %20 are URLs'.
  std::string replaced(std::string_view text, const InfSection* strings) const {
    std::string out;
    while (!text.empty() && out.size() <= kMaxValue) {
      if (text.starts_with("%%")) {
        out.push_back('%');
        text.remove_prefix(2);
        continue;
      }
      if (const auto end = text.find('%', 1);
          strings && text.front() == '%' && end != std::string_view::npos) {
        const std::string_view name = text.substr(1, end - 1);
        const auto entry = std::ranges::find_if(
            strings->entries, [&](const InfEntry& each) { return same_name(each.key, name); });
        if (entry != strings->entries.end()) {
          out += entry->value;
          text.remove_prefix(end + 1);
          continue;
        }
      }
      out.push_back(text.front());
      text.remove_prefix(1);
    }
    return out;
  }

  Status replace_strings() {
    const InfSection* found = inf_.find("Strings");
    const std::optional<InfSection> strings = found ? std::optional(*found) : std::nullopt;
    const InfSection* names = strings ? &*strings : nullptr;
    std::size_t total = 0;
    for (InfSection& section : inf_.sections)
      for (InfEntry& entry : section.entries) {
        if (!entry.key.contains('%') && !entry.value.contains('%')) continue;
        line_ = entry.line;
        entry.key = replaced(entry.key, names);
        entry.value = replaced(entry.value, names);
        total += entry.key.size() + entry.value.size();
        // The fields make up the value, so they are bounded by it.
        if (entry.key.size() > kMaxValue || entry.value.size() > kMaxValue || total > 16 * kMaxOctets)
          return make_error(Errc::limit_exceeded, "{}:{}: the strings make the text too long", file_, line_);
        for (std::string& field : entry.fields) field = replaced(field, names);
      }
    return ok();
  }

  std::string_view file_;
  Inf inf_;
  std::optional<std::size_t> section_;
  std::size_t entries_ = 0;
  int line_ = 0;
};

}  // namespace

const InfSection* Inf::find(std::string_view name) const {
  const auto it = std::ranges::find_if(
      sections, [&](const InfSection& section) { return same_name(section.name, name); });
  return it == sections.end() ? nullptr : &*it;
}

bool same_name(std::string_view a, std::string_view b) { return equal_ignoring_case(a, b); }

Result<Inf> parse_inf(Bytes octets, std::string_view file) {
  return Parser(file).run(TRY(decode(octets, file)));
}

}  // namespace vouch::ca
