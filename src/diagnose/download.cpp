#include "diagnose/download.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace vouch::diagnose {
namespace {

bool is_http(std::string_view url) { return url.starts_with("http://") || url.starts_with("https://"); }

// What to do about a request that got no answer.
std::string mend_of(const Error& error, std::chrono::milliseconds patience) {
  switch (error.code()) {
    case Errc::timeout:
      return fmt::format("a relying party waits {} ms: look at the server and the way to it",
                         patience.count());
    case Errc::limit_exceeded:
      return "something else than what was published lies there: look at what the server gives out";
    case Errc::denied:
      return "relying parties use plain http here, because checking the server's certificate would need the "
             "CRL first";
    default:
      return "is the server running, and does its name lead to it from here? vouch location list shows where "
             "the URL comes from";
  }
}

std::string mend_of_status(unsigned status) {
  if (status == 401 || status == 403)
    return "relying parties have no account: let the server give this path to everybody";
  if (status == 404 || status == 410)
    return "publish there (vouch crl publish; vouch crl list --targets), or let the server show the folder "
           "that is published to";
  return "look into the server's log";
}

Download download(net::Fetcher& fetcher, net::FetchRequest request) {
  Download result;
  if (!is_http(request.url)) {
    result.judgement = {Verdict::not_checked,
                        request.url.starts_with("ldap")
                            ? "ldap locations are not asked yet: this program has no LDAP client"
                            : "only http and https locations are asked",
                        ""};
    return result;
  }
  request.connect_time = std::min(request.connect_time, request.total_time);
  auto answer = fetcher.fetch(request);
  if (!answer) {
    result.judgement = {Verdict::unable_to_download, std::string(answer.error().message()),
                        mend_of(answer.error(), request.total_time)};
    return result;
  }
  result.milliseconds = answer->taken.count();
  if (answer->status != 200)
    result.judgement = {Verdict::unable_to_download, fmt::format("the server answers {}", answer->status),
                        mend_of_status(answer->status)};
  result.body = std::move(answer->body);
  return result;
}

}  // namespace

Download get(net::Fetcher& fetcher, const std::string& url, std::size_t most,
             std::chrono::milliseconds patience) {
  net::FetchRequest request;
  request.url = url;
  request.most = most;
  request.total_time = patience;
  return download(fetcher, std::move(request));
}

Download post(net::Fetcher& fetcher, const std::string& url, std::string_view content_type, Bytes body,
              std::size_t most, std::chrono::milliseconds patience) {
  net::FetchRequest request;
  request.url = url;
  request.method = "POST";
  request.content_type = content_type;
  request.body = as_text(body);
  request.most = most;
  request.total_time = patience;
  return download(fetcher, std::move(request));
}

void run_together(std::span<const std::function<void()>> tasks) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < tasks.size(); i = next++) tasks[i]();
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < std::min(kAtOnce, tasks.size()); ++i) threads.emplace_back(work);
}

}  // namespace vouch::diagnose
