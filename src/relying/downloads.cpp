#include "relying/downloads.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>

#include "net/http.hpp"
#include "net/ldap_answer.hpp"

namespace vouch::relying {
namespace {

using std::chrono::milliseconds, std::chrono::steady_clock;
using validate::Finding, validate::finding, validate::FindingId;

Downloaded refused(Finding why, std::string outcome) {
  Downloaded out;
  out.finding = std::move(why);
  out.outcome = std::move(outcome);
  return out;
}

// Retry-After (RFC 9110 10.2.3): seconds or a date.
std::optional<std::chrono::seconds> retry_after(const net::FetchResponse& response, Time now) {
  for (const auto& [name, value] : response.fields) {
    if (!net::equal_names(name, "Retry-After")) continue;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc() && end == value.data() + value.size() && seconds >= 0)
      return std::chrono::seconds(std::min<std::int64_t>(seconds, 1'000'000'000));
    if (const auto date = net::parse_http_date(value))
      return std::max(std::chrono::seconds(0), std::chrono::seconds(*date) - now.time_since_epoch());
  }
  return std::nullopt;
}

std::string field_of(const net::FetchResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.fields)
    if (net::equal_names(key, name)) return value;
  return {};
}

}  // namespace

struct Downloads::Job {
  explicit Job(DownloadOrder what) : order(std::move(what)) {}
  const DownloadOrder order;
  std::atomic<std::size_t> octets = 0, announced = 0;
  std::stop_source stop;
  bool forbidden = false;                     // an address that must not be connected to
  std::optional<std::chrono::seconds> pause;  // as the server wants it
  steady_clock::time_point started = steady_clock::now();
  // Guarded by Downloads::guards_ from here.
  bool done = false;
  Downloaded result;
};

Downloads::Downloads(std::shared_ptr<const crypto::Provider> provider, const Clock& clock,
                     std::shared_ptr<CrlCache> cache, DownloadSettings settings)
    : provider_(std::move(provider)),
      clock_(clock),
      cache_(std::move(cache)),
      settings_(std::move(settings)) {}

Downloads::~Downloads() {
  std::vector<std::pair<JobPtr, std::jthread>> threads;
  {
    const std::lock_guard lock(guards_);
    threads.swap(threads_);
  }
  for (auto& [job, thread] : threads) job->stop.request_stop();
}

net::Fetcher& Downloads::fetcher(const std::string& proxy) {
  const std::lock_guard lock(guards_);
  auto& fetcher = fetchers_[proxy];
  if (!fetcher)
    fetcher = std::make_unique<net::Fetcher>(net::FetchSettings{.proxy = proxy,
                                                                .user_agent = settings_.user_agent,
                                                                .trusted_roots = settings_.trusted_roots,
                                                                .client_certificate = {},
                                                                .client_key = {}});
  return *fetcher;
}

// ---- Waiting

Downloaded Downloads::get(const DownloadOrder& order, Deadline deadline) {
  deadline = std::min(deadline, steady_clock::now() + order.settings.interactive_time);
  auto begun = join_or_start(order, false);
  if (auto* said = std::get_if<Downloaded>(&begun)) return std::move(*said);
  return wait(std::get<JobPtr>(begun), order.settings.interactive_size, deadline);
}

Downloaded Downloads::get_in_background(const DownloadOrder& order) {
  auto begun = join_or_start(order, true);
  if (auto* said = std::get_if<Downloaded>(&begun)) return std::move(*said);
  return wait(std::get<JobPtr>(begun), order.settings.background_size,
              steady_clock::now() + order.settings.background_time + std::chrono::seconds(5));
}

void Downloads::begin(const DownloadOrder& order) { (void)join_or_start(order, true); }

bool Downloads::drain(milliseconds patience) {
  std::unique_lock lock(guards_);
  return changed_.wait_for(lock, patience, [&] { return running_.empty(); });
}

Downloaded Downloads::wait(const JobPtr& job, std::size_t most, Deadline deadline) {
  // The size is looked at first, so that a fast server makes no difference: too large is too large.
  const auto too_large = [&] { return job->octets > most || job->announced > most; };
  std::unique_lock lock(guards_);
  while (!job->done && !too_large() && steady_clock::now() < deadline)
    // Octets arrive without a message for each.
    changed_.wait_until(lock, std::min(deadline, steady_clock::now() + milliseconds(50)));
  const std::string& url = job->order.url;
  Downloaded out;
  if (too_large() && most < job->order.settings.background_size) {
    out =
        refused(finding(FindingId::crl_interactive_size, {{"uri", url}, {"size", std::to_string(most)}}),
                job->done ? "too large for a sign-in" : "too large for a sign-in; goes on in the background");
  } else if (job->done) {
    return job->result;
  } else {
    out = refused(finding(FindingId::crl_interactive_timeout, {{"uri", url}}),
                  "not here in time; goes on in the background");
  }
  out.asked = true;
  out.octets = std::max<std::size_t>(job->octets, job->announced);
  out.taken = std::chrono::duration_cast<milliseconds>(steady_clock::now() - job->started);
  return out;
}

// ---- Starting

// Why the URL is not asked now.
std::optional<Downloaded> Downloads::refusal(const DownloadOrder& order, Time now) {
  std::erase_if(pauses_, [&](const auto& pause) { return pause.second.until <= now; });
  if (const auto pause = pauses_.find(order.url); pause != pauses_.end())
    return refused(pause->second.finding,
                   fmt::format("failed at {}, not asked again before {}",
                               format_time(pause->second.failed_at), format_time(pause->second.until)));
  auto& attempts = attempts_[order.url];
  while (!attempts.empty() && attempts.front() + order.settings.attempts_within <= now) attempts.pop_front();
  if (attempts.size() >= order.settings.attempts)
    return refused(finding(FindingId::crl_in_progress),
                   fmt::format("asked {} times within {} s already", attempts.size(),
                               order.settings.attempts_within.count()));
  if (running_.size() >= settings_.at_once)
    return refused(finding(FindingId::crl_in_progress),
                   fmt::format("{} other downloads run already", running_.size()));
  attempts.push_back(now);
  if (attempts_.size() > 10'000)
    std::erase_if(attempts_,
                  [&](const auto& one) { return one.second.back() + std::chrono::hours(1) < now; });
  return std::nullopt;
}

std::variant<Downloads::JobPtr, Downloaded> Downloads::join_or_start(const DownloadOrder& order,
                                                                     bool background) {
  const std::lock_guard lock(guards_);
  if (const auto running = running_.find(order.url); running != running_.end()) {
    if (background || order.settings.wait_for_others) return running->second;
    return refused(finding(FindingId::crl_in_progress), "another sign-in is fetching it");
  }
  if (auto said = refusal(order, clock_.now())) return *std::move(said);
  reap();
  auto job = std::make_shared<Job>(order);
  running_[order.url] = job;
  threads_.emplace_back(job, std::jthread([this, job] { run(job); }));
  return job;
}

// Threads that have ended. Called with the lock held: joining those does not wait.
void Downloads::reap() {
  std::erase_if(threads_, [](auto& one) { return one.first->done; });
}

// ---- In the thread of a download

void Downloads::run(const JobPtr& job) {
  download(*job);
  finish(job);
}

void Downloads::download(Job& job) {
  const DownloadOrder& order = job.order;
  if (settings_.folder.empty()) return fetch(job);
  const std::string name = to_hex(provider_->digest(x509::DigestAlgorithm::sha256, as_bytes(order.url)));
  const fs::path file = settings_.folder / (name.substr(0, 32) + ".lock");
  const Deadline give_up =
      steady_clock::now() +
      (order.settings.wait_for_others ? order.settings.interactive_time : milliseconds(0));
  auto lock = FileLock::acquire(file, milliseconds(0));
  while (!lock && steady_clock::now() < give_up && !job.stop.stop_requested())
    lock = FileLock::acquire(file, milliseconds(100));
  if (!lock && lock.error().code() == Errc::unavailable) {
    job.result = refused(finding(FindingId::crl_in_progress), "another process is fetching it");
    return;
  }
  // Another process may have brought it while this one waited for the lock.
  if (auto cached = cache_->from_url(order.url);
      cached && !order.conditional && !equal(cached->crl->head().fingerprint, order.seen)) {
    job.result.crl = std::move(cached);
    job.result.outcome = "fetched by another process";
    return;
  }
  fetch(job);
}

void Downloads::fetch(Job& job) {
  const DownloadOrder& order = job.order;
  Buffer body;
  net::FetchRequest request;
  request.url = order.url;
  request.most = order.settings.background_size;
  request.total_time = request.connect_time = order.settings.background_time;
  request.redirects = order.settings.redirects;
  request.decode = true;
  request.ldap = true;
  const bool ldap = order.url.starts_with("ldap://");
  if (ldap) request.most += request.most / 3 + 4'096;  // base64, and the names around it
  request.stop = job.stop.get_token();
  request.announced = [&](std::size_t octets) { job.announced = octets; };
  request.sink = [&](Bytes octets) {
    if (body.empty())  // once, when the length was announced: else it grows with what comes
      body.reserve(std::max(octets.size(), std::min<std::size_t>(job.announced, request.most)));
    append(body, octets);
    job.octets += octets.size();
    return true;
  };
  if (order.networks && !order.networks->allow_all() && order.proxy.empty())
    request.may_connect = [&](const net::Address& address) {
      const bool allowed = order.networks->allow(address);
      job.forbidden = job.forbidden || !allowed;
      return allowed;
    };
  if (order.conditional) {
    const auto cached = cache_->from_url(order.url);
    if (cached && !cached->etag.empty())
      request.fields.emplace_back("If-None-Match", cached->etag);
    else if (cached && !cached->last_modified.empty())
      request.fields.emplace_back("If-Modified-Since", cached->last_modified);
  }
  job.result.asked = true;
  const auto response = fetcher(order.proxy).fetch(request);
  job.result.octets = job.octets;
  job.result.taken = std::chrono::duration_cast<milliseconds>(steady_clock::now() - job.started);
  if (response && ldap) {
    if (auto value = net::ldap_value(as_text(body), net::ldap_attribute(order.url)))
      return read(job, *response, *std::move(value));
    body.clear();  // no value is an empty answer
  }
  if (response) return read(job, *response, std::move(body));
  const std::string reason(response.error().message());
  job.result.outcome = reason;
  switch (response.error().code()) {
    case Errc::limit_exceeded:
      job.result.finding =
          finding(FindingId::crl_too_large,
                  {{"uri", order.url}, {"size", std::to_string(order.settings.background_size)}});
      break;
    case Errc::timeout:
      job.result.finding = finding(FindingId::crl_timeout);
      break;
    case Errc::malformed:  // cut off, or encoded wrongly
      job.result.finding = finding(FindingId::crl_unusable, {{"issuer", order.url}, {"reason", reason}});
      break;
    default:
      job.result.finding =
          finding(job.forbidden ? FindingId::crl_private_address : FindingId::crl_unreachable,
                  {{"uri", order.url}, {"reason", reason}});
  }
}

void Downloads::read(Job& job, const net::FetchResponse& response, Buffer body) {
  Downloaded& result = job.result;
  result.status = response.status;
  const Time now = clock_.now();
  if (response.status == 304 && job.order.conditional) {
    if (const Status touched = cache_->touch(job.order.url, now); !touched)
      result.outcome = touched.error().summary();
    result.crl = cache_->from_url(job.order.url);
    result.unchanged = true;
    result.outcome = "nothing newer there";
    return;
  }
  if (response.status != 200) {
    job.pause = retry_after(response, now);
    result.finding = finding(FindingId::crl_download_failed,
                             {{"code", std::to_string(response.status)}, {"uri", job.order.url}});
    result.outcome =
        fmt::format("the server answers {} {}", response.status, net::reason_phrase(response.status));
    return;
  }
  if (body.empty()) {
    result.finding =
        finding(FindingId::crl_unusable, {{"issuer", job.order.url}, {"reason", "the answer is empty"}});
    result.outcome = "the answer is empty";
    return;
  }
  CrlOffer offer = job.order.offer;
  offer.url = job.order.url;
  offer.now = now;
  offer.etag = field_of(response, "ETag");
  offer.last_modified = field_of(response, "Last-Modified");
  auto taken = cache_->put(std::move(body), offer);
  if (!taken) {
    result.finding =
        finding(FindingId::crl_not_kept, {{"uri", job.order.url}, {"reason", taken.error().summary()}});
    result.outcome = "could not be kept";
    return;
  }
  result.finding = std::move(taken->finding);
  result.unchanged = taken->unchanged;
  if (result.finding) {
    result.outcome = validate::message_of(*result.finding);
    return;
  }
  result.crl = std::move(taken->cached);
  result.outcome = result.unchanged ? "fetched, the same as before" : "fetched";
}

void Downloads::finish(const JobPtr& job) {
  const DownloadOrder& order = job->order;
  const Time now = clock_.now();
  const std::lock_guard lock(guards_);
  if (job->result.finding && job->result.asked && !job->stop.stop_requested()) {
    // A real failure of this very URL; what failed elsewhere (a responder) never comes here.
    const auto pause = std::clamp(job->pause.value_or(order.settings.retry_pause), order.settings.retry_pause,
                                  std::max(order.settings.longest_pause, order.settings.retry_pause));
    pauses_.insert_or_assign(order.url, Pause{*job->result.finding, now + pause, now});
  } else if (job->result.crl) {
    pauses_.erase(order.url);
  }
  running_.erase(order.url);
  job->done = true;
  changed_.notify_all();
}

Value Downloads::status() const {
  const std::lock_guard lock(guards_);
  Value running = Value::list(), paused = Value::list();
  for (const auto& [url, job] : running_)
    running.push(Value::table().set("url", url).set("octets", static_cast<std::int64_t>(job->octets)));
  for (const auto& [url, pause] : pauses_)
    paused.push(Value::table()
                    .set("url", url)
                    .set("until", format_time(pause.until))
                    .set("failed_at", format_time(pause.failed_at))
                    .set("message", validate::message_of(pause.finding)));
  return Value::table().set("downloads", std::move(running)).set("pauses", std::move(paused));
}

}  // namespace vouch::relying
