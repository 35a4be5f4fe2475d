#include "diagnose/hierarchy.hpp"

#include <algorithm>
#include <set>

#include "ca/keys/service_keys.hpp"
#include "ca/settings/location_usage.hpp"
#include "revocation/crl_extensions.hpp"
#include "x509/certificate.hpp"

namespace vouch::diagnose {
namespace {

constexpr std::size_t kMostPages = 5;  // of certificates that are searched for one of this key

std::string subject_text(Bytes der) {
  const auto view = x509::parse_certificate(der);
  auto text = view ? x509::to_rfc4514(view->subject) : Result<std::string>(view.error());
  return text ? std::move(*text) : std::string("a CA whose name cannot be read");
}

// The URLs that a certificate names.
Result<std::vector<std::pair<LocationKind, std::string>>> urls_in(const x509::CertificateView& certificate) {
  std::vector<std::pair<LocationKind, std::string>> urls;
  const auto points = [&](const x509::Oid& id, LocationKind kind) -> Status {
    if (const auto* extension = certificate.find(id))
      for (std::string& url : x509::uris_of(TRY(x509::parse_distribution_points(extension->value))))
        urls.emplace_back(kind, std::move(url));
    return ok();
  };
  TRY(points(x509::oid::kCrlDistributionPoints, LocationKind::cdp));
  TRY(points(x509::oid::kFreshestCrl, LocationKind::delta));
  if (const auto* extension = certificate.find(x509::oid::kAuthorityInfoAccess))
    for (const auto& access : TRY(x509::parse_info_access(extension->value)))
      if (access.location.type == x509::GeneralNameType::uri)
        urls.emplace_back(access.method == x509::oid::kAdOcsp ? LocationKind::ocsp : LocationKind::aia,
                          as_text(access.location.value));
  return urls;
}

class HierarchyReader {
 public:
  HierarchyReader(const store::Snapshot& snapshot, Time now) : snapshot_(snapshot), now_(now) {}

  Result<std::vector<Node>> run(std::string_view only) {
    for (const store::AuthorityRecord& record : TRY(snapshot_.authorities()))
      TRY(add_own(record).context("reading what CA '{}' names", record.name));
    for (std::size_t i = 0, own = nodes_.size(); i < own; ++i) TRY(add_parents(i));
    return in_order(only);
  }

 private:
  // --- the CAs of the home ---

  Status add_own(const store::AuthorityRecord& record) {
    Node node;
    node.name = record.name;
    node.kind = store::to_string(record.kind);
    node.settings = TRY(ca::parse_settings(record.settings));
    for (store::KeyGeneration& generation : TRY(snapshot_.key_generations(record.id)))
      if (!generation.certificate.empty()) node.generations.push_back(std::move(generation));
    all_generations_.push_back(node.generations);
    node.record = record;
    if (!node.generations.empty()) {
      const std::uint16_t newest = node.generations.back().certificate_index;
      std::erase_if(node.generations, [&](const store::KeyGeneration& generation) {
        const auto view = x509::parse_certificate(generation.certificate);
        return generation.certificate_index != newest && view && view->not_after < now_;
      });
      node.lists = TRY(revocation::crl_lists(snapshot_, record, node.settings, node.generations, now_));
      TRY(add_places(node));
    }
    nodes_.push_back(std::move(node));
    return ok();
  }

  Status add_places(Node& node) {
    for (const store::KeyGeneration& generation : node.generations) {
      for (const ca::Location& location : node.settings.cdp) {
        if (location.flags & ca::add_to_certificate)
          TRY(add_lists(node, LocationKind::cdp, location, generation));
        if (location.flags & ca::add_to_freshest_crl && revocation::deltas_on(node.settings))
          TRY(add_lists(node, LocationKind::delta, location, generation));
      }
      for (const ca::Location& location : node.settings.aia) {
        if (location.flags & ca::add_to_certificate)
          TRY(add_current(node, LocationKind::aia, location, generation));
        if (location.flags & ca::add_to_certificate_ocsp)
          TRY(add_current(node, LocationKind::ocsp, location, generation));
      }
    }
    return add_used(node);
  }

  // A place for each list of the key: the complete one, and its shards.
  Status add_lists(Node& node, LocationKind kind, const ca::Location& location,
                   const store::KeyGeneration& generation) {
    for (const revocation::CrlList& list : node.lists.at(generation.key_index))
      TRY(add_current(node, kind, location, generation, list.shard));
    return ok();
  }

  Result<CaCertificate> issuer_of(const store::KeyGeneration& generation, LocationKind kind,
                                  std::uint32_t shard = 0) const {
    CaCertificate issuer{generation.certificate, generation.certificate_index, generation.key_index};
    if (kind != LocationKind::cdp && kind != LocationKind::delta) return issuer;
    const bool delta = kind == LocationKind::delta;
    auto newest = TRY(snapshot_.newest_crls({generation.authority, generation.key_index, delta, shard}, 1));
    if (!newest.empty()) issuer.newest = std::move(newest.front());
    return issuer;
  }

  // A place has one content, and of a location without %4 or %8 it is the newest certificate's. OCSP is asked
  // about each key.
  static Place* find(Node& node, LocationKind kind, std::string_view url,
                     std::optional<std::uint16_t> key_index) {
    const auto place = std::ranges::find_if(node.places, [&](const Place& p) {
      return p.kind == kind && p.url == url &&
             (kind != LocationKind::ocsp || !key_index || p.issuers.front().key_index == *key_index);
    });
    return place == node.places.end() ? nullptr : &*place;
  }

  Status add_current(Node& node, LocationKind kind, const ca::Location& location,
                     const store::KeyGeneration& generation, std::uint32_t shard = 0) {
    const bool delta = kind == LocationKind::delta;
    auto variables = ca::location_variables(*node.record, node.settings, generation, delta);
    variables.shard = shard;
    std::string url = TRY(ca::expand(location, variables));
    CaCertificate issuer = TRY(issuer_of(generation, kind, shard));
    Place* place = find(node, kind, url, generation.key_index);
    if (place == nullptr) place = &node.places.emplace_back(Place{.kind = kind, .url = std::move(url)});
    place->issuers = {std::move(issuer)};
    place->current = place->current || &generation == &node.generations.back();
    if (kind == LocationKind::ocsp && place->question.empty()) TRY(find_question(*place, generation));
    return ok();
  }

  // What live certificates name besides, since long ago. Whose it was is not recorded: any key's will do.
  Status add_used(Node& node) {
    const auto usage = TRY(ca::location_usage(snapshot_, *node.record, node.settings, now_));
    node.unrecorded = usage.unrecorded;
    for (const ca::UrlUse& use : usage.uses) {
      const LocationKind kind = use.kind == "cdp"    ? LocationKind::cdp
                                : use.kind == "ocsp" ? LocationKind::ocsp
                                                     : LocationKind::aia;
      for (const std::uint32_t shard : shards_of(node, use.url)) {
        const std::string url = ca::with_shard(use.url, shard);
        if (find(node, kind, url, {}) == nullptr) TRY(add_old(node, kind, url, shard));
        // Of a sharded place: certificates of all its shards together.
        for (Place& place : node.places)
          if (place.kind == kind && place.url == url) place.live = use.live;
      }
    }
    return ok();
  }

  // For which shards a URL stands.
  static std::set<std::uint32_t> shards_of(const Node& node, std::string_view url) {
    if (!ca::is_of_any_shard(url)) return {0};
    std::set<std::uint32_t> shards;
    for (const auto& [key_index, lists] : node.lists)
      for (const revocation::CrlList& list : lists)
        if (list.shard != 0) shards.insert(list.shard);
    return shards;
  }

  Status add_old(Node& node, LocationKind kind, const std::string& url, std::uint32_t shard) {
    Place old{.kind = kind, .url = url};
    for (const store::KeyGeneration& generation : node.generations) {
      old.issuers.push_back(TRY(issuer_of(generation, kind, shard)));
      if (kind != LocationKind::ocsp) continue;
      TRY(find_question(old, generation));
      node.places.push_back(std::exchange(old, {.kind = kind, .url = url}));
    }
    if (kind != LocationKind::ocsp) node.places.push_back(std::move(old));
    return ok();
  }

  // Some certificate that this key has signed.
  Status find_question(Place& place, const store::KeyGeneration& generation) const {
    store::CertificateFilter filter;
    filter.authority = generation.authority;
    filter.expires_after = now_;
    for (std::size_t page = 0; page < kMostPages; ++page) {
      const auto rows = TRY(snapshot_.certificates(filter));
      if (rows.empty()) return ok();
      for (const store::CertificateRecord& row : rows) {
        if (row.key_index != generation.key_index || row.lost()) continue;
        place.question = TRY(snapshot_.certificate_of_request(row.request)).der();
        place.revoked = row.revocation.has_value();
        return ok();
      }
      filter.after = rows.back().request;
    }
    return ask_about_responder(place, generation);
  }

  // What a new key has signed lies far behind what the old one has; its responder's certificate is at hand.
  Status ask_about_responder(Place& place, const store::KeyGeneration& generation) const {
    const auto known =
        ca::find_service_key(snapshot_, ca::ocsp_service(generation.authority, generation.key_index));
    if (!known && known.error().code() == Errc::not_found) return ok();
    const store::CertificateRecord record = TRY(snapshot_.certificate(TRY(known).serial));
    if (record.not_after < now_) return ok();
    place.question = record.der();
    place.revoked = record.revocation.has_value();
    return ok();
  }

  // --- the CAs above ---

  Status add_parents(std::size_t child) {
    for (std::size_t g = 0; g < nodes_[child].generations.size(); ++g) {
      const store::KeyGeneration generation = nodes_[child].generations[g];
      std::size_t below = child;
      Buffer certificate = generation.certificate;
      for (const Buffer& above : generation.chain) {
        const std::size_t parent = TRY(node_of(above));
        nodes_[below].parent = nodes_[parent].name;
        TRY(add_named(nodes_[parent], certificate, above));
        certificate = above;
        below = parent;
      }
    }
    return ok();
  }

  Result<std::size_t> node_of(const Buffer& certificate) {
    for (std::size_t i = 0; i < all_generations_.size(); ++i)
      for (const store::KeyGeneration& generation : all_generations_[i])
        if (generation.certificate == certificate) return i;
    const std::string name = subject_text(certificate);
    for (std::size_t i = all_generations_.size(); i < nodes_.size(); ++i)
      if (nodes_[i].name == name) {
        const auto known =
            std::ranges::find(nodes_[i].generations, certificate, &store::KeyGeneration::certificate);
        if (known == nodes_[i].generations.end()) add_certificate(nodes_[i], certificate);
        return i;
      }
    Node node;
    node.name = name;
    node.kind = "elsewhere";
    add_certificate(node, certificate);
    nodes_.push_back(std::move(node));
    return nodes_.size() - 1;
  }

  static void add_certificate(Node& node, const Buffer& certificate) {
    store::KeyGeneration generation;
    generation.certificate = certificate;
    generation.certificate_index = generation.key_index = static_cast<std::uint16_t>(node.generations.size());
    node.generations.push_back(std::move(generation));
  }

  // What a certificate names of its issuer.
  Status add_named(Node& issuer, const Buffer& certificate, const Buffer& issuer_certificate) {
    const auto view = TRY(x509::parse_certificate(certificate));
    for (auto& [kind, url] :
         TRY(urls_in(view).context("reading the URLs in the certificate of {}", subject_text(certificate)))) {
      if (find(issuer, kind, url, {}) != nullptr) continue;
      Place place{.kind = kind, .url = std::move(url), .current = true};
      place.issuers.push_back({issuer_certificate, 0, 0});
      if (kind == LocationKind::ocsp) place.question = certificate;
      issuer.places.push_back(std::move(place));
    }
    return ok();
  }

  // --- their order ---

  Result<std::vector<Node>> in_order(std::string_view only) {
    std::set<std::string> wanted;
    for (const Node& node : nodes_)
      if (only.empty() || (node.record && node.name == only)) want(node.name, wanted);
    if (!only.empty() && wanted.empty()) return make_error(Errc::not_found, "there is no CA '{}' here", only);
    std::vector<Node> ordered;
    while (!nodes_.empty()) {
      const auto waits = [&](const Node& node) {
        return std::ranges::any_of(nodes_, [&](const Node& other) { return other.name == node.parent; });
      };
      auto next = std::ranges::find_if(nodes_, [&](const Node& node) { return !waits(node); });
      if (next == nodes_.end()) next = nodes_.begin();  // two that name each other: any order will do
      if (wanted.contains(next->name)) ordered.push_back(std::move(*next));
      nodes_.erase(next);
    }
    return ordered;
  }

  void want(const std::string& name, std::set<std::string>& wanted) const {
    for (const Node& node : nodes_)
      if (node.name == name && wanted.insert(name).second && !node.parent.empty()) want(node.parent, wanted);
  }

  const store::Snapshot& snapshot_;
  const Time now_;
  std::vector<Node> nodes_;                                         // those of the home first
  std::vector<std::vector<store::KeyGeneration>> all_generations_;  // of those of the home
};

}  // namespace

Result<std::vector<Node>> read_hierarchy(const store::Snapshot& snapshot, std::string_view only, Time now) {
  return HierarchyReader(snapshot, now).run(only);
}

}  // namespace vouch::diagnose
