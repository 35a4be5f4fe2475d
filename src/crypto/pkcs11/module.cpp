#include "crypto/pkcs11/module.hpp"

#include <dlfcn.h>

#include "base/files.hpp"
#include "crypto/pkcs11/errors.hpp"

namespace vouch::crypto::pkcs11 {
namespace {

// Where distributions put modules, for module-name.
constexpr std::string_view kFolders[] = {
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/lib/softhsm",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/lib",
};

}  // namespace

RefusedPins::~RefusedPins() {
  for (auto& [token, pin] : pins_) wipe(pin);
}

bool RefusedPins::contains(const std::string& token, const std::string& pin) const {
  const std::lock_guard lock(guards_pins_);
  const auto found = pins_.find(token);
  return found != pins_.end() && equal_constant_time(as_bytes(found->second), as_bytes(pin));
}

void RefusedPins::add(const std::string& token, const std::string& pin) {
  const std::lock_guard lock(guards_pins_);
  wipe(pins_[token]);
  pins_[token] = pin;
}

void RefusedPins::forget(const std::string& token) {
  const std::lock_guard lock(guards_pins_);
  if (const auto found = pins_.find(token); found != pins_.end()) {
    wipe(found->second);
    pins_.erase(found);
  }
}

Result<std::string> module_file(const TokenUri& uri) {
  std::error_code ignored;
  if (!uri.module_path.empty()) {
    if (fs::is_regular_file(uri.module_path, ignored)) return uri.module_path;
    return make_error(Errc::not_found, "there is no PKCS #11 module {}", uri.module_path)
        .with_hint("install the token's driver, or correct module-path or the setting keys.pkcs11_module");
  }
  if (uri.module_name.empty())
    return make_error(Errc::usage, "nothing says which PKCS #11 module reaches {}", describe_token(uri))
        .with_hint(
            "add ?module-path=/path/to/module.so to the URI, or: vouch config set keys.pkcs11_module PATH");
  if (uri.module_name.contains('/'))
    return make_error(Errc::usage, "module-name is a name, '{}' is a path", uri.module_name)
        .with_hint("write module-path=… for a path");
  // RFC 7512 2.3: the name "without any operating system-specific affixes".
  for (const std::string_view folder : kFolders)
    for (const std::string_view prefix : {"", "lib"}) {
      const fs::path file = fs::path(folder) / fmt::format("{}{}.so", prefix, uri.module_name);
      if (fs::is_regular_file(file, ignored)) return file.string();
    }
  return make_error(Errc::not_found, "there is no PKCS #11 module named '{}'", uri.module_name)
      .with_hint("give its whole path: module-path=/path/to/module.so");
}

Result<std::shared_ptr<Module>> Module::load(const std::string& path) {
  // Never closed: modules leave threads and exit handlers behind, which would run into unmapped code.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return make_error(Errc::unsupported, "cannot load the PKCS #11 module {}: {}", path,
                      why ? why : "unknown");
  }
  const auto get_functions = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (get_functions == nullptr || get_functions(&functions) != CKR_OK || functions == nullptr)
    return make_error(Errc::unsupported, "{} is no PKCS #11 module", path);
  auto module = std::make_shared<Module>(path, functions);
  TRY(module->initialise());
  return module;
}

Module::~Module() {
  if (ours_) functions_->C_Finalize(nullptr);
}

Status Module::initialise() {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;  // threads of ours call it at the same time
  const CK_RV answer = functions_->C_Initialize(&arguments);
  ours_ = answer == CKR_OK;
  if (answer == CKR_OK || answer == CKR_CRYPTOKI_ALREADY_INITIALIZED) return ok();
  return call_failed(answer, "starting", fmt::format("module {}", path_));
}

Status Module::restart(std::uint64_t epoch) {
  const std::unique_lock lock(guards_life_);
  if (epoch_ != epoch) return ok();
  ++epoch_;
  functions_->C_Finalize(nullptr);
  return initialise();
}

}  // namespace vouch::crypto::pkcs11
