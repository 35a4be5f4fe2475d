#include "diagnose/status.hpp"

#include <algorithm>

#include "diagnose/authority_check.hpp"
#include "diagnose/ca_location_check.hpp"
#include "diagnose/crl_location_check.hpp"
#include "diagnose/download.hpp"
#include "diagnose/ocsp_check.hpp"
#include "diagnose/own_crl_check.hpp"
#include "diagnose/registration_check.hpp"
#include "diagnose/responder_check.hpp"
#include "diagnose/target_check.hpp"

namespace vouch::diagnose {
namespace {

constexpr std::size_t kMostSmall = std::size_t{1} << 20;  // CA certificates and OCSP answers
// Of a CRL whose size is not known here: what relying parties take in the background.
constexpr std::size_t kMostCrl = std::size_t{65} << 20;

std::size_t most_of(const Place& place) {
  if (place.kind != LocationKind::cdp && place.kind != LocationKind::delta) return kMostSmall;
  std::size_t most = 0;
  for (const CaCertificate& issuer : place.issuers) {
    if (!issuer.newest) return kMostCrl;
    most = std::max(most, issuer.newest->size);
  }
  return 2 * most + kMostSmall;  // an older or newer one may be larger
}

// Asks one place and judges what it has. Runs on a thread of its own.
class PlaceCheck {
 public:
  PlaceCheck(const ca::Environment& environment, net::Fetcher& fetcher, std::chrono::milliseconds patience,
             Time now)
      : environment_(environment), fetcher_(fetcher), patience_(patience), now_(now) {}

  void run(const Place& place, LocationStatus& status) const {
    Judged judged;
    if (place.kind == LocationKind::ocsp) {
      judged = ask(place, status);
    } else {
      const Download download = get(fetcher_, place.url, most_of(place), patience_);
      take(download, status);
      judged.judgement = download.judgement;
      if (download.judgement.verdict == Verdict::ok) judged = judge(place, download.body);
    }
    status.judgement = std::move(judged.judgement);
    status.expires = judged.expires;
    status.crl_number = judged.crl_number;
  }

 private:
  Judged judge(const Place& place, Bytes body) const {
    if (place.kind == LocationKind::aia) return judge_ca_certificate(place, body, now_);
    return judge_crl(environment_.provider, place, body, now_);
  }

  Judged ask(const Place& place, LocationStatus& status) const {
    if (place.question.empty())
      return {.judgement = {Verdict::not_checked, "this key has no live certificate to ask about", ""}};
    const auto question = make_question(environment_.provider, place);
    if (!question) return {.judgement = {Verdict::not_checked, std::string(question.error().message()), ""}};
    const Download download =
        post(fetcher_, place.url, "application/ocsp-request", question->request, kMostSmall, patience_);
    take(download, status);
    if (download.judgement.verdict != Verdict::ok) return {.judgement = download.judgement};
    return judge_ocsp(environment_.provider, place, *question, download.body, now_);
  }

  static void take(const Download& download, LocationStatus& status) {
    status.size = download.body.size();
    status.milliseconds = download.milliseconds;
  }

  const ca::Environment& environment_;
  net::Fetcher& fetcher_;
  const std::chrono::milliseconds patience_;
  const Time now_;
};

LocationStatus unasked(const Place& place) {
  LocationStatus status;
  status.kind = place.kind;
  status.url = place.url;
  status.current = place.current;
  status.live = place.live;
  if (place.kind == LocationKind::ocsp) status.key_index = place.issuers.front().key_index;
  status.judgement = {Verdict::not_checked, "locations were not asked", ""};
  return status;
}

void ask_all(const ca::Environment& environment, net::Fetcher& fetcher, const std::vector<Node>& nodes,
             std::chrono::milliseconds patience, Report& report) {
  const PlaceCheck check(environment, fetcher, patience, report.time);
  std::vector<std::function<void()>> tasks;
  for (std::size_t n = 0; n < nodes.size(); ++n)
    for (std::size_t p = 0; p < nodes[n].places.size(); ++p)
      tasks.emplace_back([&check, &place = nodes[n].places[p], &status = report.authorities[n].locations[p]] {
        check.run(place, status);
      });
  run_together(tasks);
}

}  // namespace

Result<Report> status(const ca::Environment& environment, net::Fetcher* fetcher,
                      const StatusRequest& request) {
  Report report;
  report.time = environment.clock.now();
  report.offline = fetcher == nullptr;
  std::vector<Node> nodes;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    nodes = TRY(read_hierarchy(*snapshot, request.ca, report.time));
    for (const Node& node : nodes) {
      AuthorityStatus authority{node.name, node.kind, node.parent, judge_authority(node)};
      authority.certificates = check_certificates(node, report.time);
      for (CertificateStatus& responder : TRY(check_responders(*snapshot, node, report.time)))
        authority.certificates.push_back(std::move(responder));
      for (CertificateStatus& registration : TRY(check_registration(*snapshot, node, report.time)))
        authority.certificates.push_back(std::move(registration));
      authority.crls = TRY(check_own_crls(*snapshot, node, report.time));
      authority.targets = TRY(check_targets(environment.provider, *snapshot, node, report.time));
      authority.unrecorded = node.unrecorded;
      for (const Place& place : node.places) authority.locations.push_back(unasked(place));
      report.authorities.push_back(std::move(authority));
    }
  }  // no state of the database is held while others take their time
  if (fetcher != nullptr) ask_all(environment, *fetcher, nodes, request.patience, report);
  report.count();
  return report;
}

}  // namespace vouch::diagnose
