#include "relying/crl_store.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <type_traits>
#include <unordered_map>

#include "relying/crl_admission.hpp"
#include "relying/crl_files.hpp"
#include "relying/crl_index_file.hpp"

namespace vouch::relying {
namespace {

using validate::CrlHead, validate::CrlPtr, validate::Finding, validate::FindingId;

Finding refusal(FindingId id, std::vector<Finding::Parameter> parameters) {
  return {id, validate::kWholePath, std::move(parameters)};
}

std::string hex_number(const Buffer& number) { return number.empty() ? "00" : to_hex(number); }

// V1 to V4 of the version rule: what the highest number of the line says of a CRL. Empty: it may come in.
std::string number_fault(const LineState& line, const CrlHead& head) {
  const auto order = validate::compare_numbers(*head.number, line.highest);
  if (order < 0)
    return fmt::format("its number {} is lower than {}, which was seen already", hex_number(*head.number),
                       hex_number(line.highest));
  if (order == 0 && head.fingerprint != line.fingerprint)
    return fmt::format("another CRL had its number {}", hex_number(*head.number));
  return {};
}

// A line that this process has seen, and its CRL once somebody wanted it.
struct Known {
  std::string stamp;
  LineState line;
  IndexedCrlPtr crl;
  bool damaged = false;
  // Its file says nothing: not even which number was the highest.
  bool is_unreadable() const { return damaged && !line.file; }
};

}  // namespace

class CrlStore::Folder {
 public:
  Folder(std::shared_ptr<const crypto::Provider> provider, Settings settings, CrlFiles files)
      : provider_(std::move(provider)), settings_(std::move(settings)), files_(std::move(files)) {}

  Result<CrlPut> put(Bytes der, const CrlOrigin& origin, const CrlTerms& terms) {
    CrlPut out;
    if (der.size() > settings_.most_octets) {
      out.finding =
          refusal(FindingId::crl_too_large, {{"uri", origin.url}, {"size", std::to_string(der.size())}});
      return out;
    }
    const auto index = build_crl_index(*provider_, {der, nullptr}, origin.url, settings_.threads);
    if (!index) {
      out.finding = refusal(FindingId::crl_malformed, {{"reason", index.error().summary()}});
      return out;
    }
    const CrlHead& head = (*index)->head();
    out.finding = fault_of(*provider_, head, terms);
    const std::string id = line_of(*provider_, head);
    if (!out.finding) TRY(keep(**index, id, origin, terms.now, out));
    out.stored = settled([&] {
      const auto known = lines_.find(id);
      return known == lines_.end() ? StoredCrl{} : describe_opened(known->second);
    });
    return out;
  }

  Status touch(const std::string& url, Time fetched_at) {
    return change([&](const Lines& lines) -> Status {
      const Known* known = newest_from(lines, url);
      if (known == nullptr) return make_error(Errc::not_found, "no CRL came from {}", url);
      LineState line = known->line;
      line.file->origin.fetched_at = fetched_at;
      return files_.write(line, known->line);
    });
  }

  Crls of_issuer(const std::string& issuer_key) {
    return settled([&]() -> Crls {
      const auto known = by_issuer_.find(issuer_key);
      if (known != by_issuer_.end() && std::ranges::none_of(known->second.indexes, &IndexedCrl::is_damaged))
        return known->second.crls;
      return gather(issuer_key);
    });
  }

  std::vector<StoredCrl> stored_of(const std::string& issuer_key) {
    return settled([&] {
      std::vector<StoredCrl> out;
      for (auto& [id, known] : lines_)
        if (known.line.issuer_key == issuer_key && known.line.file) out.push_back(describe_opened(known));
      return out;
    });
  }

  std::optional<StoredCrl> from_url(const std::string& url) {
    return settled([&]() -> std::optional<StoredCrl> {
      const Known* known = newest_from(lines_, url);
      if (known == nullptr) return std::nullopt;
      return describe_opened(lines_.at(known->line.id));
    });
  }

  std::vector<StoredCrl> list() {
    const std::lock_guard lock(guards_lines_);
    refresh();
    std::vector<StoredCrl> out;
    for (const auto& [id, known] : lines_) out.push_back(describe(known));
    return out;
  }

  Status remove(const std::string& id) {
    return change([&](const Lines& lines) { return clear_line(lines, id); });
  }

  Result<std::size_t> clear() {
    std::size_t count = 0;
    TRY(change([&](const Lines& lines) -> Status {
      for (const auto& [id, known] : lines) {
        if (!known.line.file) continue;
        TRY(clear_line(lines, id));
        ++count;
      }
      return ok();
    }));
    return count;
  }

  Status forget(const std::string& id) {
    return change([&](const Lines& lines) -> Status {
      const auto known = lines.find(id);
      return known == lines.end() ? no_such(id) : files_.erase(id, known->second.line);
    });
  }

  std::size_t check_files(const std::stop_token& stop) {
    std::vector<std::pair<std::string, IndexedCrlPtr>> opened;
    {
      const std::lock_guard lock(guards_lines_);
      refresh();
      for (auto& [id, known] : lines_) opened.emplace_back(id, open(known));
    }
    std::size_t damaged = 0;
    for (const auto& [id, crl] : opened) {
      if (stop.stop_requested()) break;
      if (crl == nullptr || crl->check_all(*provider_, stop)) continue;
      ++damaged;
      const std::lock_guard lock(guards_lines_);
      if (const auto known = lines_.find(id); known != lines_.end() && known->second.crl == crl)
        open(known->second);
    }
    return damaged;
  }

 private:
  using Lines = std::map<std::string, Known>;

  // ---- Changes: one process and one thread at a time; nobody who reads waits for them

  template <class Act>
  Status change(Act&& act) {
    const FileLock held = TRY(files_.lock(settings_.patience));
    return act(snapshot());
  }
  Lines snapshot() {
    const std::lock_guard lock(guards_lines_);
    refresh();
    return lines_;
  }

  static Error no_such(const std::string& id) {
    return make_error(Errc::not_found, "the store has no CRL line {}", id);
  }

  Status clear_line(const Lines& lines, const std::string& id) {
    const auto known = lines.find(id);
    if (known == lines.end()) return no_such(id);
    if (known->second.is_unreadable()) TRY(files_.read(id));
    LineState line = known->second.line;
    line.file.reset();
    return files_.write(line, known->second.line);
  }

  // What was verified comes into its line, if its number allows it.
  Status keep(const IndexedCrl& index, const std::string& id, const CrlOrigin& origin, Time now,
              CrlPut& out) {
    return change([&](const Lines& lines) -> Status {
      const auto known = lines.find(id);
      if (known == lines.end()) {
        if (lines.size() >= settings_.most_lines)
          return make_error(Errc::limit_exceeded, "the store has {} lines of CRLs already", lines.size())
              .with_hint("raise the limit, or forget lines of CAs that are gone");
        out.outcome = CrlPut::Outcome::added;
        TRY(make_room(lines, index.octets(), id, now));
        return write(index, id, origin, std::nullopt);
      }
      // One that cannot be read still holds its number.
      const LineState before = known->second.is_unreadable() ? TRY(files_.read(id)) : known->second.line;
      if (std::string fault = number_fault(before, index.head()); !fault.empty()) {
        out.finding = refusal(FindingId::crl_unusable,
                              {{"issuer", index.head().issuer_text}, {"reason", std::move(fault)}});
        return ok();
      }
      if (before.file && before.fingerprint == index.head().fingerprint &&
          has_octets(id, index.head().view.whole)) {
        out.outcome = CrlPut::Outcome::unchanged;
        LineState line = before;
        line.file->origin = origin;
        return line == before ? ok() : files_.write(line, before);
      }
      out.outcome = before.file ? CrlPut::Outcome::replaced : CrlPut::Outcome::added;
      TRY(make_room(lines, index.octets(), id, now));
      return write(index, id, origin, before);
    });
  }
  // Whether the line's file is this CRL still.
  bool has_octets(const std::string& id, Bytes crl) {
    IndexedCrlPtr stored;
    {
      const std::lock_guard lock(guards_lines_);
      if (const auto known = lines_.find(id); known != lines_.end()) stored = open(known->second);
    }
    return stored != nullptr && equal(stored->head().view.whole, crl);
  }

  Status write(const IndexedCrl& index, const std::string& id, const CrlOrigin& origin,
               const std::optional<LineState>& before) {
    const CrlHead& head = index.head();
    LineState line{id,
                   head.issuer_key,
                   head.issuer_text,
                   head.authority_key_identifier ? to_hex(*head.authority_key_identifier) : "",
                   head.delta_base.has_value(),
                   *head.number,
                   head.fingerprint,
                   LineState::File{files_.new_stem(*provider_, id), index.octets(), index.index_octets(),
                                   index.entries(), head.view.this_update, head.view.next_update, origin}};
    TRY(write_file_atomic(files_.crl(line.file->stem), head.view.whole, 0600));
    TRY(save_crl_index(*provider_, *files_.sealer(), index, files_.index(line.file->stem)));
    return files_.write(line, before);
  }

  // Expired CRLs go first to make room: the one that expired earliest first.
  Status make_room(const Lines& lines, std::uint64_t octets, const std::string& id, Time now) {
    std::uint64_t used = octets;
    std::vector<std::pair<Time, std::string>> expired;
    for (const auto& [other, known] : lines) {
      if (other == id || !known.line.file) continue;
      used += known.line.file->octets;
      if (const auto& until = known.line.file->next_update; until && *until <= now)
        expired.emplace_back(*until, other);
    }
    std::ranges::sort(expired);
    for (const auto& [until, other] : expired) {
      if (used <= settings_.most_octets) break;
      used -= lines.at(other).line.file->octets;
      TRY(clear_line(lines, other));
    }
    if (used <= settings_.most_octets) return ok();
    return make_error(Errc::limit_exceeded, "the store's CRLs would take {} octets, {} are allowed", used,
                      settings_.most_octets)
        .with_hint("raise the limit, or remove CRLs that nobody needs");
  }

  // ---- Reading: what the folder has now

  // What `look` sees, once more when a file was replaced under its eyes.
  template <class Look>
  std::invoke_result_t<Look&> settled(Look&& look) {
    const std::lock_guard lock(guards_lines_);
    for (int tries = 1;; ++tries) {
      refresh();
      replaced_ = false;
      auto out = look();
      if (!replaced_ || tries == kMostTries) return out;
    }
  }

  void refresh() {
    const std::uint64_t now = files_.generation();
    if (now == seen_) return;
    Lines fresh;
    for (const std::string& id : files_.lines()) {
      const auto stamp = files_.stamp(id);
      if (!stamp) continue;
      const auto known = lines_.find(id);
      if (known != lines_.end() && known->second.stamp == *stamp) {
        fresh.insert(lines_.extract(known));
        continue;
      }
      auto line = files_.read(id);
      Known one{*stamp, line ? *std::move(line) : LineState{.id = id}, nullptr, !line};
      // The same file with another origin stays open.
      if (known != lines_.end() && one.line.file && known->second.line.file &&
          one.line.file->stem == known->second.line.file->stem) {
        one.crl = known->second.crl;
        one.damaged = known->second.damaged;
      }
      fresh.emplace(id, std::move(one));
    }
    lines_ = std::move(fresh);
    by_issuer_.clear();
    seen_ = now;
  }

  static const Known* newest_from(const Lines& lines, const std::string& url) {
    const Known* newest = nullptr;
    for (const auto& [id, known] : lines) {
      const auto& file = known.line.file;
      if (!file || url.empty() || file->origin.url != url) continue;
      if (newest == nullptr || file->origin.fetched_at > newest->line.file->origin.fetched_at)
        newest = &known;
    }
    return newest;
  }

  // The line's CRL, mapped. Null: there is none, or what is there is not what was put.
  IndexedCrlPtr open(Known& known) {
    if (!known.line.file) return nullptr;
    if (known.crl != nullptr && !known.crl->is_damaged()) return known.crl;
    const bool was_damaged = std::exchange(known.crl, nullptr) != nullptr;
    if (known.damaged) return nullptr;
    auto file = MappedFile::open(files_.crl(known.line.file->stem));
    if (!file) {
      // Replaced this moment, which the next refresh sees; otherwise it is lost.
      const bool replaced = files_.stamp(known.line.id) != known.stamp;
      replaced_ = replaced_ || replaced;
      known.damaged = !replaced;
      return nullptr;
    }
    const CrlOctets octets = map(*std::move(file));
    if (!was_damaged)
      if (auto opened = open_index(known, octets)) return known.crl = *opened;
    auto built = build_crl_index(*provider_, octets, known.line.file->origin.url, settings_.threads);
    if (!built || (*built)->head().fingerprint != known.line.fingerprint) {
      known.damaged = true;
      return nullptr;
    }
    // Through the file, so that processes share the memory and blocks are checked from now on.
    const fs::path index = files_.index(known.line.file->stem);
    if (save_crl_index(*provider_, *files_.sealer(), **built, index))
      if (auto opened = open_index(known, octets)) return known.crl = *opened;
    return known.crl = *built;
  }

  Result<IndexedCrlPtr> open_index(const Known& known, const CrlOctets& octets) const {
    auto opened = TRY(open_crl_index(*provider_, files_.sealer(), octets, files_.index(known.line.file->stem),
                                     known.line.file->origin.url));
    if (opened->head().fingerprint != known.line.fingerprint)
      return make_error(Errc::found_bad, "the index is that of another CRL");
    return opened;
  }

  Crls gather(const std::string& issuer_key) {
    OfIssuer found;
    auto crls = std::make_shared<std::vector<CrlPtr>>();
    for (auto& [id, known] : lines_) {
      if (known.line.issuer_key != issuer_key) continue;
      if (auto crl = open(known)) {
        found.indexes.push_back(crl.get());
        crls->push_back(std::move(crl));
      }
    }
    found.crls = std::move(crls);
    if (found.indexes.empty()) return found.crls;  // any name may be asked about: nothing is kept for it
    return (by_issuer_[issuer_key] = std::move(found)).crls;
  }

  StoredCrl describe(const Known& known) const {
    const LineState& line = known.line;
    StoredCrl out;
    out.line = line.id;
    out.issuer = line.issuer;
    out.key_identifier = line.key_identifier;
    out.delta = line.delta;
    out.highest_number = hex_number(line.highest);
    out.damaged = known.damaged;
    if (!line.file) return out;
    out.octets = line.file->octets;
    out.index_octets = line.file->index_octets;
    out.entries = line.file->entries;
    out.this_update = line.file->this_update;
    out.next_update = line.file->next_update;
    out.origin = line.file->origin;
    return out;
  }
  StoredCrl describe_opened(Known& known) {
    CrlPtr crl = open(known);
    StoredCrl out = describe(known);
    out.crl = std::move(crl);
    return out;
  }

  static constexpr int kMostTries = 8;  // each time another process was in between
  struct OfIssuer {
    std::vector<const IndexedCrl*> indexes;  // of `crls`
    Crls crls;
  };

  const std::shared_ptr<const crypto::Provider> provider_;
  const Settings settings_;
  const CrlFiles files_;
  std::mutex guards_lines_;
  Lines lines_;
  std::unordered_map<std::string, OfIssuer> by_issuer_;
  bool replaced_ = false;   // a file that was to be opened
  std::uint64_t seen_ = 0;  // the generation that lines_ shows; the folder's first is 1
};

CrlStore::CrlStore(std::unique_ptr<Folder> folder) : folder_(std::move(folder)) {}
CrlStore::~CrlStore() = default;

Result<std::shared_ptr<CrlStore>> CrlStore::open(std::shared_ptr<const crypto::Provider> provider,
                                                 Settings settings) {
  CrlFiles files = TRY(CrlFiles::open(*provider, settings.folder, settings.patience)
                           .context("opening the folder of CRLs {}", settings.folder.string()));
  return std::make_shared<CrlStore>(
      std::make_unique<Folder>(std::move(provider), std::move(settings), std::move(files)));
}

Result<CrlPut> CrlStore::put(Bytes der, const CrlOrigin& origin, const CrlTerms& terms) {
  return folder_->put(der, origin, terms);
}
Result<CrlPut> CrlStore::put_file(const fs::path& file, const CrlOrigin& origin, const CrlTerms& terms) {
  return folder_->put(TRY(read_file(file)), origin, terms);
}
Status CrlStore::touch(const std::string& url, Time fetched_at) { return folder_->touch(url, fetched_at); }
CrlStore::Crls CrlStore::of_issuer(const std::string& issuer_key) { return folder_->of_issuer(issuer_key); }
std::vector<StoredCrl> CrlStore::stored_of(const std::string& issuer_key) {
  return folder_->stored_of(issuer_key);
}
std::optional<StoredCrl> CrlStore::from_url(const std::string& url) { return folder_->from_url(url); }
std::vector<StoredCrl> CrlStore::list() { return folder_->list(); }
Status CrlStore::remove(const std::string& line) { return folder_->remove(line); }
Result<std::size_t> CrlStore::clear() { return folder_->clear(); }
Status CrlStore::forget(const std::string& line) { return folder_->forget(line); }
std::size_t CrlStore::check_files(std::stop_token stop) { return folder_->check_files(stop); }

validate::RevocationRecord StoredRevocation::check(const validate::RevocationQuery& query) {
  const validate::Certificate& certificate = *query.path[query.index];
  const CrlStore::Crls own = store_->of_issuer(certificate.issuer_key());
  const std::vector<std::string> others = validate::other_crl_issuers(certificate);
  if (others.empty()) return validate::check_crls(query, *own, rules_);
  std::vector<CrlPtr> all = *own;
  for (const std::string& issuer : others) {
    const CrlStore::Crls more = store_->of_issuer(issuer);
    all.insert(all.end(), more->begin(), more->end());
  }
  return validate::check_crls(query, all, rules_);
}

}  // namespace vouch::relying
