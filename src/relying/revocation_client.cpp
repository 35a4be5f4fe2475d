#include "relying/revocation_client.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vouch::relying {
namespace {

using std::chrono::milliseconds, std::chrono::steady_clock;
using validate::Certificate, validate::CertificatePtr, validate::CrlHead, validate::CrlPtr;
using validate::Finding, validate::FindingId;
using validate::RevocationQuery, validate::RevocationRecord, validate::RevocationStatus;
namespace oid = x509::oid;

constexpr std::size_t kMaxCrlUrls = 16;  // of one certificate; one or two are usual

bool less(const Buffer& a, const Buffer& b) { return validate::compare_numbers(a, b) < 0; }

// URIs of distribution points, in order.
std::vector<std::string> urls_of(const x509::ExtensionView* extension) {
  if (extension == nullptr) return {};
  const auto points = x509::parse_distribution_points(extension->value);
  if (!points) return {};
  std::vector<std::string> urls = x509::uris_of(*points);
  if (urls.size() > kMaxCrlUrls) urls.resize(kMaxCrlUrls);
  return urls;
}

// A location in a directory that names no server: whoever reads it is to know one (RFC 4516 2).
constexpr std::string_view kLdapNowhere = "ldap:///";

bool can_be_asked(std::string_view url) {
  return equal_ignoring_case(url.substr(0, 7), "http://") ||
         equal_ignoring_case(url.substr(0, 8), "https://") ||
         (url.starts_with("ldap://") && !url.starts_with(kLdapNowhere));
}

// A CRL whose scope names a distribution point, held against certificates that name none: the URL that it
// came from is that of the trust list, and takes the certificate's place (RFC 5280 6.3.3, at the end).
class CrlOfConfiguredUrl final : public validate::Crl {
 public:
  explicit CrlOfConfiguredUrl(CrlPtr crl) : crl_(std::move(crl)), head_(crl_->head()) {
    head_.distribution_point->name.reset();
    if (*head_.distribution_point == x509::IssuingDistributionPoint()) head_.distribution_point.reset();
  }
  const CrlHead& head() const override { return head_; }
  Result<std::optional<validate::CrlHit>> find(Bytes serial, const std::string& issuer_key) const override {
    return crl_->find(serial, issuer_key);
  }

 private:
  CrlPtr crl_;
  CrlHead head_;
};

bool names_url(const x509::IssuingDistributionPoint& point, std::string_view url) {
  if (!point.name) return true;
  return std::ranges::any_of(point.name->full_name, [&](const x509::GeneralName& name) {
    return name.type == x509::GeneralNameType::uri && equal_ignoring_case(as_text(name.value), url);
  });
}

}  // namespace

RevocationClient::RevocationClient(const Sources& sources, Terms terms)
    : sources_(sources),
      terms_(std::move(terms)),
      networks_(terms_.profile.private_networks),
      begun_(steady_clock::now()),
      deadline_(begun_ + terms_.profile.total_time),
      ocsp_deadline_(begun_ + terms_.profile.total_time / 2) {}

// One certificate.
class RevocationClient::Work {
 public:
  Work(RevocationClient& client, const RevocationQuery& query, bool is_responder = false)
      : client_(client),
        sources_(client.sources_),
        profile_(client.terms_.profile),
        query_(query),
        certificate_(*query.path[query.index]),
        issuer_(query.path[query.index + 1]),
        is_responder_(is_responder) {
    check_.certificate = query.index;
    check_.subject = certificate_.subject_text();
    check_.issuer = certificate_.issuer_text();
    check_.serial = x509::serial_to_text(certificate_.view().serial);
    record_.certificate = query.index;
  }

  RevocationRecord run() {
    if (profile_.crl.urls == UrlSource::trust_list)
      by_trust_list();
    else
      by_certificate();
    return std::move(record_);
  }
  Check take_check() {
    if (check_.status != Check::Status::not_checked)
      check_.status = record_status_ == RevocationStatus::good      ? Check::Status::good
                      : record_status_ == RevocationStatus::revoked ? Check::Status::revoked
                                                                    : Check::Status::unknown;
    return std::move(check_);
  }

 private:
  // ---- The record

  void add(FindingId id, std::vector<Finding::Parameter> parameters) {
    add({id, static_cast<int>(query_.index), std::move(parameters)});
  }
  void add(Finding finding) {
    finding.certificate = static_cast<int>(query_.index);
    if (std::ranges::find(findings_, finding) == findings_.end()) findings_.push_back(std::move(finding));
  }
  Step& step(std::string what, std::string url, std::string outcome) {
    check_.steps.push_back({.what = std::move(what), .url = std::move(url), .outcome = std::move(outcome)});
    return check_.steps.back();
  }
  void tell(Step& step, const CrlHead& head) const {
    step.number = head.number ? (head.number->empty() ? "00" : to_hex(*head.number)) : "";
    step.this_update = head.view.this_update;
    step.next_update = head.view.next_update;
    step.age = query_.now - head.view.this_update;
  }

  // Takes over what was decided; findings of what failed before stay, the first reason first.
  void conclude(RevocationRecord record) {
    record.certificate = query_.index;
    const bool decided = record.status != RevocationStatus::unknown;
    for (Finding& finding : record.findings) add(std::move(finding));
    record.findings = std::move(findings_);
    check_.findings = record.findings;
    if (decided && record.status == RevocationStatus::good)
      std::erase_if(record.findings,
                    [](const Finding& one) { return severity_of(one) == validate::Severity::error; });
    check_.revoked_at = record.revoked_at;
    check_.unseen_until = record.unseen_until;
    if (record.reason) check_.reason = x509::to_string(*record.reason);
    record_ = std::move(record);
    record_status_ = record_.status;
  }

  void conclude_unknown() {
    RevocationRecord record;
    if (!validate::has_error(findings_))
      add(FindingId::revocation_unknown, {{"name", certificate_.subject_text()}});
    conclude(std::move(record));
  }

  void not_checked(std::string why) {
    step("policy", "", why).good = true;
    check_.status = Check::Status::not_checked;
    check_.reason = std::move(why);
    RevocationRecord record;
    record.status = RevocationStatus::good;
    conclude(std::move(record));
    check_.reason = check_.steps.back().outcome;
  }

  // ---- CRLs of the trust list (the profile `cba`)

  void by_trust_list() {
    const TrustedIssuer* entry = client_.terms_.trust->find(*issuer_);
    if (const Exemption* exemption = exemption_of(profile_, *issuer_, query_.now)) {
      const std::string until = exemption->until ? "until " + format_time(*exemption->until) : "for ever";
      client_.notes_.push_back(fmt::format("CA '{}' is exempt from CRL checks {}{}{}",
                                           issuer_->subject_text(), until,
                                           exemption->reason.empty() ? "" : ": ", exemption->reason));
      return not_checked(fmt::format("the CA is exempt {}", until));
    }
    const std::string base_url = entry != nullptr ? entry->base_url : "";
    const std::string delta_url = entry != nullptr ? entry->delta_url : "";
    if (base_url.empty() && !delta_url.empty()) {
      add(FindingId::crl_delta_without_base, {{"name", issuer_->subject_text()}});
      return conclude_unknown();
    }
    if (base_url.empty()) {
      if (!profile_.crl.require || query_.index != 0) return not_checked("no CRL is configured for the CA");
      add(FindingId::crl_required, {{"name", issuer_->subject_text()}});
      return conclude_unknown();
    }
    by_configured(base_url, delta_url);
  }

  void by_configured(const std::string& base_url, const std::string& delta_url) {
    CrlPtr base = obtain(base_url, "crl");
    CrlPtr delta = base && !delta_url.empty() ? obtain(delta_url, "delta") : nullptr;
    if (delta && !agree(base_url, base, delta_url, delta)) delta = nullptr;
    // What a CRL proves that has expired stays proved; nothing else of it counts.
    std::vector<CrlPtr> crls = base ? std::vector{base} : expired(base_url);
    const bool incomplete = !base || (!delta && !delta_url.empty());
    if (delta) crls.push_back(delta);
    RevocationRecord record =
        evaluate(localised(std::move(crls), base_url),
                 {.deltas = validate::DeltaRule::use, .require_next_update = true, .max_age = std::nullopt});
    if (incomplete && record.status == RevocationStatus::good) record.status = RevocationStatus::unknown;
    if (record.status == RevocationStatus::unknown && !validate::has_error(findings_)) explain_scope(record);
    if (record.status == RevocationStatus::unknown && validate::has_error(findings_)) record.findings.clear();
    conclude(std::move(record));
  }

  // Base and delta that are both valid, but not for each other: the one that is behind is fetched once more.
  // False: they do not go together.
  bool agree(const std::string& base_url, CrlPtr& base, const std::string& delta_url, CrlPtr& delta) {
    if (fault_of_pair(base->head(), delta->head()).empty()) return true;
    const bool base_behind = less(*base->head().number, *delta->head().delta_base);
    if (base_behind) {
      if (CrlPtr newer = fetch(base_url, "crl", base->head().fingerprint)) base = std::move(newer);
    } else if (CrlPtr newer = fetch(delta_url, "delta", delta->head().fingerprint)) {
      delta = std::move(newer);
    }
    const std::string fault = fault_of_pair(base->head(), delta->head());
    if (fault.empty()) return true;
    add(FindingId::crl_wrong_segment, {{"type", "delta"}, {"reason", fault}});
    return false;
  }

  // A delta that is older than the base says nothing new, but it does no harm (check_crls passes it over).
  static std::string fault_of_pair(const CrlHead& base, const CrlHead& delta) {
    if (delta.issuer_key != base.issuer_key ||
        delta.authority_key_identifier != base.authority_key_identifier)
      return "the delta is of another issuer or key than the base";
    if (delta.distribution_point != base.distribution_point)
      return "the delta has another scope than the base";
    if (less(*base.number, *delta.delta_base))
      return fmt::format("the delta continues number {}, and the base has {}", to_hex(*delta.delta_base),
                         to_hex(*base.number));
    return {};
  }

  // The scope of a CRL of the trust list is that of its URL, where the certificate names no distribution
  // point.
  std::vector<CrlPtr> localised(std::vector<CrlPtr> crls, const std::string& url) const {
    if (certificate_.view().find(oid::kCrlDistributionPoints) != nullptr) return crls;
    for (CrlPtr& crl : crls) {
      const auto& point = crl->head().distribution_point;
      if (point && point->name && names_url(*point, url))
        crl = std::make_shared<CrlOfConfiguredUrl>(std::move(crl));
    }
    return crls;
  }

  // That a CRL is for others is a notice of validation; here it is the reason.
  void explain_scope(const RevocationRecord& record) {
    for (const Finding& finding : record.findings) {
      if (finding.id != FindingId::crl_scope) continue;
      const auto reason = std::ranges::find(finding.parameters, "reason", &Finding::Parameter::first);
      add(FindingId::crl_wrong_segment,
          {{"type", "base"}, {"reason", reason == finding.parameters.end() ? "" : reason->second}});
    }
  }

  // ---- What the certificate names (the profile `logon`)

  void by_certificate() {
    if (profile_.ocsp.use && !is_responder_ && answer_is_at_hand()) return;
    if (cached_crls_decide()) return;
    const bool crl_first = profile_.ocsp.use && !is_responder_ &&
                           sources_.answers.count_of(*issuer_) > profile_.ocsp.prefer_crl_above;
    if (crl_first && crls_decide()) return;
    if (profile_.ocsp.use && !is_responder_ && responders_decide()) return;
    if (!crl_first && crls_decide()) return;
    // An expired CRL still proves what it lists.
    RevocationRecord record = evaluate(all_of_issuers(), rules());
    if (record.status == RevocationStatus::good) record.status = RevocationStatus::unknown;
    if (record.status == RevocationStatus::unknown && !validate::has_error(findings_)) explain_scope(record);
    if (record.status == RevocationStatus::unknown && validate::has_error(findings_)) record.findings.clear();
    if (record.status == RevocationStatus::unknown && record.findings.empty()) return conclude_unknown();
    conclude(std::move(record));
  }

  validate::CrlRules rules() const {
    return {.deltas = profile_.crl.deltas, .require_next_update = true, .max_age = std::nullopt};
  }

  // Its own issuer, and CRL issuers that the certificate's distribution points name.
  std::vector<std::string> crl_issuers() const {
    std::vector<std::string> keys = validate::other_crl_issuers(certificate_);
    if (keys.size() > kMaxCrlUrls) keys.resize(kMaxCrlUrls);
    keys.insert(keys.begin(), certificate_.issuer_key());
    return keys;
  }
  std::vector<CrlPtr> all_of_issuers() const {
    std::vector<CrlPtr> out;
    for (const std::string& key : crl_issuers())
      for (const CachedCrl& one : sources_.crls->of_issuer(key)) out.push_back(one.crl);
    return out;
  }

  bool is_fresh(const CachedCrl& cached) const {
    return is_valid(cached.crl->head()) && cached.fetched_at >= client_.terms_.resync;
  }
  bool is_valid(const CrlHead& head) const {
    return head.view.this_update <= query_.now && head.view.next_update &&
           *head.view.next_update > query_.now;
  }

  // Valid CRLs that are cached, whatever URL they came from: no network.
  std::vector<CachedCrl> cached_valid() const {
    std::vector<CachedCrl> out;
    for (const std::string& key : crl_issuers())
      for (CachedCrl& one : sources_.crls->of_issuer(key))
        if (is_fresh(one)) out.push_back(std::move(one));
    std::ranges::partition(out, [](const CachedCrl& one) { return !one.crl->head().delta_base; });
    return out;
  }
  static std::vector<CrlPtr> crls_of(const std::vector<CachedCrl>& cached) {
    std::vector<CrlPtr> out;
    for (const CachedCrl& one : cached) out.push_back(one.crl);
    return out;
  }

  bool cached_crls_decide() {
    const std::vector<CachedCrl> cached = cached_valid();
    if (cached.empty()) return false;
    RevocationRecord record = evaluate(crls_of(cached), rules());
    if (record.status == RevocationStatus::unknown) return false;
    for (const CachedCrl& one : cached) {
      if (!was_used(record, one.crl->head())) continue;
      Step& told = step(one.crl->head().delta_base ? "delta" : "crl", one.url, "valid");
      told.good = told.cached = true;
      told.octets = one.octets;
      tell(told, one.crl->head());
      note_used(one, one.crl->head().delta_base.has_value());
    }
    conclude(std::move(record));
    return true;
  }
  static bool was_used(const RevocationRecord& record, const CrlHead& head) {
    return std::ranges::any_of(record.steps, [&](const validate::RevocationStep& one) {
      return one.outcome == "used" && one.this_update == head.view.this_update &&
             (one.what == "delta") == head.delta_base.has_value() &&
             one.number == (head.number ? to_hex(*head.number) : "");
    });
  }

  // The CDP URLs in order, until what was gathered decides.
  bool crls_decide() {
    std::vector<CrlPtr> gathered = crls_of(cached_valid());
    const std::vector<std::string> urls = urls_of(certificate_.view().find(oid::kCrlDistributionPoints));
    for (const std::string& url : urls) {
      const auto asked = place_of(url, "crl");
      CrlPtr base = asked ? obtain(*asked, "crl") : nullptr;
      if (!base) continue;
      gathered.push_back(base);
      if (decides(gathered, urls_of(certificate_.view().find(oid::kFreshestCrl)), *base)) return true;
    }
    return false;
  }

  bool decides(std::vector<CrlPtr>& gathered, std::vector<std::string> delta_urls,
               const validate::Crl& base) {
    RevocationRecord record = evaluate(gathered, rules());
    const bool wants_delta = std::ranges::find(record.findings, FindingId::crl_delta_missing, &Finding::id) !=
                             record.findings.end();
    if (record.status == RevocationStatus::unknown && wants_delta) {
      for (std::string& url : urls_of(base.head().view.find(oid::kFreshestCrl)))
        if (std::ranges::find(delta_urls, url) == delta_urls.end()) delta_urls.push_back(std::move(url));
      for (const std::string& url : delta_urls) {
        const auto asked = place_of(url, "delta");
        CrlPtr delta = asked ? obtain(*asked, "delta") : nullptr;
        if (!delta) continue;
        gathered.push_back(std::move(delta));
        record = evaluate(gathered, rules());
        if (record.status != RevocationStatus::unknown) break;
      }
    }
    if (record.status == RevocationStatus::unknown) return false;
    conclude(std::move(record));
    return true;
  }

  // Where a location that a certificate or CRL names leads; nothing: nobody is asked, and the record says
  // why.
  std::optional<std::string> place_of(const std::string& location, const std::string& what) {
    if (can_be_asked(location)) return location;
    const std::string& directory = profile_.crl.directory;
    const bool in_directory = location.starts_with(kLdapNowhere);
    if (in_directory && !directory.empty())
      return fmt::format("ldap://{}{}", directory, location.substr(kLdapNowhere.size() - 1));
    step(what, location, "not asked");
    add(FindingId::crl_location,
        {{"uri", location},
         {"reason", in_directory ? "it names no server, and the profile has none (crl.directory)"
                                 : "only http, https and ldap are asked"}});
    return std::nullopt;
  }
  bool is_in_directory(std::string_view url) const {
    const std::string& directory = profile_.crl.directory;
    return !directory.empty() && url.starts_with(fmt::format("ldap://{}/", directory));
  }

  // ---- CRLs, one URL at a time

  // The signers are known before anything is asked about others: validation has them ready.
  RevocationRecord evaluate(const std::vector<CrlPtr>& crls, const validate::CrlRules& crl_rules) {
    return validate::check_crls(query_, crls, crl_rules);
  }

  DownloadOrder order(const std::string& url, bool delta, Bytes seen) const {
    DownloadOrder out;
    out.url = url;
    out.settings = profile_.crl;
    out.proxy = profile_.proxy;
    if (profile_.crl.urls == UrlSource::certificate && !is_in_directory(url))
      out.networks = client_.networks_;
    out.seen = to_buffer(seen);
    out.offer.algorithms = profile_.path.algorithms;
    out.offer.need_key_identifier = profile_.crl.need_key_identifier;
    for (const std::string& key : crl_issuers())
      for (CertificatePtr& one : query_.signers.named(key)) out.offer.signers.push_back(std::move(one));
    const bool whole = profile_.crl.urls == UrlSource::trust_list;
    out.offer.objection = [delta, whole](const CrlHead& head) { return objection(head, delta, whole); };
    return out;
  }

  // What is wrong with a CRL at the place where it is. `whole`: it must cover everything of its issuer by
  // itself.
  static std::optional<Finding> objection(const CrlHead& head, bool delta, bool whole) {
    const auto wrong = [&](FindingId id, std::vector<Finding::Parameter> parameters) {
      return Finding{id, validate::kWholePath, std::move(parameters)};
    };
    if (delta != head.delta_base.has_value())
      return wrong(FindingId::crl_wrong_segment,
                   {{"type", delta ? "delta" : "base"},
                    {"reason", delta ? "it is a whole CRL" : "it is a delta CRL"}});
    if (!head.view.next_update) return wrong(FindingId::crl_without_end, {{"issuer", head.issuer_text}});
    const auto& point = head.distribution_point;
    if (whole && point && (point->indirect_crl || point->only_some_reasons))
      return wrong(FindingId::crl_unusable,
                   {{"issuer", head.issuer_text},
                    {"reason", point->indirect_crl ? "it is indirect" : "it is for some reasons only"}});
    return std::nullopt;
  }

  // What is worth fetching ahead. On the way of every decision: the order is made once for each CRL.
  void note_used(const CachedCrl& cached, bool delta) const {
    const bool announced = cached.crl->head().view.find(oid::kMsNextPublish) != nullptr;
    if (!profile_.crl.prefetch || !announced || cached.url.empty() || sources_.is_noted(cached)) return;
    sources_.on_used(order(cached.url, delta, {}), cached);
  }

  // Whether a cached CRL from this URL is what is wanted there: the URL may have changed hands.
  bool suits(const CrlHead& head, bool delta) const {
    const auto issuers = crl_issuers();
    return head.delta_base.has_value() == delta &&
           std::ranges::find(issuers, head.issuer_key) != issuers.end();
  }

  // The valid CRL of a URL, from the cache or fetched; null: the findings say why.
  CrlPtr obtain(const std::string& url, const std::string& what) {
    const bool delta = what == "delta";
    const auto cached = sources_.crls->from_url(url);
    if (cached && is_fresh(*cached) && suits(cached->crl->head(), delta)) {
      Step& told = step(what, url, "valid");
      told.good = told.cached = true;
      told.octets = cached->octets;
      tell(told, cached->crl->head());
      note_used(*cached, delta);
      return cached->crl;
    }
    return fetch(url, what, cached ? Bytes(cached->crl->head().fingerprint) : Bytes());
  }

  CrlPtr fetch(const std::string& url, const std::string& what, Bytes seen) {
    const DownloadOrder wanted = order(url, what == "delta", seen);
    Downloaded got = sources_.downloads.get(wanted, client_.deadline_);
    Step& told = step(what, url, got.outcome);
    told.status = got.status;
    told.octets = got.octets;
    told.taken = got.taken;
    told.cached = !got.asked && got.crl.has_value();
    if (got.finding) add(std::move(*got.finding));
    if (!got.crl) return nullptr;
    const CrlHead& head = got.crl->crl->head();
    tell(told, head);
    if (!is_valid(head)) {
      told.outcome += head.view.this_update > query_.now ? ", not valid yet" : ", expired";
      add(head.view.this_update > query_.now ? FindingId::crl_not_yet_valid : FindingId::crl_expired,
          {{"issuer", head.issuer_text},
           {"time", format_time(head.view.this_update > query_.now
                                    ? head.view.this_update
                                    : head.view.next_update.value_or(head.view.this_update))}});
      return nullptr;
    }
    told.good = true;
    note_used(*got.crl, what == "delta");
    return got.crl->crl;
  }

  // What is cached from a URL although it has expired.
  std::vector<CrlPtr> expired(const std::string& url) const {
    const auto cached = sources_.crls->from_url(url);
    return cached ? std::vector{cached->crl} : std::vector<CrlPtr>{};
  }

  // ---- OCSP

  OcspQuestion question(std::string url) const {
    return {certificate_, issuer_, query_.now, std::move(url), std::nullopt};
  }
  OcspReading read(Bytes der, const OcspQuestion& asked) {
    return read_ocsp_answer(*sources_.provider, der, asked, profile_.ocsp, profile_.path.algorithms,
                            profile_.ocsp.check_responder ? CheckResponder([this](const CertificatePtr& one) {
                              return check_responder(one);
                            })
                                                          : CheckResponder());
  }

  // RFC 6960 4.2.2.2.1: without nocheck the responder's own certificate is looked up, in CRLs only, so that
  // responders do not vouch for each other. A CA that names no CRL for it leaves that to us.
  Status check_responder(const CertificatePtr& responder) {
    if (responder->view().find(oid::kCrlDistributionPoints) == nullptr) return ok();
    std::vector<CertificatePtr> path{responder};
    path.insert(path.end(), query_.path.begin() + static_cast<std::ptrdiff_t>(query_.index) + 1,
                query_.path.end());
    Work work(client_, RevocationQuery{path, 0, query_.now, query_.signers}, true);
    const RevocationRecord record = work.run();
    Check done = work.take_check();
    for (Step& one : done.steps) {
      one.what += " of the responder";
      check_.steps.push_back(std::move(one));
    }
    if (record.status == RevocationStatus::good) return ok();
    return make_error(Errc::denied, "the responder's certificate is {}",
                      record.status == RevocationStatus::revoked ? "revoked" : "of unknown status");
  }

  // Stapled or cached: no network. A valid CRL that is cached too and says revoked wins.
  bool answer_is_at_hand() {
    std::optional<OcspAnswer> answer;
    if (query_.index == 0 && client_.terms_.stapled && !is_responder_) answer = stapled_answer();
    if (!answer) answer = cached_answer();
    if (!answer) return false;
    if (!answer->revoked) {
      const RevocationRecord record = evaluate(crls_of(cached_valid()), rules());
      if (record.status == RevocationStatus::revoked) return false;  // cached_crls_decide tells it
    }
    conclude(*answer);
    return true;
  }

  std::optional<OcspAnswer> stapled_answer() {
    const Buffer& der = *client_.terms_.stapled;
    OcspReading reading =
        der.size() > profile_.ocsp.size
            ? OcspReading{std::nullopt, Finding{FindingId::ocsp_unusable,
                                                validate::kWholePath,
                                                {{"uri", "the peer"}, {"reason", "too large"}}}}
            : read(der, question(""));
    tell_answer("staple", "", reading, der.size()).cached = true;
    return reading.answer;
  }

  std::optional<OcspAnswer> cached_answer() {
    auto entry = sources_.answers.find(certificate_, *issuer_);
    if (!entry) {
      const auto der = sources_.answers.from_folder(certificate_, *issuer_);
      if (!der) return std::nullopt;
      const OcspReading reading = read(*der, question(""));
      if (!reading.answer) return std::nullopt;
      entry = OcspCache::Entry{*reading.answer, "", reading.answer->this_update, der->size()};
      sources_.answers.put(certificate_, *issuer_, *der, *entry);
    }
    if (entry->answer.good_until <= query_.now || entry->fetched_at < client_.terms_.resync)
      return std::nullopt;
    tell_answer("ocsp", entry->url, {entry->answer, std::nullopt}, entry->octets).cached = true;
    return entry->answer;
  }

  Step& tell_answer(std::string what, std::string url, const OcspReading& reading, std::size_t octets) {
    Step& told = step(std::move(what), std::move(url),
                      reading.answer ? (reading.answer->revoked ? "revoked" : "good")
                                     : validate::message_of(*reading.finding));
    told.octets = octets;
    told.good = reading.answer.has_value();
    if (reading.finding) add(*reading.finding);
    if (!reading.answer) return told;
    told.this_update = reading.answer->this_update;
    told.next_update = reading.answer->next_update;
    told.age = query_.now - reading.answer->this_update;
    return told;
  }

  void conclude(const OcspAnswer& answer) {
    RevocationRecord record;
    record.status = answer.revoked ? RevocationStatus::revoked : RevocationStatus::good;
    record.reason = answer.reason;
    record.revoked_at = answer.revoked_at;
    record.unseen_until = answer.good_until;
    record.steps.push_back({"ocsp", "", "used", "", answer.this_update, answer.next_update});
    conclude(std::move(record));
  }

  bool responders_decide() {
    for (const std::string& url : ocsp_urls_of(certificate_)) {
      const auto left =
          std::chrono::duration_cast<milliseconds>(client_.ocsp_deadline_ - steady_clock::now());
      if (left.count() <= 0) {
        step("ocsp", url, "not asked: the time for OCSP is over");
        return false;
      }
      if (ask(url, std::min(left, profile_.ocsp.time))) return true;
    }
    return false;
  }

  bool ask(const std::string& url, milliseconds patience) {
    OcspQuestion asked = question(url);
    if (profile_.ocsp.nonce || profile_.ocsp.need_nonce) {
      asked.nonce.emplace(32);  // RFC 9654 2.1
      sources_.provider->random(*asked.nonce);
    }
    net::FetchRequest request;
    request.url = url;
    request.method = "POST";
    request.content_type = "application/ocsp-request";
    request.body = as_text(make_ocsp_request(*sources_.provider, asked));
    request.most = profile_.ocsp.size;
    request.total_time = request.connect_time = patience;
    if (!client_.networks_.allow_all() && profile_.proxy.empty())
      request.may_connect = [this](const net::Address& address) { return client_.networks_.allow(address); };
    const auto begun = steady_clock::now();
    const auto response = sources_.downloads.fetcher(profile_.proxy).fetch(request);
    const auto taken = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun);
    const auto failed = [&](std::string reason, unsigned status) {
      Step& told = step("ocsp", url, reason);
      told.taken = taken;
      told.status = status;
      add(FindingId::ocsp_unreachable, {{"uri", url}, {"reason", std::move(reason)}});
      return false;
    };
    if (!response) return failed(std::string(response.error().message()), 0);
    if (response->status != 200)
      return failed(fmt::format("the server answers {}", response->status), response->status);
    const OcspReading reading = read(response->body, asked);
    Step& told = tell_answer("ocsp", url, reading, response->body.size());
    told.taken = taken;
    told.status = response->status;
    if (!reading.answer) return false;
    // Only what was read and verified is kept, never an error page (dotnet/runtime #89907).
    sources_.answers.put(certificate_, *issuer_, response->body,
                         {*reading.answer, url, query_.now, response->body.size()});
    conclude(*reading.answer);
    return true;
  }

  RevocationClient& client_;
  const Sources& sources_;
  const Profile& profile_;
  const RevocationQuery query_;
  const Certificate& certificate_;
  const CertificatePtr& issuer_;
  const bool is_responder_;
  Check check_;
  RevocationRecord record_;
  RevocationStatus record_status_ = RevocationStatus::unknown;
  std::vector<Finding> findings_;
};

RevocationRecord RevocationClient::check(const RevocationQuery& query) {
  std::string key(as_text(query.path[query.index]->fingerprint()));
  key += as_text(query.path[query.index + 1]->fingerprint());
  if (const auto known = known_.find(key); known != known_.end()) {
    RevocationRecord record = known->second;
    record.certificate = query.index;
    return record;
  }
  Work work(*this, query);
  RevocationRecord record = work.run();
  checks_.push_back(work.take_check());
  known_.emplace(std::move(key), record);
  return record;
}

}  // namespace vouch::relying
