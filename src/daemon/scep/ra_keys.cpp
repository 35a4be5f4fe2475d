#include "daemon/scep/ra_keys.hpp"

#include <algorithm>

#include "x509/certificate.hpp"
#include "x509/extensions.hpp"
#include "x509/request.hpp"

namespace vouch::daemon::scep {
namespace {

constexpr const char* kMend = "vouch scep ra renew issues new ones";

// Two thirds of a life, so that trouble has a third of it to be noticed in.
Time renewal_time(Time not_before, Time not_after) { return not_after - (not_after - not_before) / 3; }

Result<RaState> state_of(RaCertificate kept) {
  RaState state;
  const auto view = TRY(x509::parse_certificate(kept.certificate));
  const auto* extension = view.find(x509::oid::kKeyUsage);
  const std::uint16_t usage = extension ? TRY(x509::parse_key_usage(extension->value)) : std::uint16_t{0};
  state.signs = (usage & x509::digital_signature) != 0;
  state.encrypts = (usage & x509::key_encipherment) != 0;
  state.not_before = view.not_before;
  state.not_after = view.not_after;
  state.renew_at = renewal_time(view.not_before, view.not_after);
  state.kept = std::move(kept);
  return state;
}

// The newest that is valid for each of the two; when none is valid, the newest that there was.
void mark_current(std::vector<RaState>& states, bool RaState::* use, Time now) {
  const auto fits = [&](const RaState& state) {
    return state.*use && state.not_before <= now && now < state.not_after;
  };
  auto found = std::ranges::find_if(states, fits);
  if (found == states.end()) found = std::ranges::find_if(states, use);
  if (found != states.end()) found->current = true;
}

Result<Buffer> make_request(const crypto::PrivateKey& key, Bytes subject) {
  const auto signer = TRY(key.signer(crypto::SignatureAlgorithm::rsa_pkcs1_sha256));
  x509::RequestFields fields;
  fields.subject = subject;
  fields.public_key_info = key.public_key_info();
  const Buffer info = x509::encode_request_info(fields);
  const Buffer signature = TRY(signer->sign(info));
  return x509::encode_request(info, x509::encode(signer->algorithm()), signature);
}

std::string uses_of(const RaState& state) {
  return state.signs && state.encrypts ? "signing and encryption" : state.signs ? "signing" : "encryption";
}

}  // namespace

Status judge_ra(const std::vector<RaState>& states, Time now) {
  bool signs = false, encrypts = false;
  for (const RaState& state : states) {
    if (!state.current) continue;
    signs = signs || state.signs;
    encrypts = encrypts || state.encrypts;
    if (now >= state.not_after)
      return make_error(Errc::unavailable,
                        "the registration authority's certificate for {} has expired on {}", uses_of(state),
                        format_time(state.not_after))
          .with_hint(kMend);
    // It should have been renewed long ago.
    if (now >= state.renew_at + (state.not_after - state.renew_at) / 2)
      return make_error(Errc::unavailable,
                        "the registration authority's certificate for {} expires on {} and was not renewed",
                        uses_of(state), format_time(state.not_after))
          .with_hint(kMend);
  }
  if (signs && encrypts) return ok();
  return make_error(Errc::unavailable, "the registration authority has no certificate for {}",
                    signs ? "encryption" : "signing")
      .with_hint("vouch scep ra issue");
}

Result<std::vector<RaState>> RaKeys::states() const {
  std::vector<RaState> states;
  for (RaCertificate& kept : TRY(store_->list())) states.push_back(TRY(state_of(std::move(kept))));
  std::ranges::sort(states, std::greater(), &RaState::not_before);
  const Time now = context_.clock.now();
  mark_current(states, &RaState::signs, now);
  mark_current(states, &RaState::encrypts, now);
  return states;
}

Result<std::shared_ptr<const ServiceKeys>> RaKeys::keys() {
  const std::scoped_lock lock(guards_loaded_);
  if (!loaded_) TRY(load());
  if (context_.clock.now() < good_until_) return loaded_;
  TRY(load());  // somebody may have renewed them beside us
  if (context_.clock.now() < good_until_) return loaded_;
  return make_error(Errc::unavailable, "the certificates of the registration authority have expired on {}",
                    format_time(good_until_))
      .with_hint(kMend);
}

// With the lock held.
Status RaKeys::load() {
  const auto all = TRY(states());
  TRY(judge_ra(all, Time::min()));  // that there are any
  std::vector<Buffer> from;
  for (const RaState& state : all) {
    from.push_back(state.kept.certificate);
    if (state.current) from.push_back(Buffer{1});
  }
  if (loaded_ && from == loaded_from_) return ok();
  loaded_ = TRY(open(all));
  loaded_from_ = std::move(from);
  good_until_ = Time::max();
  for (const RaState& state : all)
    if (state.current) good_until_ = std::min(good_until_, state.not_after);
  return ok();
}

Result<std::shared_ptr<const ServiceKeys>> RaKeys::open(const std::vector<RaState>& states) const {
  auto keys = std::make_shared<ServiceKeys>();
  // The current one first: it is what devices encrypt for.
  for (const bool current : {true, false})
    for (const RaState& state : states)
      if (state.encrypts && state.current == current) {
        const auto key = TRY(store_->key(state.kept).context("opening the registration authority's key"));
        keys->decryption.push_back({state.kept.certificate, TRY(key->decrypter())});
      }
  const auto signing =
      std::ranges::find_if(states, [](const RaState& state) { return state.current && state.signs; });
  const auto key = TRY(store_->key(signing->kept).context("opening the registration authority's key"));
  keys->signing_certificate = signing->kept.certificate;
  for (const auto algorithm :
       {crypto::SignatureAlgorithm::rsa_pkcs1_sha256, crypto::SignatureAlgorithm::rsa_pkcs1_sha384,
        crypto::SignatureAlgorithm::rsa_pkcs1_sha512})
    keys->signers.push_back(TRY(key->signer(algorithm)));
  return std::shared_ptr<const ServiceKeys>(std::move(keys));
}

Status RaKeys::maintain(const RaConfiguration& configuration) {
  const Status renewed = configuration.renew ? renew_due(configuration) : ok();
  TRY(forget_old(configuration));
  {
    const std::scoped_lock lock(guards_loaded_);
    if (const Status loaded = load(); !loaded) return renewed ? loaded : renewed;
  }
  const Status good = judge_ra(TRY(states()), context_.clock.now());
  // A renewal that failed is no fault yet: it is tried again, and there are months left.
  return good || renewed ? good : renewed;
}

Status RaKeys::renew_due(const RaConfiguration& configuration) {
  const auto all = TRY(states());
  const Time now = context_.clock.now();
  const Buffer issuer = context_.issuer ? TRY(context_.issuer()) : Buffer();
  const auto is_due = [&](bool RaState::* use) {
    return std::ranges::none_of(all, [&](const RaState& state) {
      return state.current && state.*use && now < state.renew_at && is_signed_by(issuer, state);
    });
  };
  // Both are asked for, so that somebody who has to approve them sees both.
  Status outcome = ok();
  if (is_due(&RaState::signs)) outcome = issue(configuration, configuration.signing_template, all);
  if (is_due(&RaState::encrypts) && !configuration.is_one())
    if (Status second = issue(configuration, configuration.encryption_template, all); !second)
      outcome = std::move(second);
  return outcome;
}

bool RaKeys::is_signed_by(Bytes issuer, const RaState& state) const {
  if (issuer.empty()) return true;
  const auto ca = x509::parse_certificate(issuer), own = x509::parse_certificate(state.kept.certificate);
  if (!ca || !own) return true;
  const auto algorithm = x509::parse_signature_algorithm(own->signature_algorithm);
  return !algorithm ||
         context_.provider.verify(ca->public_key_info, *algorithm, own->tbs, own->signature).has_value();
}

Status RaKeys::renew(const RaConfiguration& configuration) {
  const auto all = TRY(states());
  Status outcome = issue(configuration, configuration.signing_template, all);
  if (!configuration.is_one())
    if (Status second = issue(configuration, configuration.encryption_template, all); !second)
      outcome = std::move(second);
  TRY(std::move(outcome));
  const std::scoped_lock lock(guards_loaded_);
  return load();
}

Buffer RaKeys::subject_for(const RaConfiguration& configuration, const std::vector<RaState>& states) const {
  for (const RaState& state : states)
    if (state.current)
      if (const auto view = x509::parse_certificate(state.kept.certificate)) return to_buffer(view->subject);
  // RFC 5280 appendix A.1 allows 64 characters.
  std::string name = configuration.name.empty() ? context_.host + "-MSCEP-RA" : configuration.name;
  if (name.size() > 64) name = "MSCEP-RA";
  return x509::encode_name(x509::make_name({{x509::oid::kCommonName, name}}));
}

Result<RaStore::Waiting> RaKeys::new_request(const RaConfiguration& configuration,
                                             const std::vector<RaState>& states) {
  const crypto::KeySpec spec{.type = x509::KeyType::rsa,
                             .rsa_bits = static_cast<std::size_t>(configuration.key_bits)};
  const auto key = TRY(context_.provider.generate(spec));
  RaStore::Waiting made;
  made.request = TRY(make_request(*key, subject_for(configuration, states)));
  made.reference = TRY(store_->keep_key(*key));
  return made;
}

// One that was handed in before and waits for approval is asked about again.
Status RaKeys::issue(const RaConfiguration& configuration, const std::string& template_name,
                     const std::vector<RaState>& states) {
  auto waiting = TRY(store_->waiting(template_name));
  if (!waiting) {
    waiting = TRY(new_request(configuration, states));
    TRY(store_->keep_waiting(template_name, waiting));
  }
  const Status asked = ask_for(*waiting, template_name);
  // A key that nothing leads to is of no use.
  if (!asked && !TRY(store_->waiting(template_name))) (void)store_->forget(waiting->reference);
  return Status(asked).context("issuing the registration authority's certificate by template {}",
                               template_name);
}

Status RaKeys::ask_for(const RaStore::Waiting& waiting, const std::string& template_name) {
  const ca::Outcome outcome = TRY(issue_(waiting.request, template_name));
  if (outcome.disposition == ca::Disposition::pending || outcome.disposition == ca::Disposition::issuing)
    return make_error(Errc::pending, "request {} for it waits for approval", outcome.request)
        .with_hint(fmt::format(
            "at the CA: vouch request approve {}; or bring a certificate with vouch scep ra import",
            outcome.request));
  TRY(store_->keep_waiting(template_name, std::nullopt));
  if (outcome.disposition != ca::Disposition::issued)
    return make_error(Errc::denied, "{}", outcome.message).with_hint(outcome.mend);
  return store_->keep({outcome.certificate, waiting.reference});
}

// Messages that were made for an earlier key arrive for some time: devices keep what GetCACert gave them.
Status RaKeys::forget_old(const RaConfiguration& configuration) {
  const auto grace = TRY(parse_span(configuration.grace)).seconds;
  const auto all = TRY(states());
  for (const RaState& state : all) {
    if (state.current) continue;
    const auto successor = std::ranges::find_if(all, [&](const RaState& other) {
      return other.current && other.not_before >= state.not_before &&
             ((other.signs && state.signs) || (other.encrypts && state.encrypts));
    });
    if (successor != all.end() && context_.clock.now() >= successor->not_before + grace)
      TRY(store_->forget(state.kept.reference));
  }
  return ok();
}

Status RaKeys::take(const crypto::PrivateKey& key, Bytes certificate) {
  const auto view = TRY(x509::parse_certificate(certificate));
  if (!equal(view.public_key_info, key.public_key_info()))
    return make_error(Errc::malformed, "the key is not the certificate's");
  for (const RaState& state : TRY(states()))
    if (equal(state.kept.certificate, certificate)) return ok();
  const RaState taken = TRY(state_of({to_buffer(certificate), ""}));
  if (!taken.signs && !taken.encrypts)
    return make_error(Errc::malformed, "the certificate is neither for signing nor for encryption");
  const std::string reference = TRY(store_->keep_key(key));
  if (const Status kept = store_->keep({to_buffer(certificate), reference}); !kept) {
    (void)store_->forget(reference);
    return kept;
  }
  return ok();
}

}  // namespace vouch::daemon::scep
