#include "net/fetch.hpp"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "net/http.hpp"

namespace vouch::net {
namespace {

constexpr std::size_t kMostFields = 65'536;  // octets of an answer's header fields

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

bool add(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)list.release();
  list.reset(longer);
  return true;
}

// What arrives, and whether it became too much.
struct Sink {
  explicit Sink(const FetchRequest& asked) : request(asked) {}
  const FetchRequest& request;
  FetchResponse response;
  std::size_t octets = 0, field_octets = 0;
  bool too_large = false, refused = false;
  std::string forbidden;  // the address that must not be connected to
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  Sink& sink = *static_cast<Sink*>(user);
  const std::size_t octets = size * count;
  // Counted here: libcurl before 8.4 looks at the announced length only.
  if (octets > sink.request.most - sink.octets) {
    sink.too_large = true;
    return 0;
  }
  sink.octets += octets;
  if (!sink.request.sink) {
    append(sink.response.body, as_bytes({data, octets}));
  } else if (!sink.request.sink(as_bytes({data, octets}))) {
    sink.refused = true;
    return 0;
  }
  return octets;
}

std::size_t on_field(char* data, std::size_t size, std::size_t count, void* user) {
  Sink& sink = *static_cast<Sink*>(user);
  std::string_view line(data, size * count);
  sink.field_octets += line.size();
  if (sink.field_octets > kMostFields) {
    sink.too_large = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // of the next answer: 100 Continue, a redirect
    sink.response.fields.clear();
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ') value.remove_suffix(1);
  sink.response.fields.emplace_back(line.substr(0, colon), value);
  if (sink.request.announced && equal_names(line.substr(0, colon), "Content-Length")) {
    std::size_t octets = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), octets);
    if (error == std::errc() && end == value.data() + value.size()) sink.request.announced(octets);
  }
  return line.size();
}

// Before each connection: after names were resolved, so that no name leads to a forbidden address.
curl_socket_t on_connect(void* user, curlsocktype, curl_sockaddr* to) {
  Sink& sink = *static_cast<Sink*>(user);
  const Address address = Address::from_socket(&to->addr);
  if (!sink.request.may_connect(address)) {
    sink.forbidden = address.text();
    return CURL_SOCKET_BAD;
  }
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const Sink*>(user)->request.stop.stop_requested() ? 1 : 0;
}

Errc category(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Errc::timeout;
    case CURLE_URL_MALFORMAT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_PARTIAL_FILE:
      return Errc::malformed;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR:
      return Errc::denied;
    default:
      return Errc::unavailable;
  }
}

curl_blob blob_of(const Buffer& octets) {
  // Not copied: the settings outlive the handle.
  return {const_cast<std::uint8_t*>(octets.data()), octets.size(), CURL_BLOB_NOCOPY};
}

bool breaks_line(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

// One request on a handle whose settings were reset. What libcurl is given by reference lives here.
class Transfer {
 public:
  Transfer(CURL* easy, const FetchSettings& settings, const FetchRequest& request, std::string_view scheme)
      : easy_(easy),
        settings_(settings),
        request_(request),
        sink_(request),
        ldap_(scheme == "ldap"),
        roots_(blob_of(settings.trusted_roots)),
        certificate_(blob_of(settings.client_certificate)),
        key_(blob_of(settings.client_key)) {
    set_limits(std::string(scheme));
    set_callbacks();
    set_tls();
    set_message();
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  Result<FetchResponse> perform();

 private:
  template <class Value>
  void option(CURLoption name, Value value) {
    set_ = curl_easy_setopt(easy_, name, value) == CURLE_OK && set_;
  }
  void line(const std::string& text) { set_ = add(lines_, text) && set_; }
  void set_limits(const std::string& scheme);
  void set_callbacks();
  void set_tls();
  void set_message();
  Status judge(CURLcode code) const;

  CURL* const easy_;
  const FetchSettings& settings_;
  const FetchRequest& request_;
  Sink sink_;
  const bool ldap_;
  bool set_ = true;
  curl_blob roots_, certificate_, key_;
  List lines_;
  char reason_[CURL_ERROR_SIZE] = {};
};

void Transfer::set_limits(const std::string& scheme) {
  const auto at_least_one = [](std::chrono::milliseconds time) {
    return static_cast<long>(std::max<std::int64_t>(time.count(), 1));  // 0 would be no limit
  };
  option(CURLOPT_PROTOCOLS_STR, ldap_ ? "ldap" : "http,https");
  if (!ldap_) option(CURLOPT_REDIR_PROTOCOLS_STR, scheme.c_str());
  option(CURLOPT_FOLLOWLOCATION, request_.redirects > 0 ? 1L : 0L);
  option(CURLOPT_MAXREDIRS, static_cast<long>(request_.redirects));
  option(CURLOPT_CONNECTTIMEOUT_MS, at_least_one(request_.connect_time));
  option(CURLOPT_TIMEOUT_MS, at_least_one(request_.total_time));
  option(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request_.most));
  option(CURLOPT_NOSIGNAL, 1L);
}

void Transfer::set_callbacks() {
  option(CURLOPT_ERRORBUFFER, static_cast<char*>(reason_));
  option(CURLOPT_WRITEFUNCTION, &on_body);
  option(CURLOPT_WRITEDATA, static_cast<void*>(&sink_));
  option(CURLOPT_HEADERFUNCTION, &on_field);
  option(CURLOPT_HEADERDATA, static_cast<void*>(&sink_));
  if (request_.may_connect) {
    option(CURLOPT_OPENSOCKETFUNCTION, &on_connect);
    option(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&sink_));
    option(CURLOPT_FRESH_CONNECT, 1L);  // a kept connection was allowed to somebody else
  }
  if (request_.stop.stop_possible()) {
    option(CURLOPT_NOPROGRESS, 0L);
    option(CURLOPT_XFERINFOFUNCTION, &on_progress);
    option(CURLOPT_XFERINFODATA, static_cast<void*>(&sink_));
  }
}

void Transfer::set_tls() {
  option(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (roots_.len > 0) option(CURLOPT_CAINFO_BLOB, &roots_);
  if (certificate_.len > 0) {
    option(CURLOPT_SSLCERT_BLOB, &certificate_);
    option(CURLOPT_SSLKEY_BLOB, &key_);
  }
}

void Transfer::set_message() {
  option(CURLOPT_URL, request_.url.c_str());
  option(CURLOPT_USERAGENT, settings_.user_agent.c_str());
  option(CURLOPT_PROXY, settings_.proxy.c_str());
  option(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  if (!request_.unix_socket.empty()) option(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
  if (request_.decode) option(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  line("Expect:");  // a server that does not know it costs a second
  if (!request_.content_type.empty()) line("Content-Type: " + request_.content_type);
  for (const auto& [name, value] : request_.fields) line(fmt::format("{}: {}", name, value));
  option(CURLOPT_HTTPHEADER, lines_.get());
  const std::string& method = request_.method;
  if (method == "POST" || method == "PUT") {
    option(CURLOPT_POST, 1L);
    option(CURLOPT_POSTFIELDS, request_.body.data());
    option(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  } else if (method == "HEAD") {
    option(CURLOPT_NOBODY, 1L);
  }
  if (method != "GET" && method != "POST" && method != "HEAD") option(CURLOPT_CUSTOMREQUEST, method.c_str());
}

Status Transfer::judge(CURLcode code) const {
  const std::string& url = request_.url;
  if (sink_.too_large || code == CURLE_FILESIZE_EXCEEDED)
    return make_error(Errc::limit_exceeded, "{}: the answer has more than {} octets", url, request_.most);
  if (sink_.refused) return make_error(Errc::unavailable, "{}: what came was not wanted", url);
  if (code == CURLE_OK) return ok();
  if (!sink_.forbidden.empty())
    return make_error(Errc::denied, "{}: the host's address {} may not be connected to", url,
                      sink_.forbidden);
  return make_error(category(code), "{}: {}", url, reason_[0] != '\0' ? reason_ : curl_easy_strerror(code));
}

Result<FetchResponse> Transfer::perform() {
  if (!set_) return make_error(Errc::unsupported, "this libcurl lacks an option that is needed");
  TRY(judge(curl_easy_perform(easy_)));
  long status = 0;
  curl_off_t microseconds = 0;
  const char *type = nullptr, *url = nullptr;
  (void)curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  (void)curl_easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &type);
  (void)curl_easy_getinfo(easy_, CURLINFO_EFFECTIVE_URL, &url);
  (void)curl_easy_getinfo(easy_, CURLINFO_TOTAL_TIME_T, &microseconds);
  FetchResponse response = std::move(sink_.response);
  response.status = ldap_ ? 200 : static_cast<unsigned>(status);
  if (type != nullptr) response.content_type = type;
  if (url != nullptr) response.url = url;
  response.taken = std::chrono::milliseconds(microseconds / 1000);
  return response;
}

Status check(const FetchRequest& request, std::string_view scheme) {
  if (scheme != "http" && scheme != "https" && !(request.ldap && scheme == "ldap"))
    return make_error(Errc::denied, "'{}': only http and https URLs are fetched", request.url);
  if (breaks_line(request.url) || breaks_line(request.content_type) || breaks_line(request.method))
    return make_error(Errc::malformed, "a line end inside a request");
  for (const auto& [name, value] : request.fields)
    if (breaks_line(name) || breaks_line(value))
      return make_error(Errc::malformed, "a line end inside a field");
  return ok();
}

}  // namespace

struct Fetcher::Handle {
  std::unique_ptr<CURL, FreeEasy> easy;
};

Fetcher::Fetcher(FetchSettings settings) : settings_(std::move(settings)) {
  // Counted by libcurl; safe to call again, but not while other threads use it for the first time.
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialised;
}
Fetcher::~Fetcher() = default;

std::unique_ptr<Fetcher::Handle> Fetcher::take() {
  {
    const std::lock_guard lock(guards_idle_);
    if (!idle_.empty()) {
      auto last = std::move(idle_.back());
      idle_.pop_back();
      return last;
    }
  }
  auto handle = std::make_unique<Handle>();
  handle->easy.reset(curl_easy_init());
  return handle;
}

void Fetcher::give(std::unique_ptr<Handle> handle) {
  const std::lock_guard lock(guards_idle_);
  if (idle_.size() < settings_.idle_handles) idle_.push_back(std::move(handle));
}

Result<FetchResponse> Fetcher::fetch(const FetchRequest& request) {
  const std::size_t colon = request.url.find("://");
  std::string scheme = colon == std::string::npos ? "" : request.url.substr(0, colon);
  std::ranges::transform(scheme, scheme.begin(), ascii_lower);
  TRY(check(request, scheme));
  auto handle = take();
  if (!handle->easy) return make_error(Errc::unavailable, "libcurl gives no handle");
  curl_easy_reset(handle->easy.get());  // connections stay
  FetchResponse response = TRY(Transfer(handle->easy.get(), settings_, request, scheme).perform());
  give(std::move(handle));  // not after a failure: its connection may be in any state
  return response;
}

Status put(Fetcher& fetcher, const std::string& url, std::string_view content_type, Bytes content) {
  FetchRequest request;
  request.url = url;
  request.method = "PUT";
  request.content_type = content_type;
  request.body = as_text(content);
  request.total_time += std::chrono::seconds(content.size() >> 20);  // a second for each MiB
  const FetchResponse answer = TRY(fetcher.fetch(request));
  if (answer.status == 200 || answer.status == 201 || answer.status == 204) return ok();
  return make_error(Errc::unavailable, "{}: the server answers {} to PUT", url, answer.status);
}

}  // namespace vouch::net
