#pragma once
// A CA to test with: a temporary home, a clock that stands still, and requests made on the spot.

#include <gtest/gtest.h>

#include <stdlib.h>

#include "ca/settings/templates.hpp"
#include "ca/setup/setup.hpp"
#include "crypto/openssl/openssl.hpp"
#include "store/sqlite/sqlite.hpp"
#include "x509/request.hpp"

namespace vouch::ca {

inline Result<std::unique_ptr<store::Database>> open_sqlite(const fs::path& file, bool create) {
  return store::sqlite::open(file, {.create = create});
}

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "vouch-test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

constexpr Time kTestNow{std::chrono::seconds{1'795'000'000}};  // 2026-11-18

// Whether every account may do everything, because a test is about something else; or whatever `init` grants.
enum class TestRoles { everyone, granted };

class TestBench {
 public:
  explicit TestBench(TestRoles roles = TestRoles::everyone)
      : home_(Home::open(folder_.path() / "home", true).value()), database_(open_database()) {
    if (roles == TestRoles::granted) return;
    const Status granted = database_->commit([](store::Transaction& t) -> Status {
      for (const char* role : {"administrator", "manager", "auditor", "enroller", "reader"})
        TRY(t.insert_role_change({0, "*", role, 0, "", "", true, kTestNow, "test"}));
      return ok();
    });
    if (!granted) ADD_FAILURE() << granted.error().report();
  }

  virtual ~TestBench() = default;
  TestBench(const TestBench&) = delete;
  TestBench& operator=(const TestBench&) = delete;

  virtual Environment environment() {
    return {home_,
            *database_,
            *provider_,
            clock_,
            [](std::string_view) -> Result<std::string> {
              return make_error(Errc::denied, "no passphrase here");
            },
            [this](std::string_view account) {
              const auto found = groups.find(std::string(account));
              return found == groups.end() ? std::vector<std::string>() : found->second;
            }};
  }
  std::map<std::string, std::vector<std::string>> groups;  // by account
  const crypto::Provider& provider() const { return *provider_; }
  store::Database& database() { return *database_; }
  ManualClock& clock() { return clock_; }
  const Home& home() const { return home_; }
  // Writes the home's configuration and reads it as a new start would.
  Status configure(std::string_view toml) {
    TRY(write_file_atomic(home_.folder() / "vouch.toml", as_bytes(toml)));
    std::error_code ignored;
    fs::create_directories(home_.folder() / "lists", ignored);
    home_ = TRY(Home::open(home_.folder(), false));
    return ok();
  }
  void close() { database_.reset(); }
  // As a crash and a new start would find it.
  void reopen() {
    database_.reset();
    database_ = open_database();
  }

  InitOptions root_options(std::string name = "Test Root", crypto::KeySpec key = {}) {
    InitOptions options;
    options.name = std::move(name);
    options.administrator = "admin";
    options.kind = store::AuthorityKind::root;
    options.key = key;
    return options;
  }

  std::unique_ptr<LocalAuthority> open(std::string_view name) {
    auto authority = LocalAuthority::open(environment(), name);
    if (!authority) {
      ADD_FAILURE() << authority.error().report();
      return nullptr;
    }
    return std::move(*authority);
  }
  std::unique_ptr<LocalAuthority> make_root(const std::string& name = "Test Root", crypto::KeySpec key = {}) {
    auto made = init(environment(), root_options(name, key));
    if (!made) ADD_FAILURE() << made.error().report();
    return open(name);
  }

  // A request as openssl req would make it.
  Buffer request(std::string_view subject, const std::vector<std::string>& san = {},
                 const std::vector<x509::Extension>& more = {}) {
    // A new key each time: one belongs to one subject, and is gone for good with a compromise (policy rules
    // key.reuse and key.compromised).
    return request_with(*provider_->generate({}).value(), subject, san, more);
  }
  Buffer request_with(const crypto::PrivateKey& key, std::string_view subject,
                      const std::vector<std::string>& san = {},
                      const std::vector<x509::Extension>& more = {}) {
    const Buffer name = x509::encode_name(x509::name_from_rfc4514(subject).value());
    std::vector<x509::Extension> extensions = more;
    std::vector<x509::GeneralName> names;
    for (const std::string& text : san) names.push_back(x509::GeneralName::from_text(text).value());
    if (!names.empty())
      extensions.push_back(
          x509::make_extension(x509::oid::kSubjectAltName, false, x509::encode_general_names(names)));
    const Buffer info = x509::encode_request_info({name, key.public_key_info(), extensions, {}});
    const auto key_info = x509::parse_public_key_info(key.public_key_info()).value();
    const auto algorithm = crypto::signature_algorithm_for({key_info.type, key_info.bits, false}, {}).value();
    const auto signer = key.signer(algorithm).value();
    return x509::encode_request(info, x509::encode(algorithm), signer->sign(info).value());
  }

 private:
  std::unique_ptr<store::Database> open_database() { return store::sqlite::open(home_.database()).value(); }

  TemporaryFolder folder_;
  Home home_;
  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  ManualClock clock_{kTestNow};
  std::unique_ptr<store::Database> database_;
};

}  // namespace vouch::ca
