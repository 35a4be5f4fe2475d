#pragma once
// TLS 1.2 and 1.3 for the server, as a filter of octets: no sockets, and no opinion about certificates.
// Whether a client's certificate is good is decided by a function that is passed in.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "net/http.hpp"

namespace vouch::net {

// A certificate with its chain and its key. PEM, or DER (then the certificate alone).
struct TlsIdentity {
  Buffer chain;  // the server's own certificate first
  Buffer key;    // PKCS #8 or traditional, not encrypted
  // For which server names (RFC 6066) it is chosen: "www.example.test", "*.example.test". The first identity
  // of a listener answers every other name and clients that name none.
  std::vector<std::string> names;
};

enum class AskForCertificate : std::uint8_t {
  never,     // SCEP: several clients fail when they are asked
  optional,  // a client without one gets in
  required,
};

// Runs on an I/O thread during the handshake, for a client that sent a certificate and proved to have its
// key. A failure ends the handshake. `chain` is in DER, the client's own certificate first, in the order
// sent.
using CheckClientCertificate = std::function<Status(const std::vector<Buffer>& chain)>;

struct TlsSettings {
  std::vector<TlsIdentity> identities;
  AskForCertificate ask = AskForCertificate::never;
  CheckClientCertificate check;  // needed unless `ask` is never
  std::vector<Buffer>
      acceptable_issuers;  // names in DER, told to clients so that they choose rightly; may be empty
  std::string tls12_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
};

// One connection. Octets from the network go in with `feed`, octets for it come out of `output`.
class TlsSession {
 public:
  virtual ~TlsSession() = default;
  virtual Status feed(std::string_view from_network) = 0;
  // Does what can be done of the handshake. True when it is complete.
  virtual Result<bool> handshake() = 0;
  // Decrypts; 0 when more has to be fed first. `closed()` tells a proper end apart.
  virtual Result<std::size_t> read(std::span<char> out) = 0;
  virtual Status write(std::string_view text) = 0;
  virtual void close() = 0;  // says good-bye; what follows in `output` still has to be sent
  virtual bool closed() const = 0;
  // Moves what has to go to the network to the end of `out`.
  virtual void take_output(std::string& out) = 0;
  // Gives back the memory of records; for a session that is idle.
  virtual void rest() = 0;
  virtual TlsPeer peer() const = 0;
};

// The settings in effect for new connections. Sessions keep what they were made from.
class TlsContext {
 public:
  // `malformed` or `denied` when a certificate or key cannot be used, naming which.
  static Result<std::shared_ptr<const TlsContext>> create(TlsSettings settings);
  virtual ~TlsContext() = default;
  virtual Result<std::unique_ptr<TlsSession>> accept() const = 0;
};

}  // namespace vouch::net
