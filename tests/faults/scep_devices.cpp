// Devices of a SCEP service that 80-scep-ra-hosts.sh takes hosts away from. Each enrols once; when a host
// does not answer, or says that it cannot now, the device sends the same message to the next one.
//
//   scep_devices COUNT THREADS PASSWORD OUT URL...
//
// Appends "NAME SERIAL" to OUT for each certificate that was received; says at the end how many messages went
// where.

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>

#include "crypto/openssl/openssl.hpp"
#include "enroll/scep/client.hpp"
#include "net/fetch.hpp"
#include "x509/request.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::scep;

struct Order {
  int count = 0, threads = 1;
  std::string password, out;
  std::vector<std::string> urls;
};

class Devices {
 public:
  explicit Devices(Order order) : order_(std::move(order)), out_(order_.out, std::ios::app) {}

  int run() {
    auto service = find_service();
    if (!service) {
      std::cerr << service.error().report() << std::endl;
      return 1;
    }
    service_ = std::move(*service);
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < order_.threads; ++i) threads.emplace_back([this, i] { work(i); });
    }
    std::cout << fmt::format("{} received, {} refused, {} given up, {} sent again", received_.load(),
                             refused_.load(), given_up_.load(), again_.load())
              << std::endl;
    return received_ == order_.count ? 0 : 1;
  }

 private:
  Result<ServiceCertificates> find_service() {
    std::optional<Error> last;
    for (const std::string& url : order_.urls) {
      const auto answer = fetcher_.fetch({.url = url + "?operation=GetCACert&message=0"});
      if (answer && answer->status == 200) return read_service_certificates(answer->body);
      last = answer ? make_error(Errc::unavailable, "{} answers {}", url, answer->status) : answer.error();
    }
    return *last;
  }

  // One key for each thread: making a thousand would take longer than the rest.
  void work(int thread) {
    const auto key = provider_->generate(crypto::parse_key_spec("rsa:2048").value()).value();
    for (int i = thread; i < order_.count; i += order_.threads) {
      const Status done = enrol(*key, fmt::format("device-{}", i), static_cast<std::size_t>(i));
      if (done) continue;
      const std::scoped_lock lock(mutex_);
      std::cerr << done.error().report() << std::endl;
    }
  }

  Status enrol(const crypto::PrivateKey& key, const std::string& name, std::size_t start) {
    ClientIdentity identity;
    identity.signer = TRY(key.signer(crypto::SignatureAlgorithm::rsa_pkcs1_sha256));
    identity.decrypter = TRY(key.decrypter());
    const Buffer subject = x509::encode_name(x509::make_name({{x509::oid::kCommonName, name}}));
    identity.certificate = TRY(make_self_signed(*provider_, *identity.signer, subject, SystemClock().now()));
    const Buffer request = TRY(make_certification_request(*identity.signer, {subject, {}, order_.password}));
    TransactionId transaction;
    transaction.text = name;
    const MadeRequest made = TRY(make_request(
        *provider_, identity, {MessageType::pkcs_req, transaction, request, service_.encryption}));
    const auto answer = TRY(send(made.message, start));
    const auto reply =
        TRY(read_cert_rep(*provider_, identity, answer, {transaction, made.nonce, service_.all}));
    if (reply.attributes.status != PkiStatus::success || reply.certificates.size() != 1) {
      ++refused_;
      return make_error(Errc::denied, "{}: {}", name, reply.attributes.fail_info_text);
    }
    const auto certificate = TRY(x509::parse_certificate(reply.certificates.front()));
    const std::scoped_lock lock(mutex_);
    out_ << name << ' ' << to_hex(x509::serial_octets(certificate.serial)) << std::endl;
    ++received_;
    return ok();
  }

  Result<Buffer> send(const Buffer& message, std::size_t start) {
    constexpr int kTries = 150;
    for (int i = 0; i < kTries; ++i) {
      const std::string& url = order_.urls[(start + static_cast<std::size_t>(i)) % order_.urls.size()];
      auto answer = fetcher_.fetch({.url = url + "?operation=PKIOperation",
                                    .method = "POST",
                                    .body = std::string(as_text(message)),
                                    .content_type = "application/x-pki-message",
                                    .connect_time = std::chrono::milliseconds(1'000),
                                    .total_time = std::chrono::milliseconds(10'000)});
      if (answer && answer->status == 200) return std::move(answer->body);
      ++again_;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ++given_up_;
    return make_error(Errc::unavailable, "nobody answers");
  }

  const Order order_;
  const std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  net::Fetcher fetcher_{net::FetchSettings{}};
  ServiceCertificates service_;
  std::mutex mutex_;
  std::ofstream out_;
  std::atomic<int> received_ = 0, refused_ = 0, given_up_ = 0, again_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::cerr << "usage: scep_devices COUNT THREADS PASSWORD OUT URL..." << std::endl;
    return 2;
  }
  Order order{std::atoi(argv[1]), std::atoi(argv[2]), argv[3], argv[4], {}};
  for (int i = 5; i < argc; ++i) order.urls.emplace_back(argv[i]);
  return Devices(std::move(order)).run();
}
