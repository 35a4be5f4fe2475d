#include "api/distribution.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "cms/signed_data.hpp"
#include "net/url.hpp"
#include "x509/crl.hpp"

namespace vouch::api {
namespace {

using Item = Distribution::Item;
using Table = Distribution::Table;

std::int64_t unix_seconds(Time time) { return time.time_since_epoch().count(); }

// The decoded path of an http or https URL; nothing for any other. Host and port are not looked at: a proxy
// or load balancer before the service has names of its own.
std::optional<std::string> path_of(std::string_view url) {
  const std::size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  const std::size_t slash = scheme == 0 ? std::string_view::npos : url.find('/', scheme);
  if (slash == std::string_view::npos) return std::nullopt;
  url.remove_prefix(slash);
  auto path = net::percent_decode(url.substr(0, url.find_first_of("?#")));
  if (!path) return std::nullopt;
  return std::move(*path);
}

// The index in a path that %4 or %8 ended with "(n)"; 0 without one, as AD CS names the first.
std::uint16_t index_in(std::string_view path) {
  const std::size_t close = path.rfind(')');
  const std::size_t open = path.rfind('(', close);
  std::uint16_t index = 0;
  if (close == std::string_view::npos || open == std::string_view::npos) return 0;
  const auto [end, error] = std::from_chars(path.data() + open + 1, path.data() + close, index);
  return error == std::errc() && end == path.data() + close ? index : std::uint16_t{0};
}

bool ends_like(std::string_view path, std::string_view suffix) {
  return path.size() >= suffix.size() && net::equal_names(path.substr(path.size() - suffix.size()), suffix);
}

// Both answers about some octets. `fields` say how long they may be kept.
std::shared_ptr<const Item> make_item(std::string identity, Bytes digest, Time modified,
                                      std::string content_type, net::Body body,
                                      std::vector<std::pair<std::string, std::string>> fields) {
  auto item = std::make_shared<Item>();
  item->identity = std::move(identity);
  item->etag = fmt::format("\"{}\"", to_hex(digest.first(std::min<std::size_t>(16, digest.size()))));
  item->last_modified = unix_seconds(modified);
  fields.emplace_back("ETag", item->etag);
  fields.emplace_back("Last-Modified", net::format_http_date(item->last_modified));
  // RFC 9110 15.4.5: a 304 carries what the 200 would say about caching, and no content.
  item->unchanged =
      net::prepare({.status = 304, .content_type = {}, .body = {}, .fields = fields, .notes = {}});
  item->whole = net::prepare({.status = 200,
                              .content_type = std::move(content_type),
                              .body = std::move(body),
                              .fields = std::move(fields),
                              .notes = {}});
  return item;
}

// The table of one state of the database.
class TableMaker {
 public:
  TableMaker(const ca::Environment& environment, const Table& before)
      : environment_(environment), before_(before) {
    for (const auto& [path, item] : before) known_.emplace(item->identity, item);
  }

  Status run() {
    const auto snapshot = environment_.database.snapshot();
    if (!snapshot) return keep_everything(snapshot.error());
    const auto authorities = (*snapshot)->authorities();
    if (!authorities) return keep_everything(authorities.error());
    for (const store::AuthorityRecord& record : *authorities)
      if (const Status added = add(**snapshot, record); !added) {
        fail(Error(added.error()).context(fmt::format("what CA '{}' distributes", record.name)));
        incomplete_ = true;
      }
    // What could not be looked at is answered as before; a CRL that is older than it could be is better than
    // none.
    if (incomplete_) table_.insert(before_.begin(), before_.end());
    return failure_ ? Status(*failure_) : ok();
  }
  Table take() { return std::move(table_); }

 private:
  using Paths = std::set<std::string>;
  // CRLs of this CA that replace one another.
  struct Series {
    std::uint16_t key_index = 0;
    bool delta = false;
    std::uint32_t shard = 0;  // 0: the complete list
    auto operator<=>(const Series&) const = default;
  };

  Status keep_everything(const Error& why) {
    table_ = before_;
    return why;
  }
  void fail(Error error) {
    if (!failure_) failure_ = std::move(error);
  }

  Status add(const store::Snapshot& snapshot, const store::AuthorityRecord& record) {
    record_ = &record;
    settings_ = TRY(ca::parse_settings(record.settings));
    generations_ = TRY(snapshot.key_generations(record.id));
    std::erase_if(generations_, [](const store::KeyGeneration& g) { return g.certificate.empty(); });
    if (generations_.empty()) return ok();
    TRY(collect_paths(snapshot));
    for (const auto& [series, paths] : by_owner(crl_paths_))
      if (Status added = add_crl(snapshot, series, paths); !added) {
        fail(std::move(added.error()));
        incomplete_ = true;
      }
    for (const auto& [index, paths] : by_owner(certificate_paths_)) add_certificate(index, paths);
    crl_paths_.clear();
    certificate_paths_.clear();
    return ok();
  }

  ca::LocationVariables variables(const store::KeyGeneration& generation, bool delta,
                                  std::uint32_t shard) const {
    return {settings_.dns_name,
            settings_.short_name,
            record_->name,
            generation.certificate_index,
            generation.key_index,
            delta,
            settings_.configuration_container,
            {},
            shard};
  }

  Status collect_paths(const store::Snapshot& snapshot) {
    // First what certificates carry since long ago, so that the locations of today win where both say
    // something about a path.
    for (const store::LocationSet& set : TRY(snapshot.location_sets(record_->id, environment_.clock.now())))
      if (set.id != 0) collect_old(TRY(ca::parse_issued_locations(set.text)));
    std::map<std::uint16_t, std::set<std::uint32_t>> shards;  // of each key; 0: the complete list
    for (const store::CarriedShard& carried : TRY(snapshot.carried_shards(record_->id))) {
      shards[carried.key_index].insert(carried.shard);
      for (const std::string& url : TRY(ca::parse_issued_locations(carried.locations)).cdp)
        if (const auto path = path_of(ca::with_shard(url, carried.shard)))
          crl_paths_[*path] = {carried.key_index, false, carried.shard};
    }
    if (settings_.crl_shards > 1)
      for (std::uint32_t shard = 1; shard <= settings_.crl_shards; ++shard)
        shards[generations_.back().key_index].insert(shard);
    for (const store::KeyGeneration& generation : generations_) {
      for (const std::uint32_t shard : shards[generation.key_index]) TRY(collect_crls(generation, shard));
      TRY(collect_crls(generation,
                       0));  // last: a location without a place for the shard is the complete list's
      for (const ca::Location& location : settings_.aia)
        if (location.flags & ca::add_to_certificate)
          if (const auto path = path_of(TRY(ca::expand(location, variables(generation, false, 0)))))
            certificate_paths_[*path] = generation.certificate_index;
    }
    return ok();
  }

  Status collect_crls(const store::KeyGeneration& generation, std::uint32_t shard) {
    constexpr std::uint32_t in_crl = ca::add_to_freshest_crl | ca::add_to_crl_cdp | ca::add_to_crl_idp;
    for (const ca::Location& location : settings_.cdp)
      for (const bool delta : {true, false})  // a path without %9 is that of the base
        if (location.flags & (delta ? in_crl : in_crl | ca::add_to_certificate))
          if (const auto path = path_of(TRY(ca::expand(location, variables(generation, delta, shard)))))
            crl_paths_[*path] = {generation.key_index, delta, shard};
    return ok();
  }

  // A set of old locations does not say whose they were; the suffix of %8 and %4 does.
  void collect_old(const ca::IssuedLocations& locations) {
    for (const std::string& url : locations.cdp)
      if (const auto path = path_of(url); path && !ca::is_of_any_shard(url))  // shards: see carried_shards
        crl_paths_[*path] = {index_in(*path), false, 0};
    for (const std::string& url : locations.aia)
      if (const auto path = path_of(url)) certificate_paths_[*path] = index_in(*path);
  }

  template <class Owner>
  static std::map<Owner, Paths> by_owner(const std::map<std::string, Owner>& owners) {
    std::map<Owner, Paths> paths;
    for (const auto& [path, owner] : owners) paths[owner].insert(path);
    return paths;
  }

  void place(const Paths& paths, const std::shared_ptr<const Item>& item) {
    for (const std::string& path : paths)
      if (const auto [there, placed] = table_.emplace(path, item); !placed)
        fail(make_error(Errc::conflict, "two CAs publish under the path {}; the first one is answered", path)
                 .with_hint("give their locations different paths: vouch location list"));
  }

  Status add_crl(const store::Snapshot& snapshot, const Series& series, const Paths& paths) {
    const auto newest =
        TRY(snapshot.newest_crls({record_->id, series.key_index, series.delta, series.shard}, 1));
    if (newest.empty() || paths.empty()) return ok();
    const store::CrlRecord& crl = newest.front();
    std::string identity = fmt::format("crl {} {}", crl.number, to_hex(crl.sha256));
    if (const auto known = known_.find(identity); known != known_.end()) {
      place(paths, known->second);
      return ok();
    }
    auto file = TRY(find_file(snapshot, crl));
    const std::string_view octets = as_text(file->bytes());
    // A date and no max-age: it stays right however long the answer has been waiting here (RFC 9111 5.3).
    place(paths, make_item(std::move(identity), crl.sha256, crl.this_update, "application/pkix-crl",
                           net::Body(octets, std::move(file)),
                           {{"Cache-Control", "public, no-transform"},
                            {"Expires", net::format_http_date(unix_seconds(crl.next_publish))}}));
    return ok();
  }

  // The CRL by its content, wherever it lies: files in published folders may be anybody's.
  Result<std::shared_ptr<const MappedFile>> find_file(const store::Snapshot& snapshot,
                                                      const store::CrlRecord& crl) const {
    std::vector<fs::path> places{environment_.home.folder() / crl.file};
    for (const store::CrlTarget& target :
         TRY(snapshot.crl_targets({record_->id, crl.key_index, crl.delta, crl.shard})))
      if (target.number == crl.number) places.emplace_back(target.target);
    std::optional<Error> why;
    for (const fs::path& place : places) {
      auto file = MappedFile::open(place);
      const Status good = file ? check(file->bytes(), crl) : Status(file.error());
      if (good) return std::make_shared<const MappedFile>(std::move(*file));
      why = Error(good.error()).context(fmt::format("reading CRL {} in {}", crl.number, place.string()));
    }
    return std::move(*why);
  }

  Status check(Bytes octets, const store::CrlRecord& crl) const {
    if (environment_.provider.digest(crypto::DigestAlgorithm::sha256, octets) != crl.sha256)
      return make_error(Errc::conflict, "the file is not CRL {} as it was published", crl.number)
          .with_hint("publish a new one: vouch crl publish");
    const auto view = TRY(x509::parse_crl(octets));
    const auto key = std::ranges::find(generations_, crl.key_index, &store::KeyGeneration::key_index);
    if (key == generations_.end()) return make_error(Errc::not_found, "there is no key {}", crl.key_index);
    return environment_.provider
        .verify(key->public_key_info, TRY(x509::parse_signature_algorithm(view.signature_algorithm)),
                view.tbs, view.signature)
        .context("checking the signature of CRL {}", crl.number);
  }

  void add_certificate(std::uint16_t index, const Paths& paths) {
    const auto generation = std::ranges::find(generations_, index, &store::KeyGeneration::certificate_index);
    if (generation == generations_.end()) return;
    for (const std::string& path : paths) {
      const bool several = ends_like(path, ".p7c") || ends_like(path, ".p7b");
      place({path}, certificate_item(*generation, several));
    }
  }

  // RFC 5280 4.2.2.1: one certificate in DER, or a certs-only CMS message.
  std::shared_ptr<const Item> certificate_item(const store::KeyGeneration& generation, bool several) const {
    Buffer content = generation.certificate;
    if (several) {
      std::vector<Bytes> certificates{generation.certificate};
      certificates.insert(certificates.end(), generation.chain.begin(), generation.chain.end());
      content = cms::encode_certificates_only(certificates);
    }
    const Buffer digest = environment_.provider.digest(crypto::DigestAlgorithm::sha256, content);
    std::string identity = fmt::format("certificate {}", to_hex(digest));
    if (const auto known = known_.find(identity); known != known_.end()) return known->second;
    return make_item(std::move(identity), digest, generation.created_at,
                     several ? "application/pkcs7-mime; smime-type=certs-only" : "application/pkix-cert",
                     net::Body(content), {{"Cache-Control", "public, no-transform, max-age=86400"}});
  }

  const ca::Environment& environment_;
  const Table& before_;
  std::map<std::string, std::shared_ptr<const Item>, std::less<>> known_;  // by identity
  Table table_;
  std::optional<Error> failure_;
  bool incomplete_ = false;
  // Of the CA that is being looked at.
  const store::AuthorityRecord* record_ = nullptr;
  ca::AuthoritySettings settings_;
  std::vector<store::KeyGeneration> generations_;
  // A path has one content: whoever claims it last, of a location without %8 the newest key.
  std::map<std::string, Series> crl_paths_;
  std::map<std::string, std::uint16_t> certificate_paths_;  // certificate index
};

}  // namespace

std::shared_ptr<const Table> Distribution::table() const {
  const std::lock_guard lock(guards_table_);
  return table_;
}

Status Distribution::refresh() {
  const std::lock_guard alone(one_refresh_);
  const auto before = table();
  TableMaker maker(service_.environment, *before);
  Status status = maker.run();
  auto after = std::make_shared<const Table>(maker.take());
  {
    const std::lock_guard lock(guards_table_);
    table_.swap(after);
  }
  return status;  // the old table, and maps that nobody sends any more, go here and not under the lock
}

net::Prepared Distribution::answer(const net::Request& request) const {
  const auto path = net::percent_decode(request.path);
  const auto now = table();
  const auto found = path ? now->find(*path) : now->end();
  if (found == now->end()) return nothing_;
  const Item& item = *found->second;
  return net::is_unchanged(request, item.etag, item.last_modified) ? item.unchanged : item.whole;
}

std::vector<net::Route> distribution_routes(std::shared_ptr<const Distribution> distribution) {
  std::vector<net::Route> routes;
  routes.push_back({.path = "/",
                    .methods = {net::Method::get},
                    .handler = net::AnswerNow([distribution = std::move(distribution)](
                                                  const net::Request& r) { return distribution->answer(r); }),
                    .match = net::Route::Match::prefix,
                    .name = "distribution"});
  return routes;
}

}  // namespace vouch::api
