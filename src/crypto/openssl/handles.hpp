#pragma once
// Owners of OpenSSL's objects, its error queue as an Error, secrets that are wiped, and a pool of
// contexts that threads borrow one at a time.

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace vouch::crypto::openssl {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using BigNumber = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;
using BigNumberContext = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD, Free<EVP_MD_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER, Free<EVP_CIPHER_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using Group = std::unique_ptr<EC_GROUP, Free<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Free<EC_POINT_clear_free>>;

// What failed, with the first reason of OpenSSL's error queue; empties the queue.
Error library_error(Errc code, std::string_view doing);
// For failures that are told in words of our own: the queue must not leak into the next operation.
void forget_library_errors();

// Octets that are wiped when they go. Of a fixed size, because growing would leave a copy behind.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size) : octets_(size) {}
  explicit Secret(Buffer&& octets) : octets_(std::move(octets)) {}
  explicit Secret(Bytes octets) : octets_(octets.begin(), octets.end()) {}
  Secret(Secret&& other) noexcept : octets_(std::exchange(other.octets_, {})) {}
  Secret& operator=(Secret&& other) noexcept {
    std::swap(octets_, other.octets_);
    return *this;
  }
  ~Secret() { wipe(octets_); }

  std::uint8_t* data() { return octets_.data(); }
  std::size_t size() const { return octets_.size(); }
  Bytes bytes() const { return octets_; }
  void shorten(std::size_t size) {
    wipe(std::span(octets_).subspan(size));
    octets_.resize(size);
  }

 private:
  Buffer octets_;
};

// Contexts are costly to set up and serve one thread at a time: a thread takes an idle one, or makes
// one when there is none, and gives it back after success.
template <class T>
class Pool {
 public:
  // nullptr when none is idle.
  std::unique_ptr<T> take() {
    const std::lock_guard lock(guards_idle_);
    if (idle_.empty()) return nullptr;
    auto last = std::move(idle_.back());
    idle_.pop_back();
    return last;
  }
  void give(std::unique_ptr<T> object) {
    const std::lock_guard lock(guards_idle_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(object));
  }

 private:
  static constexpr std::size_t kMaxIdle = 64;  // more threads than that do not sign at once
  std::mutex guards_idle_;
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace vouch::crypto::openssl
