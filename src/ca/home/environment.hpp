#pragma once
// What the authority's functions work with, passed in by whoever composes the program.

#include <functional>
#include <memory>

#include "base/time.hpp"
#include "ca/home/home.hpp"
#include "crypto/provider.hpp"
#include "crypto/tokens.hpp"
#include "store/database.hpp"

namespace vouch::ca {

struct Environment;

// Private keys that another process holds: of the service, whose keys live in its signer process. Used from
// several threads.
class KeySource {
 public:
  virtual ~KeySource() = default;
  // The key of a reference, as load_key takes it. Every use of it is a message to that process.
  virtual Result<std::unique_ptr<crypto::PrivateKey>> find(const Environment& environment,
                                                           std::string_view reference) const = 0;
  // That the key could sign now: its token is there, its file can be read.
  virtual Status check(const Environment& environment, std::string_view reference) const = 0;
};

struct Environment {
  const Home& home;
  store::Database& database;
  const crypto::Provider& provider;
  const Clock& clock;
  // The passphrase of a key file, asked for only when the file is encrypted; the argument says which.
  std::function<Result<std::string>(std::string_view key)> passphrase;
  // The groups of an account, for roles that are granted to groups; none: no account is in any.
  std::function<std::vector<std::string>(std::string_view account)> groups = {};
  std::shared_ptr<const crypto::Tokens> tokens{};  // none: this program reaches no tokens
  crypto::PinSource pin{};                         // none: only a URI's pin-source gives PINs
  // Something a person should know while he waits; none: nobody is there.
  std::function<void(const std::string& text)> tell{};
  std::shared_ptr<const KeySource> keys{};  // none: keys are loaded in this process
  // Gives octets to a web server that takes them (HTTP PUT); none: this program reaches no network.
  std::function<Status(const std::string& url, std::string_view content_type, Bytes content)> upload{};
};

}  // namespace vouch::ca
