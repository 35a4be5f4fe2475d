#include "revocation/crl_publication.hpp"

#include <algorithm>
#include <thread>

#include "lint/lint.hpp"
#include "revocation/tbs_spool.hpp"

namespace vouch::revocation {
namespace {

constexpr std::chrono::minutes kPatience{5};  // for another publisher; a CRL of ten million takes seconds

// authorityKeyIdentifier and cRLNumber (RFC 5280 5.2.1, 5.2.3), and as AD CS writes them CA Version and Next
// CRL Publish.
std::vector<x509::Extension> crl_extensions(const ca::CaKey& key, const store::CrlRecord& record) {
  return {
      x509::make_extension(x509::oid::kAuthorityKeyIdentifier, false,
                           x509::encode_authority_key_identifier({key.key_identifier, {}, {}})),
      x509::make_extension(
          x509::oid::kMsCaVersion, false,
          x509::encode_ca_version({key.generation.certificate_index, key.generation.key_index})),
      x509::make_extension(x509::oid::kCrlNumber, false, x509::encode_crl_number(record.number)),
      x509::make_extension(x509::oid::kMsNextPublish, false, x509::encode_next_publish(record.next_publish))};
}

// The CRL's frame without entries, so that a mistake in it is found before the number is used for good.
Status lint_frame(const x509::CrlFields& fields) {
  const Buffer extensions = x509::encode_crl_extensions(fields);
  Buffer tbs = x509::encode_crl_head(fields, 0, extensions.size());
  append(tbs, extensions);
  const std::uint8_t no_signature[1] = {};
  const Buffer crl = x509::encode_certificate(tbs, x509::encode(fields.algorithm), no_signature);
  const x509::CrlView view = TRY(x509::parse_crl(crl).context("reading back the CRL that is to be signed"));
  for (const lint::Finding& finding : lint::lint_crl(view))
    if (finding.severity == lint::Severity::error)
      return make_error(Errc::internal, "the CRL would break a rule: {} ({})", finding.message,
                        finding.source);
  return ok();
}

Result<std::vector<fs::path>> targets_of(const ca::LocalAuthority& authority, const ca::CaKey& key) {
  const ca::AuthoritySettings& settings = authority.settings();
  const ca::LocationVariables variables{settings.dns_name,        settings.short_name,
                                        authority.record().name,  key.generation.certificate_index,
                                        key.generation.key_index, false};
  std::vector<fs::path> targets;
  for (const ca::Location& location : settings.cdp)
    if (ca::is_file(location) && (location.flags & ca::publish_to_server))
      targets.emplace_back(TRY(ca::expand(location, variables)));
  if (targets.empty())
    return make_error(Errc::denied, "CA '{}' has no file location to publish CRLs to",
                      authority.record().name)
        .with_hint("add a CDP location with flag 1");
  return targets;
}

class Publication {
 public:
  Publication(const ca::LocalAuthority& authority, const ca::CaKey& key)
      : authority_(authority), environment_(authority.environment()), key_(key) {}

  Result<Published> run() {
    targets_ = TRY(targets_of(authority_, key_));
    TRY(reserve_number());
    const x509::CrlFields fields{key_.signer->algorithm(), key_.subject, record_.this_update,
                                 record_.next_update, crl_extensions(key_, record_)};
    TRY(lint_frame(fields));
    TbsSpool spool = TbsSpool::create(targets_.front(), fields);
    TRY(collect(spool));
    TRY(publish(spool).context("publishing CRL {}", record_.number));
    record_.entries = spool.entries();
    TRY(environment_.database.commit([&](store::Transaction& t) { return t.update_crl(record_); }));
    return Published{record_, targets_};
  }

 private:
  // The number is durable before it is signed, so that no crash makes it come twice.
  Status reserve_number() {
    const ca::AuthoritySettings& settings = authority_.settings();
    record_.authority = authority_.record().id;
    record_.key_index = key_.generation.key_index;
    record_.this_update = environment_.clock.now();
    record_.next_publish = add(record_.this_update, settings.crl_period);
    record_.next_update = add(record_.next_publish, settings.crl_overlap);
    return environment_.database.commit([&](store::Transaction& t) -> Status {
      record_.number = TRY(t.last_crl_number(record_.authority)) + 1;
      return t.insert_crl(record_);
    });
  }

  // An expired certificate is left out after it has stood on one CRL issued beyond its end (RFC 5280 3.3).
  Time unexpired_at(const std::vector<store::CrlRecord>& earlier) const {
    const auto last = std::ranges::find_if(earlier, [&](const store::CrlRecord& crl) {
      return crl.key_index == record_.key_index && crl.number < record_.number && !crl.sha256.empty();
    });
    return last == earlier.end() ? record_.this_update : std::min(last->this_update, record_.this_update);
  }

  Status collect(TbsSpool& spool) const {
    const auto snapshot = TRY(environment_.database.snapshot());
    return snapshot->for_each_revoked(
        record_.authority, record_.key_index, unexpired_at(TRY(snapshot->crls(record_.authority))),
        [&](const store::Snapshot::RevokedEntry& entry) {
          return spool.add({entry.serial, entry.revoked_at, entry.reason, entry.invalidity_date});
        });
  }

  Status publish(TbsSpool& spool) {
    const Bytes tbs = TRY(spool.finish());
    const Buffer signature =
        TRY(key_.signer->sign(tbs).context("signing with the key of CA '{}'", authority_.record().name));
    // All targets are written before the first is replaced: a full disk leaves every old CRL in place.
    std::vector<AtomicFile> files;
    files.push_back(TRY(spool.seal(signature)));
    for (const fs::path& target : std::span(targets_).subspan(1)) {
      files.push_back(TRY(AtomicFile::create(target)));
      for (const Bytes part : spool.parts()) TRY(files.back().write(part));
    }
    {
      // While the disk takes its time.
      const std::jthread digesting([&] { record_.sha256 = digest_of(spool.parts()); });
      for (AtomicFile& file : files) TRY(file.commit());
    }
    record_.size = 0;
    for (const Bytes part : spool.parts()) record_.size += part.size();
    record_.file = targets_.front().lexically_proximate(environment_.home.folder()).string();
    return ok();
  }

  Buffer digest_of(const std::array<Bytes, 3>& parts) const {
    const auto digester = environment_.provider.digester(crypto::DigestAlgorithm::sha256);
    for (const Bytes part : parts) digester->update(part);
    return digester->finish();
  }

  const ca::LocalAuthority& authority_;
  const ca::Environment& environment_;
  const ca::CaKey& key_;
  store::CrlRecord record_;
  std::vector<fs::path> targets_;
};

}  // namespace

Result<std::vector<Published>> publish_crls(const ca::LocalAuthority& authority) {
  const ca::Environment& environment = authority.environment();
  const FileLock lock = TRY(
      FileLock::acquire(environment.home.lock(fmt::format("publish-{}", authority.record().id)), kPatience));
  std::vector<Published> published;
  for (const ca::CaKey& key : authority.keys()) {
    if (key.not_after < environment.clock.now()) continue;
    published.push_back(TRY(
        Publication(authority, key).run().context("publishing the CRL of CA '{}'", authority.record().name)));
  }
  return published;
}

}  // namespace vouch::revocation
