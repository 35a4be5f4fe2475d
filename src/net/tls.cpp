#include "net/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "base/pem.hpp"

namespace vouch::net {
namespace {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free>>;
using Name = std::unique_ptr<X509_NAME, Free<X509_NAME_free>>;

// What failed, with the first reason of OpenSSL's queue; empties the queue.
Error library_error(Errc code, std::string_view doing) {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  const char* reason = first == 0 ? nullptr : ERR_reason_error_string(first);
  return make_error(code, "{}: {}", doing, reason == nullptr ? "no reason given" : reason);
}

Result<Buffer> der_of(X509* certificate) {
  unsigned char* encoded = nullptr;
  const int size = i2d_X509(certificate, &encoded);
  if (size <= 0) return library_error(Errc::internal, "encoding a certificate");
  Buffer der(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

Result<Certificate> certificate_from(Bytes der) {
  const unsigned char* at = der.data();
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate || at != der.data() + der.size())
    return library_error(Errc::malformed, "reading a certificate for TLS");
  return certificate;
}

// An encrypted key is an error, not a prompt on somebody's terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<Key> key_from(Bytes octets) {
  Key key;
  if (looks_like_pem(octets)) {
    const Memory memory(BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())));
    key.reset(PEM_read_bio_PrivateKey(memory.get(), nullptr, &no_passphrase, nullptr));
  } else {
    const unsigned char* at = octets.data();
    key.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(octets.size())));
  }
  if (!key) return library_error(Errc::malformed, "reading the private key for TLS");
  return key;
}

bool name_matches(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with("*.")) return equal_names(pattern, name);
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && equal_names(pattern.substr(1), name.substr(dot));
}

// ALPN (RFC 7301): HTTP/1.1, or HTTP/1.0 (curl --http1.0 offers nothing else), or an end with the alert that
// section 3.2 asks for.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                    unsigned length, void*) {
  for (const std::string_view wanted : {"http/1.1", "http/1.0"}) {
    for (unsigned at = 0; at < length;) {
      const unsigned one = in[at];
      if (one + 1 > length - at) break;
      if (std::string_view(reinterpret_cast<const char*>(in + at + 1), one) == wanted) {
        *out = in + at + 1;
        *size = static_cast<unsigned char>(one);
        return SSL_TLSEXT_ERR_OK;
      }
      at += one + 1;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

class OpensslSession final : public TlsSession {
 public:
  OpensslSession(Session ssl, std::shared_ptr<const TlsContext> context)
      : ssl_(std::move(ssl)), context_(std::move(context)) {}

  Status feed(std::string_view from_network) override {
    while (!from_network.empty()) {
      const int n = BIO_write(SSL_get_rbio(ssl_.get()), from_network.data(),
                              static_cast<int>(std::min<std::size_t>(from_network.size(), INT_MAX)));
      if (n <= 0) return library_error(Errc::internal, "buffering TLS records");
      from_network.remove_prefix(static_cast<std::size_t>(n));
    }
    return ok();
  }

  Result<bool> handshake() override {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
      // From now on buffers stay until `rest`: to get and return them with each record costs more than to
      // copy it.
      SSL_clear_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
      return true;
    }
    const int error = SSL_get_error(ssl_.get(), done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
    return library_error(Errc::denied, "TLS handshake");
  }

  Result<std::size_t> read(std::span<char> out) override {
    ERR_clear_error();
    std::size_t got = 0;
    if (SSL_read_ex(ssl_.get(), out.data(), out.size(), &got) == 1) return got;
    switch (SSL_get_error(ssl_.get(), 0)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return std::size_t{0};
      case SSL_ERROR_ZERO_RETURN:
        closed_ = true;
        return std::size_t{0};
      default:
        return library_error(Errc::malformed, "reading TLS records");
    }
  }

  Status write(std::string_view text) override {
    ERR_clear_error();
    std::size_t written = 0;
    if (text.empty()) return ok();
    if (SSL_write_ex(ssl_.get(), text.data(), text.size(), &written) == 1 && written == text.size())
      return ok();
    return library_error(Errc::unavailable, "writing TLS records");
  }

  void close() override {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_.get()) == 1) (void)SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  bool closed() const override { return closed_; }

  void take_output(std::string& out) override {
    BIO* to_network = SSL_get_wbio(ssl_.get());
    const std::size_t waiting = BIO_ctrl_pending(to_network);
    if (waiting == 0) return;
    const std::size_t before = out.size();
    out.resize(before + waiting);
    const int n = BIO_read(to_network, out.data() + before, static_cast<int>(waiting));
    out.resize(before + static_cast<std::size_t>(std::max(n, 0)));
  }

  void rest() override { (void)SSL_free_buffers(ssl_.get()); }

  TlsPeer peer() const override {
    TlsPeer peer;
    peer.version = SSL_get_version(ssl_.get());
    const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
    if (cipher != nullptr) peer.cipher = SSL_CIPHER_get_name(cipher);
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    if (name != nullptr) peer.server_name = name;
    const Certificate own(SSL_get1_peer_certificate(ssl_.get()));
    if (!own) return peer;
    if (auto der = der_of(own.get())) peer.certificates.push_back(std::move(*der));
    // On a server this chain is without the client's own certificate.
    const STACK_OF(X509)* rest = SSL_get_peer_cert_chain(ssl_.get());
    for (int i = 0; rest != nullptr && i < sk_X509_num(rest); ++i)
      if (auto der = der_of(sk_X509_value(rest, i))) peer.certificates.push_back(std::move(*der));
    return peer;
  }

 private:
  Session ssl_;
  std::shared_ptr<const TlsContext> context_;  // its callbacks are used as long as the session lives
  bool closed_ = false;
};

class OpensslContext final : public TlsContext, public std::enable_shared_from_this<OpensslContext> {
 public:
  explicit OpensslContext(TlsSettings settings) : settings_(std::move(settings)) {}

  Status prepare() {
    if (settings_.identities.empty())
      return make_error(Errc::malformed, "a TLS listener needs a certificate");
    if (settings_.ask != AskForCertificate::never && !settings_.check)
      return make_error(Errc::internal, "nobody checks the client certificates that are asked for");
    for (const TlsIdentity& identity : settings_.identities)
      contexts_.push_back(TRY(make(identity).context("preparing TLS certificate {}", contexts_.size() + 1)));
    for (TlsIdentity& identity : settings_.identities) wipe(identity.key);
    return ok();
  }

  Result<std::unique_ptr<TlsSession>> accept() const override {
    ERR_clear_error();
    Session ssl(SSL_new(contexts_.front().get()));
    Memory from(BIO_new(BIO_s_mem())), to(BIO_new(BIO_s_mem()));
    if (!ssl || !from || !to) return library_error(Errc::unavailable, "starting TLS");
    BIO_set_mem_eof_return(from.get(), -1);  // empty means: more will come
    BIO_set_mem_eof_return(to.get(), -1);
    SSL_set_bio(ssl.get(), from.release(), to.release());
    SSL_set_accept_state(ssl.get());
    return std::make_unique<OpensslSession>(std::move(ssl), shared_from_this());
  }

 private:
  Result<Context> make(const TlsIdentity& identity) {
    ERR_clear_error();
    Context context(SSL_CTX_new(TLS_server_method()));
    if (!context) return library_error(Errc::internal, "preparing TLS");
    SSL_CTX* c = context.get();
    if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(c, settings_.tls12_ciphers.c_str()) != 1)
      return library_error(Errc::malformed, "choosing TLS ciphers");
    SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(c, &choose_protocol, nullptr);
    SSL_CTX_set_tlsext_servername_callback(c, &OpensslContext::choose_identity);
    SSL_CTX_set_tlsext_servername_arg(c, this);
    TRY(use_identity(c, identity));
    TRY(ask_for_certificate(c));
    return context;
  }

  static Status use_identity(SSL_CTX* context, const TlsIdentity& identity) {
    const auto blocks = TRY(pem_or_der(identity.chain, "CERTIFICATE", {"CERTIFICATE"}));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const Certificate certificate = TRY(certificate_from(blocks[i].der));
      const bool used = i == 0 ? SSL_CTX_use_certificate(context, certificate.get()) == 1
                               : SSL_CTX_add1_chain_cert(context, certificate.get()) == 1;
      if (!used) return library_error(Errc::denied, "using a certificate for TLS");
    }
    const Key key = TRY(key_from(identity.key));
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
      return library_error(Errc::denied, "using the private key for TLS");
    return ok();
  }

  Status ask_for_certificate(SSL_CTX* context) {
    constexpr std::string_view kApplication = "vouch";
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kApplication.data()),
                                   static_cast<unsigned>(kApplication.size()));
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (settings_.ask == AskForCertificate::never) {
      SSL_CTX_set_num_tickets(context, 1);
      return ok();
    }
    // Every connection is checked anew, so none is resumed.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    const int required = settings_.ask == AskForCertificate::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
    SSL_CTX_set_cert_verify_callback(context, &OpensslContext::verify, this);
    for (const Buffer& issuer : settings_.acceptable_issuers) {
      const unsigned char* at = issuer.data();
      Name name(d2i_X509_NAME(nullptr, &at, static_cast<long>(issuer.size())));
      if (!name) return library_error(Errc::malformed, "reading the name of an acceptable issuer");
      if (SSL_CTX_get_client_CA_list(context) == nullptr)
        SSL_CTX_set_client_CA_list(context, sk_X509_NAME_new_null());
      if (sk_X509_NAME_push(SSL_CTX_get_client_CA_list(context), name.get()) <= 0)
        return library_error(Errc::internal, "listing acceptable issuers");
      (void)name.release();  // the list owns it
    }
    return ok();
  }

  static int verify(X509_STORE_CTX* store, void* self) {
    const auto& settings = static_cast<const OpensslContext*>(self)->settings_;
    std::vector<Buffer> chain;
    // What the peer sent, its own certificate included.
    const STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(store);
    for (int i = 0; sent != nullptr && i < sk_X509_num(sent); ++i)
      if (auto der = der_of(sk_X509_value(sent, i))) chain.push_back(std::move(*der));
    if (!chain.empty() && settings.check(chain)) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }

  static int choose_identity(SSL* ssl, int*, void* argument) {
    const auto* self = static_cast<const OpensslContext*>(argument);
    const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
    for (std::size_t i = 0; i < self->contexts_.size(); ++i)
      for (const std::string& name : self->settings_.identities[i].names)
        if (name_matches(name, asked)) {
          SSL_set_SSL_CTX(ssl, self->contexts_[i].get());
          return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_OK;
  }

  TlsSettings settings_;
  std::vector<Context> contexts_;  // one for each identity
};

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::create(TlsSettings settings) {
  auto context = std::make_shared<OpensslContext>(std::move(settings));
  TRY(context->prepare());
  return std::shared_ptr<const TlsContext>(std::move(context));
}

}  // namespace vouch::net
