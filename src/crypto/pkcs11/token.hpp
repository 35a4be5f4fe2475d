#pragma once
// One token: finding its slot, logging in, and a pool of sessions for the threads that use its keys.

#include <functional>

#include "crypto/pkcs11/attributes.hpp"
#include "crypto/pkcs11/module.hpp"
#include "crypto/tokens.hpp"

namespace vouch::crypto::pkcs11 {

// A slot with a token in it, as its module tells it.
struct Slot {
  CK_SLOT_ID id = 0;
  TokenUri uri;  // label, manufacturer, model and serial number of its token
  CK_FLAGS flags = 0;
};
Result<std::vector<Slot>> find_slots(const Module::Use& use, const TokenUri& which);

// A session that one thread has to itself.
class Session {
 public:
  Session(const Module::Use& use, const Slot& slot, CK_SESSION_HANDLE handle)
      : use_(use), slot_(slot), handle_(handle) {}

  const CK_FUNCTION_LIST& call() const { return use_.call(); }
  CK_SESSION_HANDLE handle() const { return handle_; }
  std::uint64_t epoch() const { return use_.epoch(); }
  const Slot& slot() const { return slot_; }
  std::string token() const { return describe_token(slot_.uri); }

  // ok() for CKR_OK; otherwise the error, and a mark when another session may do better.
  Status check(CK_RV answer, std::string_view doing);
  void mark_lost() { lost_ = true; }
  bool lost() const { return lost_; }

  // Handles of the objects that fit; at most `most`.
  Result<std::vector<CK_OBJECT_HANDLE>> find(const Attributes& which, std::size_t most);
  // One attribute's value; empty when the object has none or does not give it away.
  Buffer value(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  bool flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  // Fails with `unsupported` when the token has no such mechanism, or not for that.
  Status need_mechanism(CK_MECHANISM_TYPE mechanism, std::string_view name, CK_FLAGS for_what);

 private:
  const Module::Use& use_;
  const Slot& slot_;
  CK_SESSION_HANDLE handle_;
  bool lost_ = false;
};

enum class Access { read, write };  // write: on the token; not pooled
enum class Patience { once, again };

class Token {
 public:
  Token(std::shared_ptr<Module> module, TokenUri which)
      : module_(std::move(module)), which_(std::move(which)) {}

  using Work = std::function<Status(Session&)>;
  // Runs `work` in a session that is logged in (when there is a PIN source). With Patience::again and a
  // failure that may pass, the module is started anew and `work` runs a second time.
  Status run(const PinSource& pin, Access access, Patience patience, const Work& work);

  const std::shared_ptr<Module>& module() const { return module_; }
  // Login for a single operation, which some keys want (CKA_ALWAYS_AUTHENTICATE).
  Status log_in_for_operation(Session& session, const PinSource& pin);

 private:
  Status prepare(const Module::Use& use, const PinSource& pin);
  Status log_in(const Module::Use& use, const PinSource& pin);
  Status offer_pin(const CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, CK_USER_TYPE user,
                   const PinSource& pin);
  Result<CK_SESSION_HANDLE> take(const Module::Use& use, Access access);
  void give(const Module::Use& use, CK_SESSION_HANDLE session, Access access, bool keep);

  const std::shared_ptr<Module> module_;
  const TokenUri which_;
  std::mutex guards_state_;  // all below
  std::uint64_t epoch_ = 0;  // of the module when the slot was found; 0: not found
  Slot slot_;
  CK_SESSION_HANDLE anchor_ = 0;  // kept open: closing the last session logs out
  bool logged_in_ = false;
  std::vector<CK_SESSION_HANDLE> idle_;
};

}  // namespace vouch::crypto::pkcs11
