#include "net/http.hpp"

#include <time.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace vouch::net {
namespace {

struct NamedMethod {
  Method method;
  std::string_view name;
};
constexpr std::array kMethods{NamedMethod{Method::get, "GET"},        NamedMethod{Method::head, "HEAD"},
                              NamedMethod{Method::post, "POST"},      NamedMethod{Method::put, "PUT"},
                              NamedMethod{Method::patch, "PATCH"},    NamedMethod{Method::delete_, "DELETE"},
                              NamedMethod{Method::options, "OPTIONS"}};

// A field of ours never ends its line early, whatever somebody put into it.
void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) head.push_back(static_cast<unsigned char>(c) < 0x20 && c != '\t' ? ' ' : c);
  head.append("\r\n");
}

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

Method parse_method(std::string_view text) {
  for (const NamedMethod& known : kMethods)
    if (known.name == text) return known.method;
  return Method::other;
}

std::string_view name(Method method) {
  for (const NamedMethod& known : kMethods)
    if (known.method == method) return known.name;
  return "other";
}

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

bool equal_names(std::string_view a, std::string_view b) { return equal_ignoring_case(a, b); }

std::string_view Request::field(std::string_view name) const {
  for (const Field& field : fields)
    if (equal_names(field.name, name)) return field.value;
  return {};
}

std::size_t Request::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const Field& f) { return equal_names(f.name, name); }));
}

Response text_response(unsigned status, std::string text) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

Response error_response(unsigned status, std::string sentence) {
  return text_response(status, fmt::format("{} {}: {}\n", status, reason_phrase(status), sentence));
}

PreparedResponse assemble(Response response) {
  PreparedResponse prepared;
  prepared.status = response.status;
  std::string& head = prepared.head;
  head.reserve(160);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason_phrase(response.status)).append("\r\n");
  if (!response.content_type.empty()) append_field(head, "Content-Type", response.content_type);
  // RFC 9110 section 8.6: none with 1xx and 204; with 304 it would have to be the length of the 200.
  if (response.status >= 200 && response.status != 204 && response.status != 304)
    append_field(head, "Content-Length", std::to_string(response.body.size()));
  for (const auto& [field, value] : response.fields) append_field(head, field, value);
  if (response.status != 204 && response.status != 304) prepared.body = std::move(response.body);
  prepared.notes = std::move(response.notes);
  prepared.close = response.close;
  return prepared;
}

std::string format_http_date(std::int64_t unix_seconds) {
  const auto seconds = static_cast<time_t>(unix_seconds);
  struct tm t = {};
  ::gmtime_r(&seconds, &t);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(t.tm_wday)],
                     t.tm_mday, kMonths[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour,
                     t.tm_min, t.tm_sec);
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  // IMF-fixdate, RFC 850, asctime (RFC 9110 section 5.6.7).
  const std::string owned(text.substr(0, 64));
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    struct tm t = {};
    const char* end = ::strptime(owned.c_str(), form, &t);
    if (end != nullptr && *end == '\0') return static_cast<std::int64_t>(::timegm(&t));
  }
  return std::nullopt;
}

bool is_unchanged(const Request& request, std::string_view etag, std::int64_t last_modified) {
  // If-None-Match decides alone where it is present (section 13.1.3). Weak comparison (section 8.8.3.2).
  if (request.count("If-None-Match") > 0) {
    const auto opaque = [](std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; };
    std::string_view rest = request.field("If-None-Match");
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      const std::string_view one = trimmed(rest.substr(0, comma));
      if (one == "*" || (!etag.empty() && opaque(one) == opaque(etag))) return true;
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
    return false;
  }
  const auto since = parse_http_date(trimmed(request.field("If-Modified-Since")));
  return since && last_modified <= *since;
}

}  // namespace vouch::net
