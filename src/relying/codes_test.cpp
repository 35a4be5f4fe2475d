#include "relying/codes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/files.hpp"

namespace vouch::relying {
namespace {

using testing::HasSubstr;

// The numbers of the founding document's error reference.
constexpr unsigned kNumbers[] = {500171, 500172, 500173,  500174,  500175,  500176,  500177,  500178,
                                 500179, 500183, 2205011, 2205012, 2205013, 2205014, 2205015, 7000214};

TEST(CodesTest, TheReferenceIsWhole) {
  for (const unsigned number : kNumbers) {
    const Code* code = code_of(number);
    ASSERT_NE(code, nullptr) << number;
    EXPECT_FALSE(code->message.empty() || code->meaning.empty() || code->causes.empty() ||
                 code->recommendations.empty())
        << number;
    const auto ours = validate::explain(code->name);
    ASSERT_EQ(ours.size(), 1u) << code->name << " is no finding";
    EXPECT_EQ(ours[0]->code, number);
  }
  EXPECT_EQ(code_of(0), nullptr);
  EXPECT_EQ(code_of(500180), nullptr);
  // And every number that a finding has is in it.
  for (const validate::FindingKind& kind : validate::finding_kinds())
    EXPECT_TRUE(kind.code == 0 || code_of(kind.code) != nullptr) << kind.id;
}

TEST(CodesTest, ExplainsNumbersAliasesAndOurOwnNames) {
  for (const char* word : {"500171", "AADSTS500171", "aadsts500171", "revocation.revoked"}) {
    const auto explanation = explain(word);
    ASSERT_TRUE(explanation) << word;
    EXPECT_EQ(explanation->number, 500171u);
    EXPECT_EQ(explanation->name, "revocation.revoked");
    EXPECT_EQ(explanation->message, "Certificate has been revoked. Please contact your administrator.");
    EXPECT_FALSE(explanation->causes.empty() || explanation->recommendations.empty());
  }
  // A finding of ours that shares the number of another keeps its own cause, and has the number's advice too.
  const auto expired = explain("crl.expired").value();
  EXPECT_EQ(expired.number, 500172u);
  EXPECT_EQ(expired.name, "crl.expired");
  EXPECT_THAT(expired.causes[0], HasSubstr("did not publish in time"));
  EXPECT_GT(expired.recommendations.size(), 1u);
  const auto own = explain("purpose.missing").value();
  EXPECT_EQ(own.number, 0u);
  EXPECT_TRUE(to_value(own).find("alias")->is_null());
  EXPECT_EQ(*to_value(expired).find("alias")->text(), "AADSTS500172");
  const auto unknown = explain("crl.expird");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Errc::not_found);
  EXPECT_THAT(unknown.error().hint(), HasSubstr("crl.expired"));
}

TEST(CodesTest, FillsInTheFields) {
  const Explanation explanation =
      explain(validate::Finding{validate::FindingId::crl_interactive_size,
                                0,
                                {{"uri", "http://pki.test/a.crl"}, {"size", "20971520"}}});
  EXPECT_EQ(explanation.number, 2205014u);
  EXPECT_EQ(
      explanation.message,
      "The attempt to download the Certificate Revocation List (CRL) from 'http://pki.test/a.crl' during "
      "the interactive sign-in has exceeded the maximum allowed size (20971520 bytes). The CRL is being "
      "provisioned with CRL's service download limit, please try again in a few minutes.");
}

TEST(CodesTest, EveryOneIsListedOnce) {
  std::set<std::string> names;
  std::set<std::string_view> findings;
  for (const Explanation& one : explanations()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_FALSE(one.findings.empty()) << one.name;
    for (const auto* kind : one.findings) findings.insert(kind->id);
    EXPECT_THAT(to_text(one), HasSubstr(one.message));
  }
  EXPECT_EQ(findings.size(), validate::finding_kinds().size());
}

// docs/reference/codes.md: what `vouch explain` says, in one page.
std::string reference_page() {
  std::string out =
      "# Codes of certificate checks\n\n"
      "Generated from `src/relying/codes.def` and `src/validate/findings.def`. `vouch explain CODE` takes "
      "the "
      "number, with or\nwithout AADSTS, and our own name. Several of our names may share a number.\n";
  for (const Explanation& one : explanations()) {
    out +=
        fmt::format("\n## {}{}\n\n", one.name, one.number == 0 ? "" : fmt::format(" (AADSTS{})", one.number));
    out += fmt::format("> {}\n\n", one.message);
    if (!one.meaning.empty()) out += one.meaning + "\n\n";
    out += "Causes:\n";
    for (const std::string& cause : one.causes) out += fmt::format("- {}\n", cause);
    out += "\nWhat to do:\n";
    for (const std::string& advice : one.recommendations) out += fmt::format("- {}\n", advice);
    if (one.findings.size() < 2) continue;
    out += "\n| our name | says | cause | mend |\n| --- | --- | --- | --- |\n";
    for (const auto* kind : one.findings)
      out += fmt::format("| `{}` | {} | {} | {} |\n", kind->id, kind->text, kind->cause, kind->mend);
  }
  return out;
}

TEST(CodesTest, TheReferencePageIsUpToDate) {
  const auto page = read_file("docs/reference/codes.md");
  const std::string wanted = reference_page();
  if (page && as_text(*page) == wanted) return;
  const fs::path beside = fs::temp_directory_path() / "codes.md";
  ASSERT_TRUE(write_file_atomic(beside, as_bytes(wanted)));
  ADD_FAILURE() << "docs/reference/codes.md is not what the tables say; the right one is " << beside.string();
}

}  // namespace
}  // namespace vouch::relying
