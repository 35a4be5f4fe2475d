#include "relying/sync/crl_sync.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/pem.hpp"
#include "net/http.hpp"
#include "relying/sync/crl_comparison.hpp"
#include "relying/sync/hook.hpp"
#include "relying/sync/output.hpp"
#include "relying/sync/sync_state.hpp"

namespace vouch::relying {
namespace {

using validate::CertificatePtr, validate::CrlHead;

constexpr std::size_t kMostCertificates = std::size_t{1} << 20;  // octets of a file with CA certificates
// A CA's clock may be that far ahead of ours.
constexpr std::chrono::minutes kClockTolerance{5};

// ---- what comes from a place
// ---------------------------------------------------------------------------------------

struct Fetched {
  bool unchanged = false;
  Buffer octets;
  std::string mark;
  std::chrono::milliseconds taken{0};
};

std::string field_of(const net::FetchResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.fields)
    if (net::equal_names(key, name)) return value;
  return {};
}

// The mark is the name of the field that asks again, and its value.
Result<Fetched> download(net::Fetcher& fetcher, const std::string& url, const SyncTarget& target,
                         const std::string& mark) {
  net::FetchRequest request{.url = url, .most = target.most, .total_time = target.patience};
  if (const auto colon = mark.find(':'); colon != std::string::npos)
    request.fields.emplace_back(mark.substr(0, colon), mark.substr(colon + 1));
  net::FetchResponse response = TRY(fetcher.fetch(request));
  Fetched fetched;
  fetched.taken = response.taken;
  fetched.unchanged = response.status == 304 && !mark.empty();
  if (fetched.unchanged) return fetched;
  if (response.status != 200)
    return make_error(Errc::unavailable, "the server answers {} {}", response.status,
                      net::reason_phrase(response.status))
        .with_hint("open the URL from this machine and see what the server says");
  if (const std::string etag = field_of(response, "ETag"); !etag.empty())
    fetched.mark = "If-None-Match:" + etag;
  else if (const std::string date = field_of(response, "Last-Modified"); !date.empty())
    fetched.mark = "If-Modified-Since:" + date;
  fetched.octets = std::move(response.body);
  return fetched;
}

// Which file it is and when it was written. A file that is replaced by a rename is another one.
Result<Fetched> read_place(const fs::path& file, std::size_t most, const std::string& mark) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return system_error(errno, "looking at", file);
  Fetched fetched;
  fetched.mark =
      fmt::format("{}:{}:{}.{}", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  fetched.unchanged = fetched.mark == mark;
  if (!fetched.unchanged) fetched.octets = TRY(read_file(file, most));
  return fetched;
}

bool is_url(std::string_view place) { return place.starts_with("http://") || place.starts_with("https://"); }

net::FetchSettings settings_of(const SyncTarget& target) {
  net::FetchSettings settings;
  settings.proxy = target.proxy;
  return settings;
}

// ---- CRLs
// ----------------------------------------------------------------------------------------------------------

struct Held {
  validate::CrlPtr crl;
  std::size_t authority = 0;  // which of the target's CAs signed it
  const CrlHead& head() const { return crl->head(); }
};

Result<Buffer> der_of(Buffer octets) {
  if (!looks_like_pem(octets)) return octets;
  return std::move(TRY(pem_or_der(octets, "X509 CRL", {"X509 CRL"})).front().der);
}

// What such a server would misread: it takes a CRL for the whole truth about its issuer.
Status check_scope(const CrlHead& crl) {
  if (crl.delta_base)
    return make_error(Errc::unsupported, "it is a delta CRL, and servers that read files know none")
        .with_hint("name the URL of the base CRL");
  if (!crl.distribution_point) return ok();
  if (crl.distribution_point->indirect_crl || crl.distribution_point->only_some_reasons ||
      crl.distribution_point->only_attribute_certs)
    return make_error(Errc::unsupported,
                      "it is indirect, or covers only some reasons or attribute certificates; servers that "
                      "read files do not know such CRLs");
  return ok();
}

// Base CRLs of one key and one distribution point follow each other (RFC 5280 5.2.3).
std::string line_of(const crypto::Provider& provider, const CrlHead& crl) {
  std::string key = crl.issuer_key;
  if (crl.authority_key_identifier) key += as_text(*crl.authority_key_identifier);
  if (const auto* scope = crl.view.find(x509::oid::kIssuingDistributionPoint)) key += as_text(scope->value);
  return to_hex(Bytes(provider.digest(x509::DigestAlgorithm::sha256, as_bytes(key))).first(16));
}

// Hexadecimal numbers without leading zeros.
bool is_lower(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}
std::string number_text(const CrlHead& crl) {
  std::string text = to_hex(*crl.number);
  return text.starts_with('0') ? text.substr(1) : text;
}

Value text_or_null(const std::string& text) { return text.empty() ? Value() : Value(text); }

}  // namespace

// ---- one run
// -------------------------------------------------------------------------------------------------------

class CrlSync::Run {
 public:
  Run(const CrlSync& sync, net::Fetcher& fetcher)
      : provider_(sync.provider_),
        now_(sync.clock_.now()),
        target_(sync.target_),
        folder_(sync.folder_ / sync.target_.name),
        fetcher_(fetcher) {}

  Status open() {
    for (const fs::path& file : target_.authorities) TRY(read_authorities(file));
    state_ = TRY(load_sync_state(folder_));
    for (const auto& [name, line] : state_.lines) read_kept(name, line);
    return ok();
  }

  SyncReport update() {
    for (const std::string& place : target_.crls) look_at(place);
    forget_places();
    state_.ran_at = now_;
    write();
    run_hook_if_owed();
    return report();
  }

  Status save() const { return save_sync_state(folder_, state_); }
  Status forget_numbers() {
    state_.lines.clear();
    state_.places.clear();
    return save();
  }

  SyncReport report() {
    report_.name = target_.name;
    report_.output = target_.output.string();
    report_.hook_error = state_.hook_owed ? state_.hook_error : "";
    report_.authorities.clear();
    for (std::size_t i = 0; i < authorities_.size(); ++i) report_.authorities.push_back(report_of(i));
    return std::move(report_);
  }
  // For a report without a run: what the last one said.
  void recall_places() {
    for (const std::string& place : target_.crls) {
      const auto known = state_.places.find(place);
      PlaceReport report;
      report.place = place;
      if (known == state_.places.end()) {
        report.error = "it was not asked yet";
      } else {
        report.outcome = known->second.error.empty() ? PlaceOutcome::unchanged : PlaceOutcome::failed;
        report.error = known->second.error;
        describe(known->second.line, report);
      }
      report_.places.push_back(std::move(report));
    }
  }

 private:
  Status read_authorities(const fs::path& file) {
    const Buffer content = TRY(read_file(file, kMostCertificates).context("reading a CA certificate"));
    for (const PemBlock& block : TRY(pem_or_der(content, "CERTIFICATE", {"CERTIFICATE", "X509 CERTIFICATE"})
                                         .context("reading {}", file.string())))
      authorities_.push_back(
          TRY(validate::Certificate::parse(provider_, block.der).context("reading {}", file.string())));
    return ok();
  }

  // What was accepted is not taken on trust: the file may have been changed, and the CA be another one now.
  // What does not hold any more is left out, and fetched again.
  void read_kept(const std::string& name, const SyncState::Line& line) {
    auto octets = read_file(folder_ / (name + ".crl"), target_.most);
    if (!octets) return;
    auto held = hold(std::move(*octets), "");
    if (held && to_hex(held->head().fingerprint) == line.sha256) held_.emplace(name, std::move(*held));
  }

  // Everything about a CRL that does not depend on others and on the time.
  Result<Held> hold(Buffer octets, const std::string& place) const {
    const Buffer der = TRY(der_of(std::move(octets)));
    Held held{.crl = TRY(validate::parse_crl_in_memory(provider_, der, place))};  // every entry is read
    if (!held.head().unusable.empty()) return make_error(Errc::malformed, "{}", held.head().unusable);
    TRY(check_scope(held.head()));
    if (!held.head().number)
      return make_error(Errc::malformed, "it has no CRL number, so an older one could take its place");
    if (!held.head().view.next_update)
      return make_error(Errc::malformed, "it has no nextUpdate (RFC 5280 5.1.2.5)");
    held.authority = TRY(signer_of(held.head()));
    return held;
  }

  // The CA that signed it. When none did, the nearest one's fault is told.
  Result<std::size_t> signer_of(const CrlHead& crl) const {
    std::string fault;
    for (std::size_t i = 0; i < authorities_.size(); ++i) {
      const CrlComparison comparison = compare(provider_, crl, *authorities_[i]);
      const std::string found = comparison.fault();
      if (found.empty()) return i;
      if (fault.empty() || comparison.names_fit) fault = found;
    }
    return make_error(Errc::denied, "{}", fault)
        .with_hint(
            "vouch crl show URL --ca CERT compares them; add the CA's certificate to authorities if it "
            "is to be trusted");
  }

  Status check_times(const CrlHead& crl) const {
    if (crl.view.this_update > now_ + kClockTolerance)
      return make_error(Errc::denied, "it is valid from {} on, and the clock shows {}",
                        format_time(crl.view.this_update), format_time(now_))
          .with_hint("compare the clocks of the CA and of this machine");
    if (*crl.view.next_update <= now_)
      return make_error(Errc::denied, "it has expired at {}", format_time(*crl.view.next_update))
          .with_hint("the CA has to publish: vouch crl publish; or an old copy lies at that place");
    return ok();
  }

  // Numbers rise. False: it is the one that is there.
  Result<bool> is_newer(const Held& held, const std::string& line) const {
    const auto known = state_.lines.find(line);
    if (known == state_.lines.end()) return true;
    const std::string number = number_text(held.head());
    if (is_lower(known->second.number, number)) return true;
    if (number == known->second.number && to_hex(held.head().fingerprint) == known->second.sha256)
      return !held_.contains(line);  // the file of it was lost
    const std::string_view what =
        number == known->second.number ? "is another CRL of the same number as" : "is older than";
    return make_error(Errc::denied, "number 0x{} {} the CRL 0x{} that was accepted at {}", number, what,
                      known->second.number, format_time(known->second.accepted_at))
        .with_hint(
            "somebody replays an old CRL, or the CA was restored from a backup; in that case: vouch "
            "crlsync --once --forget-numbers");
  }

  Result<bool> take(Buffer octets, const std::string& place, SyncState::Place& entry) {
    Held held = TRY(hold(std::move(octets), place));
    TRY(check_times(held.head()));
    const std::string line = line_of(provider_, held.head());
    const bool newer = TRY(is_newer(held, line));
    entry.line = line;
    if (!newer) return false;
    TRY(make_folder(folder_, 0700));
    TRY(write_file_atomic(folder_ / (line + ".crl"), held.head().view.whole, 0600));
    state_.lines[line] = {number_text(held.head()), to_hex(held.head().fingerprint), now_};
    held_.insert_or_assign(line, std::move(held));
    return true;
  }

  void look_at(const std::string& place) {
    PlaceReport report;
    report.place = place;
    SyncState::Place& entry = state_.places[place];
    // Without the CRL that the mark is about, all of it is wanted.
    if (!held_.contains(entry.line)) entry.mark.clear();
    auto fetched = is_url(place) ? download(fetcher_, place, target_, entry.mark)
                                 : read_place(place, target_.most, entry.mark);
    Status done = fetched ? ok() : Status(fetched.error());
    if (fetched && fetched->unchanged) {
      report.outcome = PlaceOutcome::unchanged;
      done = check_times(held_.at(entry.line).head());
    } else if (fetched) {
      report.taken = fetched->taken;
      report.octets = fetched->octets.size();
      const auto taken = take(std::move(fetched->octets), place, entry);
      report.outcome = !taken   ? PlaceOutcome::refused
                       : *taken ? PlaceOutcome::replaced
                                : PlaceOutcome::unchanged;
      entry.mark = taken ? fetched->mark : "";
      if (!taken) done = taken.error();
    }
    if (!done) {
      report.error = done.error().summary();
      report.hint = done.error().hint();
      if (fetched && fetched->unchanged) report.outcome = PlaceOutcome::refused;
    } else {
      entry.succeeded_at = now_;
    }
    entry.error = report.error;
    describe(entry.line, report);
    report_.places.push_back(std::move(report));
  }

  void describe(const std::string& line, PlaceReport& report) const {
    const auto found = held_.find(line);
    if (found == held_.end()) return;
    const CrlHead& head = found->second.head();
    report.issuer = head.issuer_text;
    report.number = number_text(head);
    report.this_update = head.view.this_update;
    report.next_update = head.view.next_update;
  }

  // A place that the configuration does not name any more keeps no state; the numbers of its line stay.
  void forget_places() {
    std::erase_if(state_.places, [&](const auto& entry) {
      return std::ranges::find(target_.crls, entry.first) == target_.crls.end();
    });
  }

  // The lines that a place of the configuration leads to.
  bool is_wanted(const std::string& line) const {
    return std::ranges::any_of(state_.places, [&](const auto& entry) { return entry.second.line == line; });
  }

  // Only when every CA has one: a server that checks whole chains would refuse everybody.
  void write() {
    OutputContent content;
    for (std::size_t i = 0; i < authorities_.size(); ++i) {
      bool has_one = false;
      for (const auto& [line, held] : held_) {
        if (held.authority != i || !is_wanted(line)) continue;
        has_one = true;
        content.crls.push_back({to_buffer(held.head().view.whole), to_buffer(held.head().view.issuer)});
      }
      if (!has_one) return;
      if (target_.with_certificates)
        content.certificates.push_back(
            {to_buffer(authorities_[i]->der()), to_buffer(authorities_[i]->view().subject)});
    }
    if (target_.form == OutputForm::der && content.crls.size() != 1) {
      report_.output_error =
          "the CA has several CRLs, and a DER file holds one: form = \"pem\" takes them all";
      return;
    }
    const auto written = write_output(provider_, target_, content);
    if (!written) {
      report_.output_error = written.error().summary();
      return;
    }
    report_.changed = *written;
    if (!*written) return;
    state_.changed_at = now_;
    if (target_.hook.empty()) return;
    state_.hook_owed = true;
    state_.hook_error = "it has not been run yet";
    // A run that is killed now owes it all the same.
    if (const Status saved = save(); !saved) report_.output_error = saved.error().summary();
  }

  void run_hook_if_owed() {
    if (target_.hook.empty()) state_.hook_owed = false;
    if (!state_.hook_owed) return;
    const Status done = run_hook({.words = target_.hook,
                                  .variables = {{"VOUCH_CRLSYNC_NAME", target_.name},
                                                {"VOUCH_CRLSYNC_OUTPUT", target_.output.string()}},
                                  .patience = target_.hook_time});
    report_.hook_ran = true;
    state_.hook_at = now_;
    state_.hook_owed = !done.has_value();
    state_.hook_error = done ? "" : done.error().summary();
  }

  AuthorityReport report_of(std::size_t i) const {
    AuthorityReport report;
    report.subject = authorities_[i]->subject_text();
    for (const auto& [line, held] : held_) {
      if (held.authority != i || !is_wanted(line)) continue;
      report.number = number_text(held.head());
      // Of several partitions the one that ends first counts.
      report.next_update =
          std::min(report.next_update.value_or(*held.head().view.next_update), *held.head().view.next_update);
    }
    if (!report.next_update)
      report.problem = "no place has a CRL of this CA";
    else if (*report.next_update <= now_)
      report.problem = fmt::format("its CRL has expired at {}", format_time(*report.next_update));
    return report;
  }

  const crypto::Provider& provider_;
  const Time now_;
  const SyncTarget& target_;
  const fs::path folder_;
  net::Fetcher& fetcher_;
  std::vector<CertificatePtr> authorities_;
  SyncState state_;
  std::map<std::string, Held> held_;  // by line
  SyncReport report_;
};

CrlSync::CrlSync(const crypto::Provider& provider, const Clock& clock, const fs::path& folder,
                 SyncTarget target)
    : provider_(provider),
      clock_(clock),
      folder_(folder),
      target_(std::move(target)),
      fetcher_(settings_of(target_)) {}

namespace {
// One run at a time for a target, of whatever process.
Result<FileLock> lock(const fs::path& folder) {
  TRY(make_folder(folder, 0700));
  return FileLock::acquire(folder / "lock", std::chrono::seconds(5))
      .context("waiting for another crlsync that is at work there");
}
}  // namespace

Result<SyncReport> CrlSync::run() {
  const FileLock only_one = TRY(lock(folder_ / target_.name));
  Run run(*this, fetcher_);
  TRY(run.open());
  SyncReport report = run.update();
  TRY(run.save());
  return report;
}

Result<SyncReport> CrlSync::look() {
  Run run(*this, fetcher_);
  TRY(run.open());
  run.recall_places();
  return run.report();
}

Status CrlSync::forget_numbers() {
  const FileLock only_one = TRY(lock(folder_ / target_.name));
  Run run(*this, fetcher_);
  TRY(run.open());
  return run.forget_numbers();
}

// ---- reports
// -------------------------------------------------------------------------------------------------------

std::string_view to_string(PlaceOutcome outcome) {
  switch (outcome) {
    case PlaceOutcome::replaced:
      return "replaced";
    case PlaceOutcome::unchanged:
      return "unchanged";
    case PlaceOutcome::refused:
      return "refused";
    case PlaceOutcome::failed:
      return "failed";
  }
  return "";
}

bool SyncReport::refused() const {
  return std::ranges::any_of(places,
                             [](const auto& place) { return place.outcome == PlaceOutcome::refused; });
}

bool SyncReport::good() const {
  return output_error.empty() && hook_error.empty() &&
         std::ranges::all_of(places, [](const auto& place) { return place.error.empty(); }) &&
         std::ranges::all_of(authorities, [](const auto& one) { return one.problem.empty(); });
}

Value to_value(const SyncReport& report) {
  Value places = Value::list(), authorities = Value::list();
  for (const PlaceReport& place : report.places)
    places.push(Value()
                    .set("place", place.place)
                    .set("outcome", to_string(place.outcome))
                    .set("issuer", text_or_null(place.issuer))
                    .set("number", text_or_null(place.number))
                    .set("this_update", time_or_null(place.this_update))
                    .set("next_update", time_or_null(place.next_update))
                    .set("octets", static_cast<std::int64_t>(place.octets))
                    .set("ms", static_cast<std::int64_t>(place.taken.count()))
                    .set("error", text_or_null(place.error)));
  for (const AuthorityReport& authority : report.authorities)
    authorities.push(Value()
                         .set("subject", authority.subject)
                         .set("number", text_or_null(authority.number))
                         .set("next_update", time_or_null(authority.next_update))
                         .set("problem", text_or_null(authority.problem)));
  Value out = Value::table();
  out.set("name", report.name).set("output", report.output).set("changed", report.changed);
  out.set("hook", Value().set("ran", report.hook_ran).set("error", text_or_null(report.hook_error)));
  out.set("output_error", text_or_null(report.output_error));
  out.set("places", std::move(places)).set("authorities", std::move(authorities));
  return out;
}

}  // namespace vouch::relying
