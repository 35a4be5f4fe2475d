// The suites of the folder that VOUCH_TEST_DATA names, against path validation and CRL checking. Where we
// choose otherwise than a suite, tests/conformance/choices.tsv says why.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>

#include "base/pem.hpp"
#include "base/value.hpp"
#include "crypto/openssl/openssl.hpp"
#include "validate/crl_check.hpp"
#include "validate/validator.hpp"

namespace vouch::validate {
namespace {

namespace fs = std::filesystem;

fs::path data(const std::string& suite) {
  const char* folder = std::getenv("VOUCH_TEST_DATA");
  EXPECT_NE(folder, nullptr) << "VOUCH_TEST_DATA is not set";
  return fs::path(folder ? folder : "/nonexistent") / suite;
}

Buffer contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path << " cannot be opened";
  return Buffer(std::istreambuf_iterator<char>(in), {});
}

// The lines of an .xz file.
std::vector<std::string> lines_of(const fs::path& path) {
  const std::string command = fmt::format("xzcat '{}'", path.string());
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) {
    ADD_FAILURE() << "'" << command << "' cannot be started";
    return {};
  }
  std::vector<std::string> lines(1);
  char buffer[65536];
  while (const std::size_t read = std::fread(buffer, 1, sizeof buffer, pipe.get()))
    for (const char c : std::string_view(buffer, read))
      if (c == '\n')
        lines.emplace_back();
      else
        lines.back().push_back(c);
  lines.pop_back();
  return lines;
}

std::string text_of(const Value& table, std::string_view key) {
  const Value* found = table.find(key);
  return found != nullptr && found->text() != nullptr ? *found->text() : "";
}

struct Choice {
  std::string name, ours;
  std::size_t used = 0;
};
std::vector<Choice> choices(const std::string& suite) {
  std::vector<Choice> out;
  std::ifstream in("tests/conformance/choices.tsv");
  EXPECT_TRUE(in) << "the table of choices is missing";
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(suite + "\t")) continue;
    const std::size_t a = suite.size(), b = line.find('\t', a + 1), c = line.find('\t', b + 1);
    if (c == std::string::npos || c + 1 == line.size()) {
      ADD_FAILURE() << "choices.tsv: '" << line << "' is not SUITE, CASE, OURS, WHY";
      continue;
    }
    out.push_back({line.substr(a + 1, b - a - 1), line.substr(b + 1, c - b - 1)});
  }
  return out;
}

class Shared : public testing::Test {
 protected:
  CertificatePtr certificate(Bytes der) const { return Certificate::parse(*provider_, der).value(); }
  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
};

class BetterTls : public Shared, public testing::WithParamInterface<int> {
 protected:
  // The suite's README: a second after the leaf begins, or after it ends where the case is about that.
  static Time time_of(const Certificate& leaf, const Value& one) {
    const std::string features = to_json(*one.find("requiredFeatures"), 0);
    const bool ended = features.find("INVALID_REASON_EXPIRED") != std::string::npos;
    const auto& view = leaf.view();
    return (ended && text_of(one, "expected") == "REJECT" ? view.not_after : view.not_before) +
           std::chrono::seconds(1);
  }
};

TEST_P(BetterTls, NameConstraints) {
  const auto lines = lines_of(data("bettertls") / fmt::format("nameconstraints-{}.jsonl.xz", GetParam()));
  ASSERT_EQ(lines.size(), 1061u) << "the suite has lost cases";
  const Value header = parse_json(lines[0]).value();
  TrustAnchor anchor;
  anchor.certificate = certificate(from_base64(text_of(header, "trustRoot")).value());
  anchor.source = "suite";
  const Validator validator(
      provider_, std::make_shared<TrustStore>(std::vector{anchor}, std::vector<CertificatePtr>()), nullptr);
  Profile profile;
  profile.purpose = Purpose::tls_server;
  profile.revocation = RevocationRule::none;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const Value one = parse_json(lines[i]).value();
    std::vector<CertificatePtr> chain;
    for (const Value& der : *one.find("certificates")->list_items())
      chain.push_back(certificate(from_base64(*der.text()).value()));
    const CertificatePtr target = chain.front();
    const Decision decision =
        validator.validate(target, {chain.begin() + 1, chain.end()},
                           {time_of(*target, one), profile, {.host = text_of(one, "hostname")}, nullptr});
    EXPECT_EQ(decision.accepted, text_of(one, "expected") == "ACCEPT")
        << "case " << i - 1 << " of file " << GetParam() << "\n"
        << to_json(*one.find("detail"), 0) << "\n"
        << to_text(decision);
  }
}
INSTANTIATE_TEST_SUITE_P(Files, BetterTls, testing::Range(0, 4));

// BoringSSL's CRL cases: which of GOOD, REVOKED and UNKNOWN a CRL says of a certificate.
TEST_F(Shared, BoringSslCrls) {
  const fs::path folder = data("boringssl-pki");
  const Value suite = parse_json(as_text(contents(folder / "crl_cases.json"))).value();
  const Time now = parse_time(text_of(suite, "verify_time")).value();
  auto listed = choices("boringssl-crl");
  std::size_t all = 0, agreed = 0;
  for (const Value& one : *suite.find("cases")->list_items()) {
    const std::string name = text_of(one, "file");
    std::vector<CrlPtr> crls;
    std::vector<CertificatePtr> others;  // the CA's certificate for its other key
    CertificatePtr target, ca;
    const Buffer pem = contents(folder / name);
    const auto blocks = parse_pem(as_text(pem)).value();
    for (const PemBlock& block : blocks) {
      if (block.label == "CRL") {
        if (auto crl = parse_crl_in_memory(*provider_, block.der, name)) crls.push_back(*crl);
      } else if (block.label == "CERTIFICATE") {
        target = certificate(block.der);
      } else if (block.label == "CA CERTIFICATE") {
        ca = certificate(block.der);
      } else {
        others.push_back(certificate(block.der));
      }
    }
    ASSERT_TRUE(target && ca) << name;
    TrustAnchor anchor;
    anchor.certificate = ca;
    std::vector<TrustAnchor> anchors{anchor};  // the suite has no root: its CAs are where trust ends
    for (const CertificatePtr& other : others) {
      anchor.certificate = other;
      anchors.push_back(anchor);
    }
    const Validator validator(provider_, std::make_shared<TrustStore>(anchors, std::vector<CertificatePtr>()),
                              nullptr);
    Profile profile;
    profile.algorithms.rsa_bits = 1024;
    profile.check_anchor_validity = false;
    profile.revocation = RevocationRule::target;
    CrlRevocation revocation(crls, {DeltaRule::use, false, std::chrono::seconds(604800)});
    const Decision decision = validator.validate(target, {}, {now, profile, {}, &revocation});
    const std::string ours = decision.revocation.empty()                                  ? "NO PATH"
                             : decision.revocation[0].status == RevocationStatus::good    ? "GOOD"
                             : decision.revocation[0].status == RevocationStatus::revoked ? "REVOKED"
                                                                                          : "UNKNOWN";
    ++all;
    agreed += ours == text_of(one, "expected");
    if (ours == text_of(one, "expected")) continue;
    const auto choice =
        std::ranges::find_if(listed, [&](const Choice& c) { return c.name == name && c.ours == ours; });
    if (choice != listed.end())
      ++choice->used;
    else
      ADD_FAILURE() << name << ": expected " << text_of(one, "expected") << ", ours is " << ours << "\n"
                    << to_text(decision);
  }
  for (const Choice& choice : listed)
    EXPECT_EQ(choice.used, 1u) << "choices.tsv lists " << choice.name << " in vain";
  EXPECT_EQ(all, 66u) << "the suite has lost cases";
  fmt::print("boringssl-pki CRLs: {} of {} as the suite says\n", agreed, all);
}

// Chains and CRLs as they were served, at an hour when every CRL was valid; and nothing holds without CRLs.
// Intel's certificate is in its CRL, as `openssl crl -text` says as well.
TEST_F(Shared, RealWorldChainsEndAsTheirCrlsSay) {
  for (const auto& [site, revoked] :
       std::map<std::string, bool>{{"harvard.edu", false}, {"intel.com", true}, {"makaan.com", false}}) {
    const fs::path folder = data("real-world") / site;
    TrustAnchor anchor;
    anchor.certificate = certificate(contents(folder / "0-ta.der"));
    const auto middle = certificate(contents(folder / "1.der")),
               target = certificate(contents(folder / "2-target.der"));
    std::vector<CrlPtr> crls;
    Time now{};
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".crl") continue;
      crls.push_back(
          parse_crl_in_memory(*provider_, contents(entry.path()), entry.path().filename()).value());
      now = std::max(now, crls.back()->head().view.this_update + std::chrono::hours(1));
    }
    ASSERT_GE(crls.size(), 2u) << site;
    Profile profile;
    profile.purpose = Purpose::tls_server;
    CrlRevocation revocation(crls, {}), nothing({}, {});
    const Validator validator(
        provider_, std::make_shared<TrustStore>(std::vector{anchor}, std::vector<CertificatePtr>()), nullptr);
    const Decision decision = validator.validate(target, {middle}, {now, profile, {}, &revocation});
    EXPECT_EQ(decision.accepted, !revoked) << site << "\n" << to_text(decision);
    EXPECT_EQ(decisive(decision) != nullptr && decisive(decision)->id == FindingId::revoked, revoked);
    EXPECT_FALSE(validator.validate(target, {middle}, {now, profile, {}, &nothing}).accepted);
  }
}

}  // namespace
}  // namespace vouch::validate
