#pragma once
// Commands at work, in process: a home with CAs, requests and certificates.

#include <gmock/gmock.h>

#include "base/pem.hpp"
#include "cli/test_cli.hpp"

namespace vouch::cli {

inline std::string pem_request(const crypto::Provider& provider, std::string_view subject,
                               const std::vector<std::string>& san = {}) {
  const auto key = provider.generate({}).value();
  std::vector<x509::Extension> extensions{
      x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(x509::digital_signature)),
      x509::make_extension(x509::oid::kExtendedKeyUsage, false,
                           x509::encode_extended_key_usage({x509::oid::kServerAuth}))};
  std::vector<x509::GeneralName> names;
  for (const std::string& text : san) names.push_back(x509::GeneralName::from_text(text).value());
  if (!names.empty())
    extensions.push_back(
        x509::make_extension(x509::oid::kSubjectAltName, false, x509::encode_general_names(names)));
  const Buffer name = x509::encode_name(x509::name_from_rfc4514(subject).value());
  const Buffer info = x509::encode_request_info({name, key->public_key_info(), extensions, {}});
  const auto algorithm = crypto::signature_algorithm_for({}, {}).value();
  const auto signer = key->signer(algorithm).value();
  return to_pem("CERTIFICATE REQUEST",
                x509::encode_request(info, x509::encode(algorithm), signer->sign(info).value()));
}

// A home with a root "Root" and a subordinate "Issuing" that issues WebServer certificates at once.
class Commands : public testing::Test {
 protected:
  Ran vouch(std::vector<std::string> words) { return shell_.run(words); }
  // A command that the test builds upon.
  Ran must(std::vector<std::string> words) {
    Ran ran = shell_.run(words);
    EXPECT_EQ(ran.code, 0) << testing::PrintToString(words) << testing::PrintToString(ran);
    return ran;
  }
  Value json(std::vector<std::string> words, int code = 0) {
    words.emplace_back("--json");
    const Ran ran = shell_.run(words);
    EXPECT_EQ(ran.code, code) << testing::PrintToString(words) << testing::PrintToString(ran);
    auto value = parse_json(ran.out);
    EXPECT_TRUE(value) << ran.out;
    return value ? *value : Value();
  }
  void set_up() {
    must({"ca", "init", "--name", "Root", "--kind", "root", "--subject-suffix", "O=Example"});
    must({"ca", "init", "--name", "Issuing", "--kind", "subordinate", "--parent", "Root",
          "--automatic-issuance"});
    must({"template", "publish", "--ca", "Issuing", "WebServer"});
  }
  std::string request(std::string_view name = "web",
                      const std::vector<std::string>& san = {"DNS:www.example.com"}) {
    return shell_.file(std::string(name) + ".csr",
                       pem_request(shell_.provider(), "CN=" + std::string(name) + ",O=Example", san));
  }
  // Issues a certificate and returns its serial.
  std::string issue(std::string_view name = "web") {
    const Value outcome = json({"request", "submit", request(name), "--ca", "Issuing", "--template",
                                "WebServer", "--out", shell_.path(std::string(name) + ".pem")});
    return outcome.find("serial") && outcome.find("serial")->text() ? *outcome.find("serial")->text()
                                                                    : "none";
  }

  Shell shell_;
};

}  // namespace vouch::cli
