#include "daemon/crl_fetch.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "net/http.hpp"

namespace vouch::daemon {
namespace {

using revocation::FetchedCrl;

// A CRL of 40 MB over 6 Mbit/s. Other sources, and whoever stops the service, wait meanwhile.
constexpr std::chrono::minutes kPatience{1};

// Which file it is and when it was written. A file that is replaced by a rename is another one.
Result<std::string> mark_of(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return system_error(errno, "looking at", file);
  return fmt::format("{}:{}:{}.{}", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

Result<FetchedCrl> read_crl(const fs::path& file, const std::string& mark) {
  FetchedCrl crl;
  crl.mark = TRY(mark_of(file));
  crl.unchanged = crl.mark == mark;
  if (!crl.unchanged) crl.octets = TRY(read_file(file));
  return crl;
}

std::string field_of(const net::FetchResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.fields)
    if (net::equal_names(key, name)) return value;
  return {};
}

// The mark is the name of the field that asks again, and its value.
Result<FetchedCrl> download_crl(net::Fetcher& fetcher, const std::string& url, const std::string& mark) {
  net::FetchRequest request{.url = url, .most = kMaxInputFile, .total_time = kPatience};
  if (const auto colon = mark.find(':'); colon != std::string::npos)
    request.fields.emplace_back(mark.substr(0, colon), mark.substr(colon + 1));
  net::FetchResponse response = TRY(fetcher.fetch(request));
  FetchedCrl crl;
  if (response.status == 304 && !mark.empty()) {
    crl.unchanged = true;
    return crl;
  }
  if (response.status != 200)
    return make_error(Errc::unavailable, "the server answers {} {}", response.status,
                      net::reason_phrase(response.status));
  if (const std::string etag = field_of(response, "ETag"); !etag.empty())
    crl.mark = "If-None-Match:" + etag;
  else if (const std::string date = field_of(response, "Last-Modified"); !date.empty())
    crl.mark = "If-Modified-Since:" + date;
  crl.octets = std::move(response.body);
  return crl;
}

}  // namespace

revocation::FetchCrl fetch_crls_from(fs::path home) {
  return [home = std::move(home), fetcher = std::make_shared<net::Fetcher>(net::FetchSettings{})](
             const std::string& place, const std::string& mark) -> Result<FetchedCrl> {
    if (place.starts_with("http://") || place.starts_with("https://"))
      return download_crl(*fetcher, place, mark);
    return read_crl(home / place, mark);
  };
}

}  // namespace vouch::daemon
