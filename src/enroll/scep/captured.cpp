#include "enroll/scep/captured.hpp"

#include <algorithm>

#include "base/pem.hpp"
#include "base/text.hpp"
#include "cms/signed_data.hpp"
#include "enroll/scep/pki_message.hpp"
#include "net/url.hpp"

namespace vouch::enroll::scep {
namespace {

// Shorter base64 is no message: the smallest has a signature and an encrypted key.
constexpr std::size_t kShortest = 200;
// In base64, a SEQUENCE with a length of two octets, and one of indefinite length.
constexpr std::string_view kStarts[] = {"MII", "MIA"};
constexpr std::string_view kParameter = "message=";

bool is_alphabet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
         c == '-' || c == '_' || c == '=' || c == '%';
}
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool starts_a_message(std::string_view text) {
  return std::ranges::any_of(kStarts, [&](std::string_view start) { return text.starts_with(start); });
}

// The octets that the outermost element says it has, with its header; nothing for an indefinite length.
std::optional<std::size_t> announced_size(Bytes octets) {
  if (octets.size() < 2 || octets[1] == 0x80) return std::nullopt;
  if (octets[1] < 0x80) return std::size_t{2} + octets[1];
  const std::size_t count = octets[1] & 0x7fU;
  if (count > 4 || octets.size() < 2 + count) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) size = size << 8 | octets[2 + i];
  return 2 + count + size;
}

// Whether nothing is missing at the end.
bool is_whole(Bytes octets) {
  const auto size = announced_size(octets);
  return size ? *size <= octets.size() : cms::to_der(octets).has_value();
}

// Without the characters at the end that are no whole escape and no whole group of base64.
std::string without_rest(std::string spelled) {
  for (int round = 0; round < 2 && spelled.contains('%'); ++round) {
    if (const std::size_t last = spelled.rfind('%'); last + 3 > spelled.size()) spelled.resize(last);
    auto decoded = net::percent_decode(spelled);
    if (!decoded) break;
    spelled = std::move(*decoded);
  }
  spelled.resize(spelled.size() / 4 * 4);
  return spelled;
}

class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text) {}

  Result<Catch> find() {
    for (std::size_t run = find_run(0); run < text_.size();) {
      const std::size_t end = end_of_run(run);
      run = find_run(TRY(look_at(run, end, head_of(run, end))));
    }
    return std::move(out_);
  }

 private:
  // The first place where base64 of a message may begin.
  std::size_t find_run(std::size_t at) const {
    for (; at < text_.size(); ++at) {
      const bool begins = at == 0 || !is_alphabet(text_[at - 1]) || text_[at - 1] == '=';
      if (begins && starts_a_message(text_.substr(at)) && end_of_run(at) - at >= kShortest / 4) return at;
    }
    return text_.size();
  }
  std::size_t end_of_run(std::size_t at) const {
    while (at < text_.size() && is_alphabet(text_[at])) ++at;
    return at;
  }
  std::size_t skip_blanks(std::size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at;
  }
  // The first octets: enough to see what it is and how long.
  Buffer head_of(std::size_t run, std::size_t end) const {
    const std::size_t size = std::min<std::size_t>(end - run, 96);
    return net::decode_base64_in_target(without_rest(std::string(text_.substr(run, size))))
        .value_or(Buffer());
  }
  // One run, alone or with the lines that it goes on in. The place where to go on.
  Result<std::size_t> look_at(std::size_t run, std::size_t end, const Buffer& head) {
    // Base64 of something else: a certificate, a key.
    if (!cms::looks_like_content_info(head)) return end;
    const auto alone = decode(run, end);
    if (alone && is_whole(*alone)) {
      TRY(add(run, *alone));
      return end;
    }
    for (const bool stops : {false, true}) {
      const std::size_t last = end_of_lines(run, end, announced_size(head), stops);
      const auto folded = decode(run, last);
      if (!folded || !is_whole(*folded)) continue;
      TRY(add(run, *folded));
      return last;
    }
    TRY(note(run, alone));
    return end;
  }
  // The end of the following lines that hold nothing but base64, as far as a message of this size needs them.
  // Of an unknown size: all of them, or (`stops`) up to one that begins like a message.
  std::size_t end_of_lines(std::size_t run, std::size_t end, std::optional<std::size_t> size,
                           bool stops) const {
    if (size && *size > kMaxMessage) return end;
    std::size_t have = characters(run, end);
    for (std::size_t at = skip_blanks(end); at < text_.size() && text_[at] == '\n';) {
      if (size && have >= (*size * 4 + 2) / 3) break;
      const std::size_t first = skip_blanks(at + 1), last = end_of_run(first);
      at = skip_blanks(last);
      if (last == first || (at < text_.size() && text_[at] != '\n')) break;
      if (stops && starts_a_message(text_.substr(first))) break;
      have += characters(first, last);
      end = last;
    }
    return end;
  }
  // Escapes count as one.
  std::size_t characters(std::size_t from, std::size_t to) const {
    const auto escapes = std::ranges::count(text_.substr(from, to - from), '%');
    return to - from - std::min(to - from, 2 * static_cast<std::size_t>(escapes));
  }
  // The octets; a spelling that was cut off within four characters gives what comes before.
  Result<Buffer> decode(std::size_t run, std::size_t end) const {
    std::string spelled;
    for (const char c : text_.substr(run, end - run))
      if (!is_blank(c) && c != '\n') spelled += c;
    if (spelled.size() < kShortest) return make_error(Errc::malformed, "too short for a message");
    auto whole = net::decode_base64_in_target(spelled);
    return whole ? std::move(whole) : net::decode_base64_in_target(without_rest(std::move(spelled)));
  }
  Status add(std::size_t run, Bytes octets) {
    if (out_.messages.size() == kMaxCaptured)
      return make_error(Errc::limit_exceeded, "more than {} messages in one file", kMaxCaptured);
    const Bytes message = octets.first(announced_size(octets).value_or(octets.size()));
    const std::string_view before = text_.substr(0, run);
    const bool is_query = before.size() >= kParameter.size() &&
                          equal_ignoring_case(before.substr(before.size() - kParameter.size()), kParameter);
    out_.messages.push_back(
        {to_buffer(message), fmt::format("line {}{}", line_of(run), is_query ? ", the query of a GET" : "")});
    return ok();
  }
  Status note(std::size_t run, const Result<Buffer>& octets) {
    if (out_.notes.size() == kMaxCaptured)
      return make_error(Errc::limit_exceeded, "more than {} messages in one file are cut off", kMaxCaptured);
    const auto size = octets ? announced_size(*octets) : std::nullopt;
    out_.notes.push_back(
        fmt::format("line {}: {}", line_of(run),
                    !octets ? octets.error().summary()
                    : size  ? fmt::format("a message that is cut off: {} of {} octets", octets->size(), *size)
                            : fmt::format("a message of {} octets that is cut off", octets->size())));
    return ok();
  }
  // Places only ever grow.
  std::size_t line_of(std::size_t place) {
    line_ += static_cast<std::size_t>(std::ranges::count(text_.substr(counted_, place - counted_), '\n'));
    counted_ = place;
    return line_;
  }

  std::string_view text_;
  std::size_t line_ = 1, counted_ = 0;
  Catch out_;
};

Result<Catch> from_pem(std::string_view text) {
  Catch out;
  for (PemBlock& block : TRY(parse_pem(text)))
    if (cms::looks_like_content_info(block.der)) out.messages.push_back({std::move(block.der), "PEM"});
  return out;
}

}  // namespace

Result<Catch> find_messages(Bytes content) {
  Catch found;
  if (cms::looks_like_content_info(content))
    found.messages.push_back({to_buffer(content), "the whole file"});
  else if (looks_like_pem(content))
    found = TRY(from_pem(as_text(content)));
  else
    found = TRY(Finder(as_text(content)).find());
  if (found.messages.empty() && found.notes.empty())
    return make_error(Errc::not_found, "there is no SCEP message: neither DER nor PEM nor base64 of one")
        .with_hint("messages begin with 3082 or 3080 in hexadecimal, with MII or MIA in base64");
  return found;
}

}  // namespace vouch::enroll::scep
