#include "daemon/mdm/minters.hpp"

#include "ca/challenges.hpp"

namespace vouch::daemon::mdm {
namespace {

using enroll::mdm::BoundChallengeWish, enroll::mdm::MintedPassword, enroll::mdm::PasswordMinter;

// The authority keeps it as scrypt makes it.
Error cannot_be_shown(std::string_view profile) {
  return make_error(Errc::unsupported,
                    "the single password of profile '{}' is kept as a hash: nobody can show it", profile)
      .with_hint("challenge = \"password\" keeps it in a file, and the page shows it");
}

class MinterHere final : public PasswordMinter {
 public:
  MinterHere(const ca::Environment& environment, std::string authority, scep::ProfileConfiguration profile)
      : environment_(environment), authority_(std::move(authority)), profile_(std::move(profile)) {}

  Result<MintedPassword> one_time(std::string_view user, std::string_view profile) override {
    return password_of(ca::mint_password(environment_, authority_, {.profile = std::string(profile)}, user));
  }
  Result<MintedPassword> single(std::string_view, std::string_view profile) override {
    return cannot_be_shown(profile);
  }
  Result<MintedPassword> bound(std::string_view user, const BoundChallengeWish& wish) override {
    const ca::MintOrder order = TRY(ca::mint_order_of(TRY(complete_order(wish, profile_))));
    return password_of(ca::mint_challenge(environment_, authority_, order, user));
  }

 private:
  static Result<MintedPassword> password_of(Result<ca::Minted> minted) {
    if (!minted) return std::move(minted.error());
    return MintedPassword{std::move(minted->text), minted->record.expires_at};
  }
  const ca::Environment& environment_;
  const std::string authority_;
  const scep::ProfileConfiguration profile_;
};

class MinterThere final : public PasswordMinter {
 public:
  MinterThere(const api::RemoteAuthority& authority, scep::ProfileConfiguration profile)
      : authority_(authority), profile_(std::move(profile)) {}

  Result<MintedPassword> one_time(std::string_view user, std::string_view profile) override {
    return password_of(authority_.mint("/passwords", Value().set("profile", profile), user));
  }
  Result<MintedPassword> single(std::string_view, std::string_view profile) override {
    return cannot_be_shown(profile);
  }
  Result<MintedPassword> bound(std::string_view user, const BoundChallengeWish& wish) override {
    return password_of(authority_.mint("", TRY(complete_order(wish, profile_)), user));
  }

 private:
  static Result<MintedPassword> password_of(Result<Value> answer) {
    if (!answer) return std::move(answer.error());
    const Value *text = answer->find("text"), *challenge = answer->find("challenge");
    const Value* end = challenge != nullptr ? challenge->find("expires_at") : nullptr;
    if (text == nullptr || text->text() == nullptr)
      return make_error(Errc::unavailable, "the authority's answer has no challenge in it");
    std::optional<Time> expires;
    if (end != nullptr && end->text() != nullptr) expires = TRY(parse_time(*end->text()));
    return MintedPassword{Secret(*text->text()), expires};
  }
  const api::RemoteAuthority& authority_;
  const scep::ProfileConfiguration profile_;
};

// NDES's choice by key usage, as for requests.
std::string template_for(std::uint16_t usage, const scep::ProfileConfiguration& profile) {
  const bool signs = (usage & (x509::digital_signature | x509::content_commitment)) != 0;
  const bool encrypts =
      (usage & (x509::key_encipherment | x509::data_encipherment | x509::key_agreement)) != 0;
  if (signs && !encrypts && !profile.signature_template.empty()) return profile.signature_template;
  if (encrypts && !signs && !profile.encryption_template.empty()) return profile.encryption_template;
  return profile.general_template;
}

}  // namespace

Result<Value> complete_order(const BoundChallengeWish& wish, const scep::ProfileConfiguration& profile) {
  Value order = wish.expectations;
  if (const Value* named = order.find("profile");
      named != nullptr && named->text() != nullptr && *named->text() != profile.name)
    return make_error(Errc::usage, "this page mints for the profile '{}', not for '{}'", profile.name,
                      *named->text());
  order.set("profile", profile.name);
  if (order.find("template") == nullptr)
    if (std::string name = template_for(wish.key_usage, profile); !name.empty())
      order.set("template", std::move(name));
  if (order.find("key_usage") == nullptr && wish.key_usage != 0) {
    Value usage = Value::list();
    for (const std::string_view name : x509::key_usage_names(wish.key_usage)) usage.push(name);
    order.set("key_usage", std::move(usage));
  }
  return order;
}

std::unique_ptr<PasswordMinter> minter_here(const ca::Environment& environment, std::string authority,
                                            scep::ProfileConfiguration profile) {
  return std::make_unique<MinterHere>(environment, std::move(authority), std::move(profile));
}

std::unique_ptr<PasswordMinter> minter_there(const api::RemoteAuthority& authority,
                                             scep::ProfileConfiguration profile) {
  return std::make_unique<MinterThere>(authority, std::move(profile));
}

}  // namespace vouch::daemon::mdm
