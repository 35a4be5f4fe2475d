// The SCEP service that 65-scep.sh drives with other programs' clients: a CA in a temporary home behind HTTP
// on a port of the system's choice.
//
//   scep_server [ca] [two] [pending] [legacy] [bare] [reuse] [same-key] [renew-late]
//
// Prints "port N" and the CA certificate's file, then one line for each message. Lines on its input: "approve
// N", "deny N", "revoke HEX", "certificates" (how many there are); it stops at the end of the input.
#include <iostream>

#include "base/pem.hpp"
#include "enroll/scep/test_server.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::scep;

void print(const Event& event) {
  std::cout << fmt::format(
                   "{} {} request={} code={} legacy={} transaction={} expected={} received={} detail={}",
                   event.type ? to_string(*event.type) : "?", to_string(event.status), event.request,
                   event.code, event.legacy, event.transaction, event.expected, event.received, event.detail)
            << std::endl;
}

void apply(ScepBench& bench, std::string_view word) {
  if (word == "ca") {
    bench.set_ca_keys();
    bench.profile.mode = Profile::Mode::ca;
  } else if (word == "two") {
    bench.set_ra_keys(RaLayout::two);
  } else if (word == "pending") {
    bench.profile.challenge_approves = false;
  } else if (word == "legacy") {
    bench.profile.floor = {.triple_des = true, .single_des = true, .sha1 = true, .md5 = true};
  } else if (word == "bare") {
    bench.profile.bare_replies = true;
  } else if (word == "reuse") {
    (void)ca::set_in_template(bench.bench().environment(), "ScepDevice", "key_reuse", "true", "admin");
  } else if (word == "same-key") {
    bench.profile.renewal.same_key = true;
  } else if (word == "renew-late") {
    bench.profile.renewal.window = Span{.seconds = std::chrono::hours(24)};
  }
}

std::string carry_out(ScepBench& bench, const std::string& line) {
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::string verb = line.substr(0, blank), what = blank < line.size() ? line.substr(blank + 1) : "";
  const auto said = [&](const auto& result) {
    return result ? "done " + line : "failed " + result.error().summary();
  };
  if (verb == "approve") return said(bench.authority().approve(std::stol(what), "manager"));
  if (verb == "deny") return said(bench.authority().deny(std::stol(what), "manager", "not ours"));
  if (verb == "revoke")
    return said(
        bench.authority().revoke({from_hex(what).value(), x509::CrlReason::key_compromise, {}}, "manager"));
  if (verb == "certificates")
    return fmt::format("done certificates: {}",
                       bench.bench().database().snapshot().value()->counts().value().certificates);
  return "unknown " + line;
}

int serve(std::span<char*> words) {
  ScepBench bench;
  bench.bench().clock().set(SystemClock().now());
  for (const char* word : words) apply(bench, word);
  bench.on_event = print;
  const auto server = TestServer::start(bench, 1, 8);
  if (!server) {
    std::cerr << server.error().report() << std::endl;
    return 1;
  }
  std::cout << to_pem("CERTIFICATE", bench.chain().front());
  std::cout << "port " << (*server)->port() << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << carry_out(bench, line) << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return serve(std::span(argv, static_cast<std::size_t>(argc)).subspan(1)); }
