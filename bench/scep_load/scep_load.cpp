// Many devices that enrol with a SCEP service as fast as it answers. All messages are made before the clock
// starts, and all replies are read after it has stopped, so that what is measured is the service.
//
//   scep_load URL CLIENTS COUNT CHALLENGE [SERIALS]
//
// CLIENTS connections at once, COUNT enrolments each, by POST, with AES-256 and SHA-256. One RSA-2048 key for
// all: the template has to allow that. Prints one line; serial numbers go to SERIALS, one a line. Ends with 1
// when an enrolment failed or a serial number came twice.
#include <atomic>
#include <charconv>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <thread>

#include "crypto/openssl/openssl.hpp"
#include "enroll/scep/service_client.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::scep;
using Steady = std::chrono::steady_clock;

struct Load {
  std::string url, challenge, serials;
  unsigned clients = 1, count = 1;
};

struct Enrolment {
  TransactionId transaction;
  MadeRequest request;
  Buffer reply;
  std::string error;
};

class Devices {
 public:
  explicit Devices(Load load) : load_(std::move(load)), provider_(crypto::openssl::make_provider()) {}

  Status prepare() {
    const auto key = TRY(provider_->generate(TRY(crypto::parse_key_spec("rsa:2048"))));
    identity_.signer = TRY(key->signer(crypto::SignatureAlgorithm::rsa_pkcs1_sha256));
    identity_.decrypter = TRY(key->decrypter());
    const Buffer subject = name_of("load");
    identity_.certificate =
        TRY(make_self_signed(*provider_, *identity_.signer, subject, SystemClock().now()));
    ServiceClient service = TRY(client());
    certificates_ = TRY(service.certificates());
    enrolments_.resize(std::size_t{load_.clients} * load_.count);
    std::atomic<std::size_t> next = 0;
    return all_at_once([&]() -> Status {
      for (std::size_t i = next++; i < enrolments_.size(); i = next++) TRY(make(i));
      return ok();
    });
  }

  // Each client's part, one after the other on one connection.
  std::chrono::duration<double> run() {
    const auto start = Steady::now();
    std::vector<std::thread> threads;
    for (unsigned c = 0; c < load_.clients; ++c)
      threads.emplace_back([this, c] {
        auto service = client();
        for (std::size_t i = std::size_t{c} * load_.count; i < std::size_t{c + 1} * load_.count; ++i) {
          auto reply = service ? service->send(enrolments_[i].request.message, Transport::post)
                               : Result<Buffer>(service.error());
          if (reply)
            enrolments_[i].reply = std::move(*reply);
          else
            enrolments_[i].error = reply.error().summary();
        }
      });
    for (std::thread& thread : threads) thread.join();
    return Steady::now() - start;
  }

  // What came back: opened, one certificate each, for the key that asked.
  int judge(std::chrono::duration<double> taken) {
    std::map<std::string, std::size_t> failures;
    std::set<std::string> serials;
    std::size_t good = 0, twice = 0;
    for (Enrolment& enrolment : enrolments_) {
      const auto serial = read(enrolment);
      if (!serial)
        ++failures[serial.error().summary()];
      else if (!serials.insert(*serial).second)
        ++twice;
      else
        ++good;
    }
    if (!load_.serials.empty()) {
      std::ofstream out(load_.serials);
      for (const std::string& serial : serials) out << serial << '\n';
    }
    std::cout << fmt::format("{} enrolled, {} failed, {} serials twice, {:.3f} s, {:.1f} per second\n", good,
                             enrolments_.size() - good - twice, twice, taken.count(),
                             static_cast<double>(good) / taken.count());
    for (const auto& [why, times] : failures) std::cerr << times << " times: " << why << '\n';
    return good == enrolments_.size() ? 0 : 1;
  }

 private:
  static Buffer name_of(std::string_view name) {
    return x509::encode_name(
        x509::make_name({{x509::oid::kOrganization, "Load"}, {x509::oid::kCommonName, name}}));
  }
  Result<ServiceClient> client() const {
    return ServiceClient::create(std::make_shared<net::Fetcher>(net::FetchSettings{}), load_.url);
  }
  Status make(std::size_t i) {
    Buffer id(16);
    provider_->random(id);
    Enrolment& enrolment = enrolments_[i];
    enrolment.transaction = {asn1::Tag::printable_string, to_hex(id)};
    const Buffer subject = name_of("device-" + to_hex(id));
    const Buffer csr = TRY(make_certification_request(*identity_.signer, {subject, {}, load_.challenge}));
    RequestInput input;
    input.transaction = enrolment.transaction;
    input.content = csr;
    input.recipient = certificates_.encryption;
    enrolment.request = TRY(make_request(*provider_, identity_, input));
    return ok();
  }
  Result<std::string> read(const Enrolment& enrolment) const {
    if (!enrolment.error.empty()) return make_error(Errc::unavailable, "{}", enrolment.error);
    const CertRep reply =
        TRY(read_cert_rep(*provider_, identity_, enrolment.reply,
                          {enrolment.transaction, enrolment.request.nonce, certificates_.all}));
    if (reply.certificates.empty())
      return make_error(Errc::denied, "{} {}",
                        to_string(reply.attributes.status.value_or(PkiStatus::failure)),
                        reply.attributes.fail_info_text);
    // micromdm's service puts its CA's certificate beside it.
    for (const Buffer& der : reply.certificates) {
      const auto view = TRY(x509::parse_certificate(der));
      if (equal(view.public_key_info, identity_.signer->public_key_info()))
        return x509::serial_to_text(view.serial);
    }
    return make_error(Errc::malformed, "the certificate is for another key");
  }
  template <class Work>
  Status all_at_once(Work work) {
    std::vector<Status> outcomes(std::max(1U, std::thread::hardware_concurrency()));
    std::vector<std::thread> threads;
    for (Status& outcome : outcomes) threads.emplace_back([&] { outcome = work(); });
    for (std::thread& thread : threads) thread.join();
    for (Status& outcome : outcomes) TRY(std::move(outcome));
    return ok();
  }

  const Load load_;
  const std::shared_ptr<const crypto::Provider> provider_;
  ClientIdentity identity_;
  ServiceCertificates certificates_;
  std::vector<Enrolment> enrolments_;
};

bool read_number(std::string_view text, unsigned& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span words(argv, static_cast<std::size_t>(argc));
  Load load;
  if (words.size() < 5 || !read_number(words[2], load.clients) || !read_number(words[3], load.count)) {
    std::cerr << "usage: scep_load URL CLIENTS COUNT CHALLENGE [SERIALS]\n";
    return 2;
  }
  load.url = words[1];
  load.challenge = words[4];
  if (words.size() > 5) load.serials = words[5];
  Devices devices(std::move(load));
  if (const Status ready = devices.prepare(); !ready) {
    std::cerr << ready.error().report() << '\n';
    return 1;
  }
  std::cout << "ready\n" << std::flush;
  return devices.judge(devices.run());
}
