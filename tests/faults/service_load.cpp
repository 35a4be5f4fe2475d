// service_load: asks a running service for certificates over its API, from many connections that are kept,
// while 61-issuing-service.sh takes something away from it; compares afterwards what was answered with the
// database.
//
//   service_load run     SOCKET PREFIX CLIENTS SECONDS RECEIVED      less when SIGTERM comes
//       Every request is a new one, of a new key, under a transaction key of its own that begins with PREFIX.
//       One without its certificate is repeated, for a minute at most: a certificate that was promised is
//       asked for until it is there. Every twentieth is revoked; CRLs are published all the while. RECEIVED
//       gets a line for each answer. Prints how many were issued, cut off, put off (202), and each refusal
//       with its number.
//   service_load again   SOCKET RECEIVED     a hundred of RECEIVED once more: the same certificates
//   service_load twice   SOCKET PREFIX COUNT every request from two connections at the same moment: one
//   certificate service_load body    TRANSACTION         the body of one new request, for curl service_load
//   compare HOME CA RECEIVED    everything in RECEIVED is in the database, octet for octet service_load whole
//   HOME CA RECEIVED    and nothing there is unfinished, and no serial is there twice

#include <fcntl.h>
#include <signal.h>

#include <atomic>
#include <barrier>
#include <charconv>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "api/administration.hpp"
#include "api/describe.hpp"
#include "api/problem.hpp"
#include "api/submission.hpp"
#include "ca/home/home.hpp"
#include "crypto/openssl/openssl.hpp"
#include "net/fetch.hpp"
#include "store/sqlite/sqlite.hpp"
#include "x509/request.hpp"

namespace {

using namespace vouch;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{60};
constexpr std::string_view kTemplate = "WebServer";

// A request of a key of its own.
Result<Buffer> make_request(const crypto::Provider& provider, const std::string& name) {
  const auto key = TRY(provider.generate({}));
  const auto signer = TRY(key->signer(crypto::SignatureAlgorithm::ecdsa_sha256));
  const Buffer subject = x509::encode_name(x509::make_name({{x509::oid::kCommonName, name}}));
  const auto san = x509::make_extension(x509::oid::kSubjectAltName, false,
                                        x509::encode_general_names({x509::GeneralName::dns(name)}));
  const Buffer info = x509::encode_request_info({subject, key->public_key_info(), {san}, {}});
  return x509::encode_request(info, x509::encode(crypto::SignatureAlgorithm::ecdsa_sha256),
                              TRY(signer->sign(info)));
}

Result<ca::Submission> make_submission(const crypto::Provider& provider, const std::string& transaction) {
  ca::Submission submission;
  submission.request = TRY(make_request(provider, transaction + ".example.com"));
  submission.template_name = kTemplate;
  submission.transaction = transaction;
  return submission;
}

// What came of all the asking.
class Tally {
 public:
  std::atomic<int> issued = 0, cut = 0, put_off = 0, revoked = 0, published = 0;
  void refuse(std::string_view what) {
    const std::scoped_lock lock(mutex_);
    ++refusals_[std::string(what)];
  }
  void print() const {
    std::cout << fmt::format("issued={} cut={} put_off={} revoked={} published={} refused={}\n",
                             issued.load(), cut.load(), put_off.load(), revoked.load(), published.load(),
                             refusals_.size());
    for (const auto& [what, times] : refusals_)
      std::cout << fmt::format("refused {} times: {}\n", times, what);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> refusals_;
};

// One kept connection to the service.
class Client {
 public:
  Client(std::string socket, Tally& tally) : socket_(std::move(socket)), tally_(tally) {}

  // Nothing: cut off, or refused for now, and counted. An error is final.
  Result<std::optional<Value>> ask(const std::string& path, const Value& body) {
    const auto response = fetcher_.fetch({.url = "http://localhost/api/v1" + path,
                                          .method = "POST",
                                          .body = to_json(body, 0),
                                          .content_type = "application/json",
                                          .total_time = kPatience,
                                          .unix_socket = socket_});
    if (!response) {
      ++tally_.cut;
      return std::nullopt;
    }
    if (response->status == 503) {
      const Error why = api::error_of(*response);
      tally_.refuse(fmt::format("{} {} {}", response->status, response->content_type, without_numbers(why)));
      return std::nullopt;
    }
    if (response->status != 200 && response->status != 202)
      return make_error(Errc::found_bad, "{}: {} {}", path, response->status, as_text(response->body));
    return TRY(parse_json(as_text(response->body)));
  }

  // Until the certificate is there.
  Result<Buffer> certificate(const ca::Submission& submission) {
    const Value body = api::describe(submission, {});
    const auto deadline = SteadyClock::now() + kPatience;
    while (SteadyClock::now() < deadline) {
      if (const auto answer = TRY(ask("/requests", body))) {
        ca::Outcome outcome = TRY(api::outcome_of(*answer));
        if (!outcome.certificate.empty()) return std::move(outcome.certificate);
        ++tally_.put_off;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return make_error(Errc::timeout, "{} has no certificate after {} s", submission.transaction,
                      kPatience.count());
  }

  // Until it is; `conflict` says that an answer was lost.
  Status revoke(Bytes serial) {
    const std::string path = fmt::format("/certificates/{}/revoke", to_hex(serial));
    const auto deadline = SteadyClock::now() + kPatience;
    for (bool first = true; SteadyClock::now() < deadline; first = false) {
      const auto answer = ask(path, Value().set("reason", "superseded"));
      if (answer && *answer) return ok();
      if (!answer) return first ? Status(answer.error()) : ok();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return make_error(Errc::timeout, "{} is not revoked after {} s", to_hex(serial), kPatience.count());
  }

 private:
  // Refusals of one kind are counted together.
  static std::string without_numbers(const Error& error) {
    std::string text = error.report();
    std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
    std::ranges::replace(text, '\n', ' ');
    return text;
  }

  net::Fetcher fetcher_{net::FetchSettings{}};
  const std::string socket_;
  Tally& tally_;
};

// One line for each answer, written before the next request is made.
class ReceivedLog {
 public:
  explicit ReceivedLog(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {}
  Status issued(const ca::Submission& submission, Bytes certificate) const {
    return add(fmt::format("issued {} {} {}\n", submission.transaction, to_hex(certificate),
                           to_hex(submission.request)));
  }
  Status revoked(Bytes serial) const { return add(fmt::format("revoked {}\n", to_hex(serial))); }

 private:
  Status add(const std::string& line) const { return write_all(fd_.get(), as_bytes(line), "RECEIVED"); }
  FileDescriptor fd_;
};

struct Received {
  struct Issued {
    std::string transaction;
    Buffer certificate, request;
  };
  std::vector<Issued> issued;
  std::vector<Buffer> revoked;
};

Result<Received> read_received(const std::string& path) {
  Received received;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    std::istringstream words(line);
    std::string kind, first, certificate, request;
    words >> kind >> first >> certificate >> request;
    if (kind == "revoked")
      received.revoked.push_back(TRY(from_hex(first)));
    else
      received.issued.push_back({first, TRY(from_hex(certificate)), TRY(from_hex(request))});
  }
  return received;
}

Result<Buffer> serial_of(Bytes certificate) {
  return to_buffer(x509::serial_octets(TRY(x509::parse_certificate(certificate)).serial));
}

struct Run {
  std::string socket, prefix;
  ReceivedLog log;
  std::atomic<bool> over = false;
  Tally tally{};
  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
};

Status issue(Run& run, int client) {
  Client service(run.socket, run.tally);
  for (int i = 1; !run.over; ++i) {
    const auto submission =
        TRY(make_submission(*run.provider, fmt::format("{}-{}-{}", run.prefix, client, i)));
    const Buffer certificate = TRY(service.certificate(submission));
    TRY(run.log.issued(submission, certificate));
    ++run.tally.issued;
    if (i % 20 != 0) continue;
    const Buffer serial = TRY(serial_of(certificate));
    TRY(service.revoke(serial));
    TRY(run.log.revoked(serial));
    ++run.tally.revoked;
  }
  return ok();
}

Status publish(Run& run) {
  Client service(run.socket, run.tally);
  while (!run.over) {
    if (TRY(service.ask("/crls", Value::table()))) ++run.tally.published;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return ok();
}

int number(const std::string& text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Status run(const std::vector<std::string>& words) {
  Run run{.socket = words[0], .prefix = words[1], .log = ReceivedLog(words[4])};
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, nullptr);
  std::vector<Status> results(static_cast<std::size_t>(number(words[2])) + 1);
  {
    std::vector<std::jthread> clients;
    for (std::size_t i = 1; i < results.size(); ++i)
      clients.emplace_back([&, i] { results[i] = issue(run, static_cast<int>(i)); });
    clients.emplace_back([&] { results[0] = publish(run); });
    const timespec time{number(words[3]), 0};
    (void)::sigtimedwait(&term, nullptr, &time);
    run.over = true;
  }
  run.tally.print();
  for (Status& result : results) TRY(std::move(result));
  return ok();
}

Status again(const std::vector<std::string>& words) {
  constexpr std::size_t kSample = 100;
  const Received received = TRY(read_received(words[1]));
  Tally tally;
  Client service(words[0], tally);
  const std::size_t step = received.issued.size() / kSample + 1;
  int same = 0;
  for (std::size_t i = 0; i < received.issued.size(); i += step, ++same) {
    const auto& [transaction, certificate, request] = received.issued[i];
    const auto now = TRY(service.certificate({request, std::string(kTemplate), {}, transaction, {}}));
    if (now != certificate)
      return make_error(Errc::found_bad, "{} gives another certificate the second time", transaction);
  }
  std::cout << fmt::format("{} of {} asked for again\n", same, received.issued.size());
  return ok();
}

Status twice(const std::vector<std::string>& words) {
  const auto provider = crypto::openssl::make_provider();
  std::vector<ca::Submission> submissions;
  for (int i = 0; i < number(words[2]); ++i)
    submissions.push_back(TRY(make_submission(*provider, fmt::format("{}-{}", words[1], i))));
  Tally tally;
  std::barrier together(2);
  std::vector<Result<Buffer>> answers[2];
  {
    std::vector<std::jthread> sides;
    for (auto& mine : answers)
      sides.emplace_back([&] {
        Client service(words[0], tally);
        for (const ca::Submission& submission : submissions) {
          together.arrive_and_wait();
          mine.push_back(service.certificate(submission));
        }
      });
  }
  for (std::size_t i = 0; i < submissions.size(); ++i)
    if (TRY(std::move(answers[0][i])) != TRY(std::move(answers[1][i])))
      return make_error(Errc::found_bad, "{} has two certificates", submissions[i].transaction);
  std::cout << fmt::format("{} pairs, one certificate each\n", submissions.size());
  tally.print();
  return ok();
}

Status body(const std::vector<std::string>& words) {
  const auto submission = TRY(make_submission(*crypto::openssl::make_provider(), words[0]));
  std::cout << to_json(api::describe(submission, {}), 0) << "\n";
  return ok();
}

Status check_issued(const store::Snapshot& snapshot, const Received& received) {
  std::set<Buffer> serials;
  for (const auto& [transaction, certificate, request] : received.issued) {
    Buffer serial = TRY(serial_of(certificate));
    const auto stored = TRY(snapshot.certificate(serial).context("looking for {}", transaction));
    if (stored.der() != certificate)
      return make_error(Errc::found_bad, "{}: the database has another certificate {}", transaction,
                        to_hex(serial));
    if (!serials.insert(std::move(serial)).second)
      return make_error(Errc::found_bad, "{}: its serial was given before", transaction);
  }
  for (const Buffer& serial : received.revoked)
    if (!TRY(snapshot.certificate(serial)).revocation)
      return make_error(Errc::found_bad, "the revocation of {} was confirmed and is gone", to_hex(serial));
  return ok();
}

Status check_whole(const store::Snapshot& snapshot, store::AuthorityId authority) {
  if (const auto left = TRY(snapshot.orphans(authority)); !left.empty())
    return make_error(Errc::found_bad, "{} certificates are unfinished", left.size());
  std::set<Buffer> serials;
  store::CertificateFilter page;
  for (;;) {
    const auto certificates = TRY(snapshot.certificates(page));
    for (const auto& certificate : certificates)
      if (!serials.insert(certificate.serial).second)
        return make_error(Errc::found_bad, "the serial {} is there twice", to_hex(certificate.serial));
    if (certificates.size() < page.limit) return ok();
    page.after = certificates.back().request;
  }
}

Status compare(const std::vector<std::string>& words, bool whole) {
  const Received received = TRY(read_received(words[2]));
  const auto database = TRY(store::sqlite::open(TRY(ca::Home::open(words[0], false)).database()));
  const auto snapshot = TRY(database->snapshot());
  TRY(check_issued(*snapshot, received));
  if (whole) TRY(check_whole(*snapshot, TRY(snapshot->authority(words[1])).id));
  std::cout << fmt::format("received={} revoked={} certificates={}\n", received.issued.size(),
                           received.revoked.size(), TRY(snapshot->counts()).certificates);
  return ok();
}

Status carry_out(const std::string& what, const std::vector<std::string>& words) {
  if (what == "run" && words.size() == 5) return run(words);
  if (what == "again" && words.size() == 2) return again(words);
  if (what == "twice" && words.size() == 3) return twice(words);
  if (what == "body" && words.size() == 1) return body(words);
  if ((what == "compare" || what == "whole") && words.size() == 3) return compare(words, what == "whole");
  return make_error(Errc::usage,
                    "service_load run|again|twice|body|compare|whole …: see the head of its source");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + std::min(argc, 2), argv + argc);
  const Status status = carry_out(argc > 1 ? argv[1] : "", words);
  if (status) return 0;
  std::cerr << status.error().report();
  return exit_code(status.error().code());
}
