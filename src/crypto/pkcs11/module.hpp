#pragma once
// One loaded module: dlopen, C_Initialize, and starting it anew when its tokens have gone, which ends every
// session. Whoever calls the module holds a Use meanwhile, so that a restart waits for calls that are under
// way.

#include <p11-kit/pkcs11.h>

#include <map>
#include <mutex>
#include <shared_mutex>

#include "crypto/token_uri.hpp"

namespace vouch::crypto::pkcs11 {

// PINs that a token refused: trying one again would only bring the token nearer to locking itself.
class RefusedPins {
 public:
  ~RefusedPins();
  bool contains(const std::string& token, const std::string& pin) const;
  void add(const std::string& token, const std::string& pin);
  void forget(const std::string& token);

 private:
  mutable std::mutex guards_pins_;
  std::map<std::string, std::string> pins_;
};

class Module {
 public:
  // Fails with `not_found` when there is no such file, `unsupported` when it is no module.
  static Result<std::shared_ptr<Module>> load(const std::string& path);
  Module(std::string path, CK_FUNCTION_LIST* functions) : path_(std::move(path)), functions_(functions) {}
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  class Use {
   public:
    explicit Use(const Module& module) : lock_(module.guards_life_), module_(&module) {}
    const CK_FUNCTION_LIST& call() const { return *module_->functions_; }
    // Changes with every restart; handles of another epoch are void.
    std::uint64_t epoch() const { return module_->epoch_; }

   private:
    std::shared_lock<std::shared_mutex> lock_;
    const Module* module_;
  };
  Use use() const { return Use(*this); }

  // Finalises and initialises the module, unless another thread has done so since `epoch`. The caller holds
  // no Use.
  Status restart(std::uint64_t epoch);
  const std::string& path() const { return path_; }
  RefusedPins& refused_pins() { return refused_pins_; }

 private:
  Status initialise();

  const std::string path_;
  CK_FUNCTION_LIST* const functions_;
  mutable std::shared_mutex guards_life_;  // shared: calls; exclusive: a restart
  std::uint64_t epoch_ = 1;
  bool ours_ = false;  // somebody else in this process may have initialised the module
  RefusedPins refused_pins_;
};

// The file that a URI's module-path or module-name leads to. `usage` when it has neither.
Result<std::string> module_file(const TokenUri& uri);

}  // namespace vouch::crypto::pkcs11
