#include "daemon/scep/there.hpp"

#include <algorithm>

#include "daemon/scep/events.hpp"
#include "daemon/scep/trust.hpp"
#include "x509/certificate.hpp"

namespace vouch::daemon::scep {
namespace {

using enroll::scep::CertificateRecords;

class RemoteRecords final : public CertificateRecords {
 public:
  explicit RemoteRecords(const api::RemoteAuthority& authority) : authority_(authority) {}

  Result<std::optional<Issued>> find(Bytes serial) const override {
    auto found = authority_.certificate(serial);
    if (!found && found.error().code() == Errc::not_found) return std::optional<Issued>();
    if (!found) return found.error();
    return std::optional<Issued>({std::move(found->der), std::move(found->template_name), found->revoked});
  }
  Result<Buffer> crl_about(const Issued& issued) const override {
    const auto view = TRY(x509::parse_certificate(issued.certificate));
    return authority_.crl_about(x509::serial_octets(view.serial));
  }

 private:
  const api::RemoteAuthority& authority_;
};

// Of an authority that outlives whoever has it.
std::shared_ptr<ca::Authority> borrowed(ca::Authority& authority) {
  return {std::shared_ptr<void>(), &authority};
}

}  // namespace

std::unique_ptr<RaKeys> ra_keys_there(api::RemoteAuthority& authority, const ThereSite::Context& context) {
  const auto issue = [&authority, &provider = context.provider](Bytes request,
                                                                const std::string& template_name) {
    ca::Submission submission;
    submission.request = to_buffer(request);
    submission.template_name = template_name;
    submission.requester = "vouch scep ra";
    submission.transaction =
        "scep-ra:" + to_hex(provider.digest(crypto::DigestAlgorithm::sha256, submission.request));
    return authority.submit(submission);
  };
  const auto issuer = [&authority]() -> Result<Buffer> {
    const auto chain = TRY(authority.chain());
    return chain.empty() ? Buffer() : chain.front();
  };
  return std::make_unique<RaKeys>(std::make_unique<FolderRaStore>(context.folder, context.provider),
                                  RaKeys::Context{context.provider, context.clock, context.host, issuer},
                                  issue);
}

ThereSite::ThereSite(api::RemoteAuthority& authority, const Context& context)
    : authority_(authority),
      provider_(context.provider),
      clock_(context.clock),
      keys_(ra_keys_there(authority, context)) {}

void ThereSite::note_refusal(const std::string&, const enroll::scep::Event& event) {
  note_refusal(refusal_of(event));
}

void ThereSite::note_refusal(ca::FrontEndRefusal refusal) {
  // What a device wrote may be long; a hundred of them have to fit into one body of the API.
  constexpr std::size_t kLongest = 256;
  for (std::string* text : {&refusal.profile, &refusal.client, &refusal.transaction, &refusal.code,
                            &refusal.expected, &refusal.received, &refusal.why, &refusal.user})
    if (text->size() > kLongest) text->resize(kLongest);
  refusal.seen_at = clock_.now();
  const std::scoped_lock lock(guards_refusals_);
  if (refusals_.size() >= ca::kMostRefusals) {
    ++left_out_;
    return;
  }
  refusal.left_out = std::exchange(left_out_, 0);
  refusals_.push_back(std::move(refusal));
}

Status ThereSite::deliver() {
  std::vector<ca::FrontEndRefusal> told;
  {
    const std::scoped_lock lock(guards_refusals_);
    told.swap(refusals_);
  }
  if (told.empty()) return ok();
  const Status done = authority_.report_refusals(told);
  if (done) return ok();
  const std::scoped_lock lock(guards_refusals_);
  const bool is_away = done.error().code() == Errc::unavailable || done.error().code() == Errc::timeout;
  if (!is_away) {
    left_out_ += told.size();
    return done;
  }
  // The oldest first, and no more than there is room for. That the CA is away, another state says.
  for (ca::FrontEndRefusal& newer : refusals_) {
    if (told.size() < ca::kMostRefusals)
      told.push_back(std::move(newer));
    else
      ++left_out_;
  }
  refusals_ = std::move(told);
  return ok();
}

Status ThereSite::check_name(const std::string& ca) const {
  if (ca.empty() || ca == authority_.settings().ca) return ok();
  return make_error(Errc::usage, "this registration authority passes requests to CA '{}', not to '{}'",
                    authority_.settings().ca, ca)
      .with_hint("correct the profile's ca, or leave it out");
}

Result<std::shared_ptr<const Ends>> ThereSite::ends(const std::string& ca) {
  TRY(check_name(ca));
  auto ends = std::make_shared<Ends>();
  ends->authority = borrowed(authority_);
  ends->records = std::make_shared<RemoteRecords>(authority_);
  ends->keys = [keys = keys_](Profile::Mode mode) -> Result<std::shared_ptr<const ServiceKeys>> {
    if (mode == Profile::Mode::ra) return keys->keys();
    return make_error(Errc::unavailable, "the CA's key is not on this host")
        .with_hint("write mode = \"ra\" for the profile");
  };
  return std::shared_ptr<const Ends>(std::move(ends));
}

Result<std::shared_ptr<RaKeys>> ThereSite::ra_keys(const std::string& ca) {
  TRY(check_name(ca));
  return keys_;
}

Result<Findings> ThereSite::examine(const ProfileConfiguration& profile) {
  Findings findings;
  TRY(check_name(profile.ca));
  const std::string& ca = authority_.settings().ca;
  if (profile.mode == Profile::Mode::ca)
    findings.faults.emplace_back(
        "mode = \"ca\" needs the CA's key, which is not on this host; write mode = \"ra\"");
  const api::RemoteCaller caller = TRY(authority_.caller());
  if (!caller.holds(ca::Role::reader, ca))
    findings.faults.push_back(fmt::format(
        "this host may not look up certificates, so nothing is renewed; at the CA: vouch role grant "
        "reader '{}'",
        caller.account));
  if (std::string other = judge_root(provider_, profile, TRY(authority_.chain())); !other.empty())
    findings.warnings.push_back(std::move(other));
  const auto published = authority_.templates();
  for (const std::string& name : profile.templates()) {
    if (!caller.holds(ca::Role::enroller, ca, name))
      findings.faults.push_back(
          fmt::format("this host may not enroll by template {}; at the CA: vouch role grant enroller '{}' "
                      "--template {}",
                      name, caller.account, name));
    if (published && std::ranges::find(*published, name) == published->end())
      findings.faults.push_back(
          fmt::format("template {} is not published; at the CA: vouch template publish {}", name, name));
  }
  return findings;
}

}  // namespace vouch::daemon::scep
