// NIST PKITS: every test with the suite's own expected result and, where it is
// accepted, its policies. The files come from Debian's package
// python3-cryptography-vectors, the expectations from tests/conformance/pkits.tsv.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "crypto/openssl/openssl.hpp"
#include "relying/crl_index.hpp"
#include "validate/crl_check.hpp"
#include "validate/validator.hpp"

namespace vouch::validate {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> out(1);
  for (const char c : text)
    if (c == at)
      out.emplace_back();
    else
      out.back().push_back(c);
  return out;
}

// "any,3": policies of the suite; "-": none.
std::vector<x509::Oid> policies(const std::string& text) {
  std::vector<x509::Oid> out;
  if (text == "-") return out;
  for (const std::string& one : split(text, ','))
    out.push_back(one == "any" ? x509::oid::kAnyPolicy
                               : x509::Oid::parse("2.16.840.1.101.3.2.1.48." + one).value());
  std::ranges::sort(out);
  return out;
}

struct Case {
  std::string number, name;
  bool accepted = false;
  PolicyInputs inputs;
  std::vector<x509::Oid> policies;
  std::vector<std::string> certificates, crls;
};

std::vector<Case> read_cases() {
  std::vector<Case> out;
  std::ifstream in("tests/conformance/pkits.tsv");
  EXPECT_TRUE(in) << "the table of PKITS is missing";
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    const auto column = split(line, '\t');
    if (column.size() != 10) {
      ADD_FAILURE() << "pkits.tsv: '" << line << "' does not have ten columns";
      continue;
    }
    Case one{column[0], column[1], column[2] == "ok", {}, policies(column[7]), split(column[8], ','), {}};
    one.inputs = {policies(column[6]), column[3] == "1", column[4] == "1", column[5] == "1"};
    if (column[9] != "-") one.crls = split(column[9], ',');
    out.push_back(std::move(one));
  }
  return out;
}

class Pkits : public testing::Test {
 protected:
  Buffer file(const std::string& name) const {
    const char* other = std::getenv("VOUCH_CRYPTOGRAPHY_VECTORS");
    const fs::path folder =
        fs::path(other ? other : "/usr/lib/python3/dist-packages/cryptography_vectors") / "x509/PKITS_data";
    std::ifstream in(folder / name, std::ios::binary);
    EXPECT_TRUE(in) << name << " is missing in " << folder;
    return Buffer(std::istreambuf_iterator<char>(in), {});
  }

  Result<CrlPtr> read_crl(const std::string& name, bool indexed) const {
    const Buffer der = file("crls/" + name + ".crl");
    if (!indexed) return parse_crl_in_memory(*provider_, der, name);
    return TRY(relying::build_crl_index(*provider_, relying::own(der), name, 1));
  }

  // A CRL or certificate that cannot be read is left out, as a relying party has it.
  Decision run(const Case& one, DeltaRule deltas, bool indexed = false) {
    std::vector<CrlPtr> crls;
    for (const std::string& name : one.crls)
      if (auto crl = read_crl(name, indexed)) crls.push_back(*crl);
    CrlRevocation revocation(std::move(crls), {deltas, true, std::nullopt});
    TrustAnchor anchor;
    anchor.certificate =
        Certificate::parse(*provider_, file("certs/" + one.certificates[0] + ".crt")).value();
    std::vector<CertificatePtr> intermediates;
    for (std::size_t i = 1; i + 1 < one.certificates.size(); ++i)
      if (auto read = Certificate::parse(*provider_, file("certs/" + one.certificates[i] + ".crt")))
        intermediates.push_back(*read);
    const auto trust = std::make_shared<TrustStore>(std::vector{anchor}, std::move(intermediates));
    Profile profile;
    profile.policies = one.inputs;
    profile.algorithms.accept_weak = true;  // DSA with SHA-1
    const Validator validator(provider_, trust, nullptr);
    const Buffer target = file("certs/" + one.certificates.back() + ".crt");
    return validator.validate(target, {}, {parse_time("2011-04-15").value(), profile, {}, &revocation});
  }

  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
};

TEST_F(Pkits, EveryTestEndsAsTheSuiteSays) {
  std::map<std::string, int> sections;
  std::size_t accepted = 0;
  const auto cases = read_cases();
  for (const Case& one : cases) {
    ++sections[one.number.substr(0, one.number.find('.', 2))];
    const Decision decision = run(one, DeltaRule::use);
    EXPECT_EQ(decision.accepted, one.accepted) << one.number << " " << one.name << "\n" << to_text(decision);
    EXPECT_NE(decision.accepted, decisive(decision) != nullptr) << one.number << " " << one.name;
    if (!decision.accepted) continue;
    ++accepted;
    EXPECT_EQ(decision.policies, one.policies) << one.number << " " << one.name << "\n" << to_text(decision);
  }
  EXPECT_EQ(cases.size(), 249u);
  EXPECT_EQ(accepted, 114u);
  EXPECT_EQ(sections.size(), 16u) << "a section of the suite is missing";
}

// The same with each CRL behind an index: the whole decision must be the same.
TEST_F(Pkits, CrlsBehindAnIndexSayTheSame) {
  for (const Case& one : read_cases())
    EXPECT_EQ(to_text(run(one, DeltaRule::use, true)), to_text(run(one, DeltaRule::use)))
        << one.number << " " << one.name;
}

// The errors that the tests are about, so that a test is not refused for another reason.
TEST_F(Pkits, RefusesForTheReasonThatTheTestIsAbout) {
  const std::map<std::string, FindingId> expected = {
      {"4.1.2",
       FindingId::issuer_not_found},  // the CA's signature is no whole number of octets: it is not read
      {"4.1.3", FindingId::signature_wrong},
      {"4.2.1", FindingId::issuer_not_yet_valid},
      {"4.2.2", FindingId::not_yet_valid},
      {"4.2.5", FindingId::issuer_expired},
      {"4.2.6", FindingId::expired},
      {"4.3.1", FindingId::issuer_not_found},
      {"4.4.1", FindingId::revocation_unknown},
      {"4.4.2", FindingId::issuer_revoked},
      {"4.4.3", FindingId::revoked},
      {"4.4.5", FindingId::revocation_unknown},
      {"4.4.8", FindingId::crl_unusable},
      {"4.4.9", FindingId::crl_unusable},
      {"4.4.11", FindingId::crl_expired},
      {"4.6.1", FindingId::not_a_ca},
      {"4.6.2", FindingId::not_a_ca},
      {"4.6.5", FindingId::path_length},
      {"4.7.1", FindingId::no_certificate_signing},
      {"4.7.4", FindingId::no_crl_signing},
      {"4.8.3", FindingId::policy_required},
      {"4.10.7", FindingId::policy_mapping_any},
      {"4.13.2", FindingId::name_not_permitted},
      {"4.13.8", FindingId::name_excluded},
      {"4.13.31", FindingId::name_not_permitted},
      {"4.16.2", FindingId::extension_unknown},
  };
  std::size_t seen = 0;
  for (const Case& one : read_cases()) {
    const auto wanted = expected.find(one.number);
    if (wanted == expected.end() || one.accepted) continue;
    const Decision decision = run(one, DeltaRule::use);
    const Finding* found = decisive(decision);
    ASSERT_NE(found, nullptr) << one.number;
    EXPECT_EQ(kind_of(found->id).id, kind_of(wanted->second).id) << one.number << "\n" << to_text(decision);
    ++seen;
  }
  EXPECT_GE(seen, expected.size());
}

}  // namespace
}  // namespace vouch::validate
