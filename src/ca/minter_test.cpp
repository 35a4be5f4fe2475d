// Who mints challenges: rights, keys and their change, cancelling; and the text of a challenge is nowhere.
#include "ca/test_challenges.hpp"

namespace vouch::ca {
namespace {

using store::ChallengeState;
using testing::HasSubstr;
using testing::Not;

class MinterTest : public ChallengeTest {};

TEST_F(MinterTest, AMinterMintsWhatItMay) {
  const auto refused = [&](const MintOrder& what, std::string_view account = "mdm") {
    const auto minted = mint_challenge(bench.environment(), kCa, what, account);
    if (minted) return std::string("it was minted");
    EXPECT_EQ(minted.error().code(), Errc::denied);
    return std::string(minted.error().message());
  };
  EXPECT_THAT(refused(order(), "alice"), HasSubstr("alice is no minter"));
  MintOrder what = order();
  what.profile = "servers";
  EXPECT_THAT(refused(what), HasSubstr("profile servers"));
  what = order();
  what.template_name = "SubCA";
  EXPECT_THAT(refused(what), HasSubstr("template SubCA"));
  what = order();
  what.subjects = {"CN=phone-7.corp.example,O=Other"};
  EXPECT_THAT(refused(what), HasSubstr("O=Other"));
  what = order();
  what.subjects.clear();  // the device could call itself anything
  EXPECT_THAT(refused(what), HasSubstr("any subject"));
  what = order();
  what.allowed_names = {"DNS:dc1.other.example"};
  EXPECT_THAT(refused(what), HasSubstr("dc1.other.example"));
  what = order();
  what.lifetime = Span{0, std::chrono::days(31)};
  EXPECT_THAT(refused(what), HasSubstr("a lifetime of"));
  EXPECT_THAT(audit_text(), HasSubstr("mdm challenge.mint profile servers"));
  EXPECT_TRUE(mint_challenge(bench.environment(), kCa, order(), "admin"));  // within the minter's rights
}

TEST_F(MinterTest, RightsThatAMinterLosesCountAgainstWhatItHasMinted) {
  const Minted minted = mint();
  MinterRights less = minters(*bench.database().snapshot().value(), 1)->front().rights;
  less.templates = {"ScepDevice"};
  ASSERT_DONE(change_minter(bench.environment(), kCa, "mdm", less, "admin"));
  const Outcome refused = submit(request(), minted.text.text());
  EXPECT_EQ(refused.reason, "SignatureValidationFailed");
  EXPECT_THAT(refused.received, HasSubstr("template WebServer"));
  ASSERT_DONE(take_minter_away(bench.environment(), kCa, "mdm", "admin"));
  EXPECT_EQ(reason(request(), minted.text.text()), "SignatureValidationFailed");
  EXPECT_EQ(mint_challenge(bench.environment(), kCa, order(), "mdm").error().code(), Errc::denied);
}

TEST_F(MinterTest, KeysRollOverWithOverlap) {
  MintOrder lasting = order();
  lasting.lifetime = Span{0, std::chrono::days(30)};
  const Minted before = mint(lasting);
  bench.clock().advance(std::chrono::days(5));
  ASSERT_DONE(renew_challenge_key(bench.environment(), kCa, "", "admin"));
  ASSERT_DONE(renew_challenge_key(bench.environment(), kCa, "mdm", "admin"));
  const Minted after = mint();
  EXPECT_NE(before.record.sealing_key, after.record.sealing_key);
  EXPECT_EQ(reason(request(), after.text.text()), "");
  EXPECT_EQ(reason(request(), before.text.text()), "");
  // By itself after ninety days; what has nothing left to open is wiped.
  bench.clock().advance(std::chrono::days(91));
  const Minted later = mint();
  EXPECT_NE(later.record.sealing_key, after.record.sealing_key);
  bench.clock().advance(std::chrono::days(8));
  (void)mint();
  std::size_t good = 0, wiped = 0;
  // Not in the for: it would be gone in the loop.
  const auto keys = bench.database().snapshot().value()->challenge_keys(1).value();
  for (const auto& key : keys) {
    if (!key.minter.empty()) continue;
    const bool there = fs::exists(bench.home().keys() / key.reference.substr(5));
    EXPECT_EQ(there, !key.removed_at.has_value());
    there ? ++good : ++wiped;
  }
  EXPECT_EQ(good, 1U);
  EXPECT_EQ(wiped, 2U);
}

TEST_F(MinterTest, CancelledByNumberDeviceAndProfile) {
  const Minted one = mint(), two = mint();
  MintOrder other = order();
  other.device = "device-8";
  const Minted three = mint(other);
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {.id = one.record.id}, "mdm").value(), 1U);
  EXPECT_EQ(reason(request(), one.text.text()), "ScepProfileNoLongerTargetedToTheClient");
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {.device = "device-7"}, "bob").value(), 1U);
  EXPECT_EQ(record(two).state, ChallengeState::cancelled);
  EXPECT_EQ(record(three).state, ChallengeState::minted);
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {.profile = "phones"}, "bob").value(), 1U);
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {.profile = "phones"}, "bob").error().code(),
            Errc::not_found);
  EXPECT_EQ(cancel_challenges(bench.environment(), kCa, {}, "bob").error().code(), Errc::usage);
}

TEST_F(MinterTest, TheTextOfAChallengeIsNowhere) {
  const Minted minted = mint();
  (void)submit(request(), minted.text.text());
  const auto password = mint_password(bench.environment(), kCa, {.profile = "phones"}, "mdm");
  (void)submit(bench.request("CN=b.corp.example", {"DNS:b.corp.example"}), password->text.text());
  ASSERT_DONE(set_single_password(bench.environment(), kCa, "phones", "correct horse battery", "admin"));
  (void)submit(bench.request("CN=c.corp.example", {"DNS:c.corp.example"}), "correct horse battery");
  (void)submit(request(), "a wrong password, still a secret");
  authority.reset();
  bench.close();
  std::string everything;
  for (const auto& entry : fs::recursive_directory_iterator(bench.home().folder()))
    if (entry.is_regular_file())
      everything += as_text(read_file(entry.path(), std::size_t{64} << 20).value());
  for (const std::string_view secret :
       {minted.text.text().substr(4, 40), password->text.text(), std::string_view("correct horse"),
        std::string_view("still a secret")})
    EXPECT_THAT(everything, Not(HasSubstr(secret)));
  EXPECT_THAT(everything, HasSubstr("device-7"));
}

TEST_F(MinterTest, AnOrderIsReadFromJson) {
  const auto order =
      mint_order_of(parse_json(R"({"profile": "phones", "template": "Device", "names": ["DNS:a.b"],
      "subjects": ["CN=a"], "key_usage": ["digitalSignature"], "purposes": ["clientAuth"], "lifetime": "1d",
      "android": {"os_version": 9, "encryption": "full-disk", "pin_set": false, "dedicated": true}})")
                        .value());
  ASSERT_TRUE(order) << order.error().report();
  EXPECT_EQ(order->lifetime, (Span{0, std::chrono::days(1)}));
  EXPECT_THAT(challenge::pin_warning(order->android), HasSubstr("dedicated"));
  EXPECT_THAT(mint_order_of(parse_json(R"({"profil": "x"})").value()).error().hint(), HasSubstr("profile"));
  EXPECT_FALSE(mint_order_of(parse_json(R"({"android": {"encryption": "rot13"}})").value()));
  EXPECT_FALSE(mint_order_of(parse_json(R"({"names": "DNS:a"})").value()));
}

}  // namespace
}  // namespace vouch::ca
