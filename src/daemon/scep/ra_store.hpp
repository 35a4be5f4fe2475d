#pragma once
// Where the certificates of a registration authority and their keys are kept. On the CA's host the database
// knows them, and the keys are files of the home that the signer process opens; on another host they are
// files in one folder. Keys are readable by the service's account alone.

#include <memory>
#include <string>
#include <vector>

#include "ca/home/environment.hpp"

namespace vouch::daemon::scep {

struct RaCertificate {
  Buffer certificate;     // DER
  std::string reference;  // of its key
};

class RaStore {
 public:
  virtual ~RaStore() = default;
  // In any order.
  virtual Result<std::vector<RaCertificate>> list() const = 0;
  // A key is kept before its certificate is asked for: a certificate whose key is lost would be worse.
  virtual Result<std::string> keep_key(const crypto::PrivateKey& key) = 0;
  virtual Status keep(const RaCertificate& certificate) = 0;
  // The key is overwritten. One without a certificate as well.
  virtual Status forget(const std::string& reference) = 0;
  virtual Result<std::unique_ptr<crypto::PrivateKey>> key(const RaCertificate& certificate) const = 0;

  // A request that was handed in and not decided yet: it is asked about again, after a restart too. Where
  // nobody's approval is waited for there is none.
  struct Waiting {
    Buffer request;         // PKCS #10 DER
    std::string reference;  // of its key
  };
  virtual Result<std::optional<Waiting>> waiting(const std::string&) const {
    return std::optional<Waiting>();
  }
  // None: it is decided.
  virtual Status keep_waiting(const std::string&, const std::optional<Waiting>&) { return ok(); }
};

class HomeRaStore final : public RaStore {
 public:
  // The environment outlives it.
  HomeRaStore(const ca::Environment& environment, store::AuthorityId authority, std::string name)
      : environment_(environment), authority_(authority), name_(std::move(name)) {}
  Result<std::vector<RaCertificate>> list() const override;
  Result<std::string> keep_key(const crypto::PrivateKey& key) override;
  Status keep(const RaCertificate& certificate) override;
  Status forget(const std::string& reference) override;
  Result<std::unique_ptr<crypto::PrivateKey>> key(const RaCertificate& certificate) const override;

 private:
  const ca::Environment& environment_;
  const store::AuthorityId authority_;
  const std::string name_;  // of key files
};

//   FOLDER/KEYID.key   PKCS #8, PEM, mode 0600
//   FOLDER/KEYID.pem   its certificate
//   FOLDER/TEMPLATE.csr  a request that waits for approval
class FolderRaStore final : public RaStore {
 public:
  // The provider outlives it.
  FolderRaStore(fs::path folder, const crypto::Provider& provider)
      : folder_(std::move(folder)), provider_(provider) {}
  Result<std::vector<RaCertificate>> list() const override;
  Result<std::string> keep_key(const crypto::PrivateKey& key) override;
  Status keep(const RaCertificate& certificate) override;
  Status forget(const std::string& reference) override;
  Result<std::unique_ptr<crypto::PrivateKey>> key(const RaCertificate& certificate) const override;
  Result<std::optional<Waiting>> waiting(const std::string& template_name) const override;
  Status keep_waiting(const std::string& template_name, const std::optional<Waiting>& waiting) override;

 private:
  const fs::path folder_;
  const crypto::Provider& provider_;
};

}  // namespace vouch::daemon::scep
