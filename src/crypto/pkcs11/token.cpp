#include "crypto/pkcs11/token.hpp"

#include <algorithm>

#include "crypto/pkcs11/errors.hpp"

namespace vouch::crypto::pkcs11 {
namespace {

constexpr std::size_t kMaxIdle = 64;  // more threads than that do not sign at once
constexpr std::size_t kMaxSlots = 256;
constexpr std::size_t kMaxValue = 64 << 10;

// PKCS #11 pads its texts with blanks; some tokens end them with NUL.
template <std::size_t size>
std::string text_of(const unsigned char (&field)[size]) {
  std::string_view text(reinterpret_cast<const char*>(field), size);
  text = text.substr(0, text.find('\0'));
  const auto last = text.find_last_not_of(' ');
  return std::string(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

bool fits(const std::string& wanted, const std::string& there) { return wanted.empty() || wanted == there; }

bool fits_token(const TokenUri& wanted, const TokenUri& there) {
  return fits(wanted.token, there.token) && fits(wanted.manufacturer, there.manufacturer) &&
         fits(wanted.model, there.model) && fits(wanted.serial, there.serial);
}

Status check_library(const Module::Use& use, const TokenUri& wanted) {
  if (wanted.library_description.empty() && wanted.library_manufacturer.empty() &&
      wanted.library_version.empty())
    return ok();
  CK_INFO info{};
  if (const CK_RV answer = use.call().C_GetInfo(&info); answer != CKR_OK)
    return call_failed(answer, "asking for the module's name", "the module");
  const std::string version = fmt::format("{}.{}", info.libraryVersion.major, info.libraryVersion.minor);
  if (fits(wanted.library_description, text_of(info.libraryDescription)) &&
      fits(wanted.library_manufacturer, text_of(info.manufacturerID)) &&
      fits(wanted.library_version, version))
    return ok();
  return make_error(Errc::not_found,
                    "the PKCS #11 module is '{}' of '{}', version {}, and not what the URI asks for",
                    text_of(info.libraryDescription), text_of(info.manufacturerID), version);
}

std::string names_of(const std::vector<Slot>& slots) {
  std::string names;
  for (const Slot& slot : slots)
    names += fmt::format("{}'{}' (serial={})", names.empty() ? "" : ", ", slot.uri.token, slot.uri.serial);
  return names;
}

}  // namespace

Result<std::vector<Slot>> find_slots(const Module::Use& use, const TokenUri& which) {
  TRY(check_library(use, which));
  std::vector<CK_SLOT_ID> ids(kMaxSlots);
  CK_ULONG count = ids.size();
  if (const CK_RV answer = use.call().C_GetSlotList(CK_TRUE, ids.data(), &count); answer != CKR_OK)
    return call_failed(answer, "listing tokens", "the module");
  std::vector<Slot> found;
  for (const CK_SLOT_ID id : std::span(ids).first(std::min<std::size_t>(count, ids.size()))) {
    CK_TOKEN_INFO info{};
    if (use.call().C_GetTokenInfo(id, &info) != CKR_OK) continue;  // taken out since
    if (!(info.flags & CKF_TOKEN_INITIALIZED)) continue;
    Slot slot;
    slot.id = id;
    slot.flags = info.flags;
    slot.uri.token = text_of(info.label);
    slot.uri.manufacturer = text_of(info.manufacturerID);
    slot.uri.model = text_of(info.model);
    slot.uri.serial = text_of(info.serialNumber);
    if (which.slot_id && *which.slot_id != id) continue;
    if (!fits_token(which, slot.uri)) continue;
    CK_SLOT_INFO about{};
    if (!which.slot_description.empty() || !which.slot_manufacturer.empty()) {
      if (use.call().C_GetSlotInfo(id, &about) != CKR_OK) continue;
      if (!fits(which.slot_description, text_of(about.slotDescription)) ||
          !fits(which.slot_manufacturer, text_of(about.manufacturerID)))
        continue;
    }
    found.push_back(std::move(slot));
  }
  return found;
}

Status Session::check(CK_RV answer, std::string_view doing) {
  if (answer == CKR_OK) return ok();
  if (may_pass(answer)) lost_ = true;
  return call_failed(answer, doing, token());
}

Result<std::vector<CK_OBJECT_HANDLE>> Session::find(const Attributes& which, std::size_t most) {
  TRY(check(call().C_FindObjectsInit(handle_, which.data(), which.size()), "searching"));
  std::vector<CK_OBJECT_HANDLE> found;
  Status status = ok();
  while (found.size() < most) {
    CK_OBJECT_HANDLE batch[16];
    CK_ULONG count = 0;
    status = check(call().C_FindObjects(handle_, batch, std::size(batch), &count), "searching");
    if (!status || count == 0) break;
    found.insert(found.end(), batch, batch + std::min<CK_ULONG>(count, std::size(batch)));
  }
  call().C_FindObjectsFinal(handle_);
  TRY(std::move(status));
  if (found.size() > most) found.resize(most);
  return found;
}

Buffer Session::value(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  CK_ATTRIBUTE attribute{type, nullptr, 0};
  if (call().C_GetAttributeValue(handle_, object, &attribute, 1) != CKR_OK ||
      attribute.ulValueLen > kMaxValue)  // CK_UNAVAILABLE_INFORMATION is the largest number
    return {};
  Buffer value(attribute.ulValueLen);
  attribute.pValue = value.data();
  if (call().C_GetAttributeValue(handle_, object, &attribute, 1) != CKR_OK) return {};
  value.resize(std::min<std::size_t>(attribute.ulValueLen, value.size()));
  return value;
}

bool Session::flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  const Buffer octets = value(object, type);
  return !octets.empty() && octets[0] != CK_FALSE;
}

Status Session::need_mechanism(CK_MECHANISM_TYPE mechanism, std::string_view name, CK_FLAGS for_what) {
  CK_MECHANISM_INFO info{};
  const CK_RV answer = call().C_GetMechanismInfo(slot_.id, mechanism, &info);
  if (answer == CKR_OK && (info.flags & for_what)) return ok();
  if (answer != CKR_OK && answer != CKR_MECHANISM_INVALID)
    return check(answer, fmt::format("asking for the mechanism {}", name));
  return make_error(Errc::unsupported, "{} does not do {}{}", token(), name,
                    for_what & CKF_SIGN ? " for signing" : "")
      .with_hint("choose another kind of key with --key, or another token");
}

Status Token::run(const PinSource& pin, Access access, Patience patience, const Work& work) {
  for (bool second = false;; second = true) {
    std::uint64_t epoch = 0;
    bool may_help = false;
    Status status = ok();
    {
      const Module::Use use = module_->use();
      epoch = use.epoch();
      const auto attempt = [&]() -> Status {
        TRY(prepare(use, pin));
        const CK_SESSION_HANDLE handle = TRY(take(use, access));
        Slot slot;
        {
          const std::lock_guard lock(guards_state_);
          slot = slot_;
        }
        Session session(use, slot, handle);
        Status done = work(session);
        may_help = session.lost();
        give(use, handle, access, done.has_value());
        return done;
      };
      status = attempt();
      if (!status && status.error().code() == Errc::unavailable) may_help = true;
    }
    if (status || !may_help || second || patience == Patience::once) {
      if (!status && may_help) {
        // What was found of this token is void; the next operation looks again.
        const std::lock_guard lock(guards_state_);
        if (epoch_ == epoch) epoch_ = 0;
      }
      return status;
    }
    if (auto restarted = module_->restart(epoch); !restarted) return restarted;
  }
}

Status Token::prepare(const Module::Use& use, const PinSource& pin) {
  const std::lock_guard lock(guards_state_);
  if (epoch_ != use.epoch()) {
    idle_.clear();
    anchor_ = 0;
    logged_in_ = false;
    const auto slots = TRY(find_slots(use, which_));
    if (slots.empty()) {
      const auto all = TRY(find_slots(use, TokenUri{}));
      return make_error(Errc::unavailable, "{} is not there", describe_token(which_))
          .with_hint(fmt::format("connect it, or start its service; the next operation finds it without a "
                                 "restart ({} shows {})",
                                 module_->path(), all.empty() ? "no token" : names_of(all)));
    }
    if (slots.size() > 1)
      return make_error(Errc::conflict, "{} tokens fit the URI: {}", slots.size(), names_of(slots))
          .with_hint("add serial=… to the URI");
    slot_ = slots.front();
    epoch_ = use.epoch();
  }
  if (!pin || logged_in_) return ok();
  return log_in(use, pin);
}

Status Token::log_in(const Module::Use& use, const PinSource& pin) {
  if (anchor_ == 0) {
    const CK_RV answer = use.call().C_OpenSession(slot_.id, CKF_SERIAL_SESSION, nullptr, nullptr, &anchor_);
    if (answer != CKR_OK) {
      anchor_ = 0;
      return call_failed(answer, "opening a session", describe_token(slot_.uri));
    }
  }
  if (slot_.flags & CKF_LOGIN_REQUIRED) TRY(offer_pin(use.call(), anchor_, CKU_USER, pin));
  logged_in_ = true;
  return ok();
}

Status Token::offer_pin(const CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, CK_USER_TYPE user,
                        const PinSource& source) {
  const std::string token = describe_token(slot_.uri);
  const std::string identity = slot_.uri.serial + '\n' + slot_.uri.token;
  CK_RV answer = CKR_OK;
  if (slot_.flags & CKF_PROTECTED_AUTHENTICATION_PATH) {
    answer = call.C_Login(session, user, nullptr, 0);  // typed on the device itself
  } else {
    CK_TOKEN_INFO info{};
    if (call.C_GetTokenInfo(slot_.id, &info) == CKR_OK) {
      if (info.flags & CKF_USER_PIN_LOCKED) return call_failed(CKR_PIN_LOCKED, "logging in", token);
      // One more mistake locks it: that one a person makes, not a program.
      if (info.flags & CKF_USER_PIN_FINAL_TRY)
        return make_error(Errc::denied, "{} would be locked by one more wrong PIN, so none is tried", token)
            .with_hint("log in once with the right PIN by the token's own program, then try again");
    }
    std::string pin = TRY(source({slot_.uri.token, which_.pin_source}));
    if (module_->refused_pins().contains(identity, pin)) {
      wipe(pin);
      return make_error(Errc::denied, "{} has refused this PIN before, and it is not tried again", token)
          .with_hint("correct the PIN where it comes from; tokens lock after a few wrong ones");
    }
    std::vector<CK_UTF8CHAR> octets(pin.begin(), pin.end());
    answer = call.C_Login(session, user, octets.data(), octets.size());
    wipe(octets);
    if (answer == CKR_PIN_INCORRECT || answer == CKR_PIN_INVALID || answer == CKR_PIN_LEN_RANGE)
      module_->refused_pins().add(identity, pin);
    else if (answer == CKR_OK)
      module_->refused_pins().forget(identity);
    wipe(pin);
  }
  if (answer == CKR_OK || (user == CKU_USER && answer == CKR_USER_ALREADY_LOGGED_IN)) return ok();
  if (answer == CKR_PIN_INCORRECT || answer == CKR_PIN_INVALID || answer == CKR_PIN_LEN_RANGE)
    return make_error(Errc::denied, "{} refused the PIN", token)
        .with_hint(
            "correct the PIN where it comes from (--pin-file, pin-source, environment); it is not tried a "
            "second time, because tokens lock after a few wrong ones");
  return call_failed(answer, "logging in", token);
}

Status Token::log_in_for_operation(Session& session, const PinSource& pin) {
  const std::lock_guard lock(guards_state_);
  return offer_pin(session.call(), session.handle(), CKU_CONTEXT_SPECIFIC, pin);
}

Result<CK_SESSION_HANDLE> Token::take(const Module::Use& use, Access access) {
  CK_SLOT_ID slot = 0;
  {
    const std::lock_guard lock(guards_state_);
    if (access == Access::read && !idle_.empty()) {
      const CK_SESSION_HANDLE handle = idle_.back();
      idle_.pop_back();
      return handle;
    }
    slot = slot_.id;
  }
  const CK_FLAGS flags = CKF_SERIAL_SESSION | (access == Access::write ? CKF_RW_SESSION : 0ul);
  CK_SESSION_HANDLE handle = 0;
  const CK_RV answer = use.call().C_OpenSession(slot, flags, nullptr, nullptr, &handle);
  if (answer != CKR_OK) return call_failed(answer, "opening a session", describe_token(which_));
  return handle;
}

void Token::give(const Module::Use& use, CK_SESSION_HANDLE session, Access access, bool keep) {
  if (keep && access == Access::read) {
    const std::lock_guard lock(guards_state_);
    if (epoch_ == use.epoch() && idle_.size() < kMaxIdle) {
      idle_.push_back(session);
      return;
    }
  }
  use.call().C_CloseSession(session);
}

}  // namespace vouch::crypto::pkcs11
