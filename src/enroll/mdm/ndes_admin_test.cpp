#include "enroll/mdm/ndes_admin.hpp"

#include <regex>

#include "enroll/mdm/test_mdm.hpp"
#include "enroll/scep/test_service.hpp"
#include "net/url.hpp"

namespace vouch::enroll::mdm {
namespace {

using testing::HasSubstr, testing::IsEmpty, testing::Not, testing::SizeIs;

// Five passwords, as NDES has; the authority's own minter has its tests where it is.
class FiveSlots final : public PasswordMinter {
 public:
  explicit FiveSlots(const Clock& clock) : clock_(clock) {}
  Result<MintedPassword> one_time(std::string_view user, std::string_view profile) override {
    asked.push_back(fmt::format("{} {}", user, profile));
    if (user == "page:nobody") return make_error(Errc::denied, "page:nobody may not");
    if (given_ == 5) return make_error(Errc::limit_exceeded, "5 passwords wait for their use.");
    return MintedPassword{Secret(fmt::format("A0B1C2D3E4F5060{}", ++given_)),
                          clock_.now() + std::chrono::minutes(60)};
  }
  Result<MintedPassword> single(std::string_view, std::string_view) override {
    return MintedPassword{Secret("THE<ONE>&ONLY")};
  }
  Result<MintedPassword> bound(std::string_view user, const BoundChallengeWish& wish) override {
    asked.push_back(
        fmt::format("{} {} {:#x} {}", user, wish.profile, wish.key_usage, to_json(wish.expectations, 0)));
    return MintedPassword{Secret("VC1.abc"), clock_.now() + std::chrono::hours(168)};
  }
  std::vector<std::string> asked;

 private:
  const Clock& clock_;
  int given_ = 0;
};

class NdesAdminTest : public testing::Test {
 protected:
  NdesAdminTest() {
    const fs::path file = page_users_file(folder_.path());
    EXPECT_TRUE(write_page_users(
        file, {make_page_user(bench_.provider(), "mdm", "correct horse battery").value(),
               make_page_user(bench_.provider(), "nobody", "correct horse battery").value()}));
    sign_in_ = std::make_unique<SignIn>(bench_.provider(), clock(), file);
    peer_.address = net::Address::parse("127.0.0.1").value();
  }
  const Clock& clock() { return bench_.bench().clock(); }

  struct Ask {
    std::string query{}, user = "mdm", password = "correct horse battery";
    net::Method method = net::Method::get;
    std::string body{}, accept{}, content_type{}, site{};
    NdesAdminSettings::Passwords passwords = NdesAdminSettings::Passwords::one_time;
  };
  net::Response ask(const Ask& what) {
    const NdesAdmin page(
        {.authority = bench_.authority(),
         .minter = minter_,
         .sign_in = *sign_in_,
         .provider = bench_.provider(),
         .clock = clock(),
         .refused = [this](const RefusedSignIn& refused) { refused_.push_back(refused.user); }},
        {.passwords = what.passwords, .profile = "devices"});
    const std::string authorization = "Basic " + to_base64(as_bytes(what.user + ":" + what.password));
    net::Request request;
    request.method = what.method;
    request.query = what.query;
    request.body = what.body;
    request.peer = &peer_;
    request.client = peer_.address;
    if (!what.user.empty()) request.fields.push_back({"Authorization", authorization});
    if (!what.accept.empty()) request.fields.push_back({"Accept", what.accept});
    if (!what.content_type.empty()) request.fields.push_back({"Content-Type", what.content_type});
    if (!what.site.empty()) request.fields.push_back({"Sec-Fetch-Site", what.site});
    return page.answer(request);
  }
  // As a program reads the page: two octets a character, the low one first.
  static std::string decoded(const net::Response& response) {
    std::string out;
    const std::string_view body = response.body.view();
    EXPECT_EQ(body.size() % 2, 0u);
    EXPECT_NE(body.substr(0, 2), "\xff\xfe") << "no byte order mark";
    for (std::size_t n = 0; n + 1 < body.size(); n += 2) {
      EXPECT_EQ(body[n + 1], '\0');
      out += body[n];
    }
    return out;
  }

  scep::ScepBench bench_;
  const TestFolder folder_;
  FiveSlots minter_{bench_.bench().clock()};
  std::unique_ptr<SignIn> sign_in_;
  net::Peer peer_;
  std::vector<std::string> refused_;
};

TEST_F(NdesAdminTest, ThePageIsFoundByTheExpressionsOfOthers) {
  const net::Response response = ask({});
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.notes.user, "mdm");
  const std::string page = decoded(response);
  std::smatch found;
  // Fleet, ee/server/service/scep/scep_proxy.go.
  ASSERT_TRUE(std::regex_search(
      page, found, std::regex("The enrollment challenge password is: <B> (\\S*)", std::regex::icase)));
  EXPECT_EQ(found[1], "A0B1C2D3E4F50601");
  // One that takes the first hexadecimal run behind the first "challenge password".
  ASSERT_TRUE(std::regex_search(page, found, std::regex("challenge password[^]*?([0-9A-Fa-f]{8,64})")));
  EXPECT_EQ(found[1], "A0B1C2D3E4F50601");
  EXPECT_THAT(page, HasSubstr("> The enrollment challenge password is: <B> A0B1C2D3E4F50601 </B>"));
  EXPECT_THAT(page, HasSubstr("will expire within 60 minutes"));
  EXPECT_THAT(page, HasSubstr("The thumbprint (hash value) for the CA certificate is: <B> "));
}

TEST_F(NdesAdminTest, AFullCacheAndAMissingRightAreNdesSentences) {
  for (int n = 0; n < 5; ++n) EXPECT_THAT(decoded(ask({})), HasSubstr("challenge password is"));
  const net::Response full = ask({});
  EXPECT_EQ(full.status, 200u);
  EXPECT_THAT(decoded(full), HasSubstr("The password cache is full."));
  EXPECT_THAT(decoded(full), Not(HasSubstr("challenge password is")));
  EXPECT_THAT(decoded(ask({.user = "nobody"})),
              HasSubstr("You do not have sufficient permission to enroll with SCEP."));
  EXPECT_EQ(ask({.accept = "application/json"}).status, 429u);
}

TEST_F(NdesAdminTest, TheSinglePasswordIsShown) {
  const std::string page = decoded(ask({.passwords = NdesAdminSettings::Passwords::single}));
  EXPECT_THAT(page, HasSubstr("<B> THE&lt;ONE&gt;&amp;ONLY </B>"));
  EXPECT_THAT(page, HasSubstr("any number of times"));
}

TEST_F(NdesAdminTest, SignInIsAskedForAndRefusalsAreKept) {
  const net::Response asked = ask({.user = ""});
  EXPECT_EQ(asked.status, 401u);
  EXPECT_THAT(asked.fields, testing::Contains(testing::Pair("WWW-Authenticate", HasSubstr("Basic realm="))));
  EXPECT_THAT(refused_, IsEmpty());
  const net::Response wrong = ask({.password = "wrong"});
  EXPECT_EQ(wrong.status, 401u);
  EXPECT_EQ(wrong.notes.win32_status, 1326u);
  EXPECT_THAT(refused_, testing::ElementsAre("mdm"));
  for (int n = 0; n < 9; ++n) (void)ask({.password = "wrong"});
  EXPECT_EQ(ask({}).status, 429u);
  EXPECT_THAT(refused_, SizeIs(10));
  EXPECT_THAT(minter_.asked, IsEmpty());
}

TEST_F(NdesAdminTest, NobodyIsAskedForAPasswordInTheClear) {
  peer_.address = net::Address::parse("192.0.2.7").value();
  const net::Response response = ask({});
  EXPECT_EQ(response.status, 403u);
  EXPECT_THAT(response.fields, Not(testing::Contains(testing::Key("WWW-Authenticate"))));
  peer_.tls = std::make_shared<net::TlsPeer>();
  EXPECT_EQ(ask({}).status, 200u);
}

TEST_F(NdesAdminTest, AnotherSiteCannotUseUpPasswords) {
  EXPECT_EQ(ask({.site = "cross-site"}).status, 403u);
  EXPECT_THAT(minter_.asked, IsEmpty());
  const net::Response page = ask({.site = "none"});
  EXPECT_EQ(page.status, 200u);
  EXPECT_THAT(page.fields, testing::Contains(testing::Pair("Cache-Control", "no-store")));
}

TEST_F(NdesAdminTest, TheOperationsOfNdesGiveBoundChallenges) {
  const std::string wish = R"({"subject": "CN=phone", "device": "d 7"})";
  const net::Response got =
      ask({.query = "operation=NDESGenerateChallenge&keyUsage=0xa0&Params=" + net::percent_encode(wish)});
  EXPECT_EQ(got.status, 200u);
  EXPECT_EQ(got.body.view(), "VC1.abc");
  const std::string expected = R"(page:mdm devices 0x5 {"subject": "CN=phone", "device": "d 7"})";
  EXPECT_EQ(minter_.asked.back(), expected);
  // In a form, where no access log sees who the device is, and as a body of its own.
  EXPECT_EQ(ask({.method = net::Method::post,
                 .body = "operation=NDESGenerateChallenge&keyUsage=0xa0&Params=" + net::percent_encode(wish)})
                .body.view(),
            "VC1.abc");
  EXPECT_EQ(minter_.asked.back(), expected);
  EXPECT_EQ(ask({.query = "operation=NDESGenerateChallenge&keyUsage=160",
                 .method = net::Method::post,
                 .body = wish,
                 .content_type = "application/json"})
                .body.view(),
            "VC1.abc");
  EXPECT_EQ(minter_.asked.back(), expected);
  const Value json =
      parse_json(ask({.query = "operation=NDESGenerateChallenge&Params={}", .accept = "application/json"})
                     .body.view())
          .value();
  EXPECT_EQ(*json.find("challenge")->text(), "VC1.abc");
  EXPECT_EQ(*json.find("profile")->text(), "devices");
}

TEST_F(NdesAdminTest, WithoutParametersTheOperationGivesWhatThePageGives) {
  EXPECT_EQ(ask({.query = "operation=NDESGenerateChallenge&keyUsage=0xa0&Params="}).body.view(),
            "A0B1C2D3E4F50601");
  EXPECT_EQ(
      ask({.query = "operation=NDESGenerateChallenge", .passwords = NdesAdminSettings::Passwords::bound})
          .status,
      400u);
  EXPECT_THAT(decoded(ask({.passwords = NdesAdminSettings::Passwords::bound})),
              HasSubstr("NDESGenerateChallenge"));
}

TEST_F(NdesAdminTest, TheThumbprintIsThatOfTheCaCertificate) {
  const net::Response response = ask({.query = "operation=ndesgetcacertthumbprint"});
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(from_hex(response.body.view()).value(),
            bench_.provider().digest(crypto::DigestAlgorithm::md5, bench_.chain().front()));
}

TEST_F(NdesAdminTest, WhatMakesNoSenseIsRefused) {
  EXPECT_EQ(ask({.query = "operation=Nonsense"}).status, 400u);
  EXPECT_EQ(ask({.query = "operation=NDESGenerateChallenge&keyUsage=many"}).status, 400u);
  EXPECT_EQ(ask({.query = "operation=NDESGenerateChallenge&keyUsage=0x100"}).status, 400u);
  EXPECT_EQ(ask({.query = "operation=NDESGenerateChallenge&Params=[1]"}).status, 400u);
  EXPECT_EQ(ask({.query = "operation=NDESGenerateChallenge&Params={"}).status, 400u);
  EXPECT_EQ(ask({.query = "%zz"}).status, 400u);
}

TEST(NdesAdminQueryTest, KeyUsageIsWindowsOctet) {
  const auto usage = [](std::string_view text) {
    return parse_ndes_admin_query(fmt::format("keyUsage={}", text)).value().key_usage;
  };
  EXPECT_EQ(usage("0x80"), x509::digital_signature);
  EXPECT_EQ(usage("0x20"), x509::key_encipherment);
  EXPECT_EQ(usage("0xA0"), x509::digital_signature | x509::key_encipherment);
  EXPECT_EQ(usage("0x40"), x509::content_commitment);
  EXPECT_EQ(usage(""), 0);
}

TEST(NdesAdminQueryTest, ThePagesPathsTakeASlash) {
  const auto routes =
      ndes_admin_routes({"/certsrv/mscep_admin/"}, [](const net::Request&) { return net::Response(); });
  ASSERT_THAT(routes, SizeIs(2));
  EXPECT_EQ(routes[0].path, "/certsrv/mscep_admin");
  EXPECT_EQ(routes[1].path, "/certsrv/mscep_admin/");
  EXPECT_TRUE(routes[0].any_case);
}

}  // namespace
}  // namespace vouch::enroll::mdm
