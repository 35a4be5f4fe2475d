#include "ca/keys/key_checks.hpp"

#include "base/files.hpp"

namespace vouch::ca {
namespace {

// Where Debian's package puts its lists.
constexpr std::string_view kPackagedLists = "/usr/share/openssl-blacklist";
constexpr std::size_t kLargestList = std::size_t{256} << 20;

// The request's certificate, when it is for this key and not for another one with the same number.
Result<std::optional<policy::KeyFacts::Use>> use_of(const store::Snapshot& snapshot, store::RequestId request,
                                                    Bytes public_key_info) {
  const auto certificate = snapshot.certificate_of_request(request);
  if (!certificate && certificate.error().code() == Errc::not_found) return std::nullopt;
  if (!certificate) return certificate.error();
  const auto view = TRY(x509::parse_tbs_certificate(certificate->tbs)
                            .context("reading the certificate of request {}", request));
  if (!equal(view.public_key_info, public_key_info)) return std::nullopt;
  policy::KeyFacts::Use use{request, to_buffer(view.subject), {}};
  if (const auto* names = view.find(x509::oid::kSubjectAltName))
    use.subject_alt_name = to_buffer(names->value);
  return use;
}

// The same of a compromised key. Its certificate may have been purged since; the key stays known to others.
Result<std::optional<policy::KeyFacts::Use>> compromised_use(const store::Snapshot& snapshot,
                                                             store::RequestId request,
                                                             Bytes public_key_info) {
  const auto certificate = snapshot.certificate_of_request(request);
  if (!certificate && certificate.error().code() == Errc::not_found)
    return policy::KeyFacts::Use{request, {}, {}};
  return use_of(snapshot, request, public_key_info);
}

}  // namespace

std::uint64_t key_number(const crypto::Provider& provider, Bytes public_key_info) {
  const Buffer hash = provider.digest(crypto::DigestAlgorithm::sha256, public_key_info);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | hash[i];
  return number;
}

Result<bool> is_certified_for_another(const store::Snapshot& snapshot, store::RequestId holder, Bytes tbs) {
  const auto view = TRY(x509::parse_tbs_certificate(tbs));
  const auto use = TRY(use_of(snapshot, holder, view.public_key_info));
  if (!use) return false;
  if (!equal(use->subject, view.subject)) return true;
  const auto* names = view.find(x509::oid::kSubjectAltName);
  return use->subject.size() <= 2 && !equal(use->subject_alt_name, names == nullptr ? Bytes() : names->value);
}

Result<std::unique_ptr<KeyChecks>> KeyChecks::make(const Environment& environment,
                                                   const store::Snapshot& snapshot,
                                                   store::AuthorityId authority) {
  std::unique_ptr<KeyChecks> checks(new KeyChecks(environment));
  for (const store::AuthorityRecord& record : TRY(snapshot.authorities()))
    for (const store::KeyGeneration& generation : TRY(snapshot.key_generations(record.id)))
      checks->authority_keys_.emplace(generation.public_key_info, Owner{record.name, record.id == authority});
  return checks;
}

Result<policy::KeyFacts> KeyChecks::facts(const store::Snapshot& snapshot, Bytes public_key_info, bool proven,
                                          bool for_ca) const {
  policy::KeyFacts facts;
  const auto key = x509::parse_public_key_info(public_key_info);
  if (!key) return facts;
  // The verification of the request has put a point into the equation of its curve already.
  const bool on_curve = proven && key->type != x509::KeyType::rsa && key->type != x509::KeyType::ed25519;
  if (!on_curve) facts.weakness = environment_.provider.weakness(*key);
  if (!proven) return facts;  // the request fails for that, whatever the database says

  facts.blocklist = TRY(blocklist_of(*key));
  if (const auto owner = authority_keys_.find(to_buffer(public_key_info));
      owner != authority_keys_.end() && (owner->second.own || !for_ca))
    facts.authority = owner->second.authority;
  const store::KeyHistory history =
      TRY(snapshot.key_history(key_number(environment_.provider, public_key_info)));
  if (history.compromised)
    facts.compromised = TRY(compromised_use(snapshot, *history.compromised, public_key_info));
  if (history.certified) facts.certified = TRY(use_of(snapshot, *history.certified, public_key_info));
  return facts;
}

Result<std::string> KeyChecks::blocklist_of(const x509::PublicKeyInfo& key) const {
  if (key.type != x509::KeyType::rsa) return std::string();
  const auto lists = TRY(lists_for(key.bits));
  if (lists->empty()) return std::string();
  const std::string text = policy::blocklist_text(key.modulus);
  const auto fingerprint = policy::blocklist_fingerprint(
      environment_.provider.digest(crypto::DigestAlgorithm::sha1, as_bytes(text)));
  for (const auto& [file, list] : *lists)
    if (list.contains(fingerprint)) return file;
  return std::string();
}

Result<std::shared_ptr<const KeyChecks::Lists>> KeyChecks::lists_for(std::size_t bits) const {
  const std::scoped_lock lock(mutex_);
  if (const auto known = lists_.find(bits); known != lists_.end()) return known->second;
  auto lists = std::make_shared<Lists>();
  const std::string& own = environment_.home.configuration().blocklists;
  for (const fs::path& folder :
       {fs::path(kPackagedLists), own.empty() ? fs::path() : environment_.home.folder() / own}) {
    if (folder.empty()) continue;
    const fs::path file = folder / fmt::format("blacklist.RSA-{}", bits);
    std::error_code error;
    if (!fs::exists(file, error)) continue;
    const Buffer content = TRY(read_file(file, kLargestList).context("reading known weak keys"));
    lists->emplace_back(file.string(), TRY(policy::KeyBlocklist::parse(as_text(content), file.string())));
  }
  lists_.emplace(bits, lists);
  return std::shared_ptr<const Lists>(lists);
}

}  // namespace vouch::ca
