// What every implementation of Provider keeps to, held against the openssl program and the vectors of the
// standards. An implementation joins by a line in kImplementations.

#include <gmock/gmock.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/files.hpp"
#include "base/pem.hpp"
#include "crypto/openssl/openssl.hpp"
#include "crypto/pkcs11/pkcs11.hpp"
#include "crypto/test_softhsm.hpp"

namespace vouch::crypto {
namespace {

using testing::AnyOf, testing::HasSubstr;

Buffer hex(std::string_view text) { return from_hex(text).value(); }
const Buffer& data() {
  static const Buffer bytes = to_buffer(as_bytes("sample"));
  return bytes;
}
Buffer flipped(Bytes octets, std::size_t bit) {
  Buffer out = to_buffer(octets);
  out[bit / 8] = static_cast<std::uint8_t>(out[bit / 8] ^ (1u << bit % 8));
  return out;
}
std::vector<SignatureAlgorithm> algorithms_of(const KeySpec& spec) {
  if (spec.type == KeyType::ed25519) return {signature_algorithm_for(spec, {}).value()};
  std::vector<SignatureAlgorithm> all;
  for (const auto digest : {DigestAlgorithm::sha256, DigestAlgorithm::sha384, DigestAlgorithm::sha512})
    all.push_back(signature_algorithm_for(spec, digest).value());
  return all;
}

// A folder that goes away, and the openssl program run in it.
class Workshop {
 public:
  Workshop() {
    std::string name = (fs::temp_directory_path() / "vouch-crypto-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
  }
  ~Workshop() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  // True when the program succeeds; otherwise what it said is printed.
  bool openssl(std::string_view arguments) const {
    const std::string command = fmt::format("cd '{}' && openssl {} >log 2>&1", folder_.string(), arguments);
    if (std::system(command.c_str()) == 0) return true;
    ADD_FAILURE() << "openssl " << arguments << "\n" << as_text(read("log"));
    return false;
  }
  Buffer read(const std::string& name) const { return read_file(folder_ / name).value(); }
  void write(const std::string& name, Bytes content) const {
    ASSERT_TRUE(write_file_atomic(folder_ / name, content).has_value());
  }

 private:
  fs::path folder_;
};

struct Implementation {
  std::string_view name;
  std::function<std::shared_ptr<const Provider>()> make;
};
const Implementation kImplementations[] = {{"Openssl", [] { return openssl::make_provider(); }}};

// gtest prints parameters into test names.
void PrintTo(const Implementation& implementation, std::ostream* out) { *out << implementation.name; }
const auto kNameOfImplementation = [](const auto& test) { return std::string(test.param.name); };

class ProviderContract : public testing::TestWithParam<Implementation> {
 protected:
  std::unique_ptr<PrivateKey> generate(std::string_view spec) const {
    return provider_->generate(parse_key_spec(spec).value()).value();
  }
  // The code of the failure to load, or nothing.
  std::optional<Errc> loading(Bytes key, std::string_view passphrase = {}) const {
    const auto loaded = provider_->load_private_key(key, passphrase);
    if (loaded) return std::nullopt;
    EXPECT_FALSE(loaded.error().message().empty());
    return loaded.error().code();
  }
  std::optional<Errc> importing(Bytes public_key_info) const {
    const auto verifier = provider_->verifier(public_key_info);
    if (verifier) return std::nullopt;
    return verifier.error().code();
  }

  std::shared_ptr<const Provider> provider_ = GetParam().make();
};
INSTANTIATE_TEST_SUITE_P(Providers, ProviderContract, testing::ValuesIn(kImplementations),
                         kNameOfImplementation);

// --- digests and randomness -------------------------------------------------------------------------

// What fits is checked by NIST PKITS 4.1.4 to 4.1.6 (tests/conformance).
TEST_P(ProviderContract, VerifiesNoDsaWithoutParametersOrOfSizesThatDoNotExist) {
  const Buffer one(1, 5), huge(4096, 0x7f), data(20, 1), signature(46, 0);
  EXPECT_EQ(provider_->verify_dsa({{}, {}, {}, one}, data, signature).error().code(), Errc::usage);
  EXPECT_EQ(provider_->verify_dsa({huge, one, one, one}, data, signature).error().code(), Errc::unsupported);
  EXPECT_FALSE(provider_->verify_dsa({one, one, one, one}, data, signature));
}

// FIPS 180-4 examples: "abc".
TEST_P(ProviderContract, HashesAsTheStandardSays) {
  const Bytes abc = as_bytes("abc");
  EXPECT_EQ(to_hex(provider_->digest(DigestAlgorithm::sha1, abc)),
            "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(provider_->digest(DigestAlgorithm::sha256, abc)),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_THAT(to_hex(provider_->digest(DigestAlgorithm::sha384, abc)),
              testing::StartsWith("cb00753f45a35e8b"));
  EXPECT_THAT(to_hex(provider_->digest(DigestAlgorithm::sha512, abc)),
              testing::StartsWith("ddaf35a193617aba"));
}

TEST_P(ProviderContract, HashesPiecesLikeTheWhole) {
  auto digester = provider_->digester(DigestAlgorithm::sha256);
  for (const std::string_view piece : {"a", "", "bc"}) digester->update(as_bytes(piece));
  EXPECT_EQ(digester->finish(), provider_->digest(DigestAlgorithm::sha256, as_bytes("abc")));
}

TEST_P(ProviderContract, RandomOctetsDiffer) {
  Buffer a(32), b(32), none;
  provider_->random(a);
  provider_->random(b);
  provider_->random(none);
  EXPECT_NE(a, b);
  EXPECT_NE(a, Buffer(32));
}

// The key identifier that openssl puts into certificates.
TEST_P(ProviderContract, NamesKeysAsOpensslDoes) {
  const Workshop workshop;
  ASSERT_TRUE(
      workshop.openssl("req -x509 -newkey rsa:2048 -nodes -keyout key -subj /CN=x -outform DER -out cert"));
  ASSERT_TRUE(workshop.openssl("pkey -in key -pubout -outform DER -out public"));
  const Buffer identifier = key_identifier(*provider_, workshop.read("public")).value();
  Buffer extension = hex("0603551d0e04160414");
  append(extension, identifier);
  const Buffer certificate = workshop.read("cert");
  EXPECT_THAT(std::string(as_text(certificate)), HasSubstr(std::string(as_text(extension))));
}

// --- PKCS #12 ---------------------------------------------------------------------------------------

class Pkcs12Contract : public ProviderContract {
 protected:
  // A root and a CA below it, and what -export OPTIONS makes of the CA's key with them.
  Buffer made_by_openssl(std::string_view options) const {
    EXPECT_TRUE(
        workshop_.openssl("req -x509 -newkey rsa:2048 -nodes -keyout root.key -subj /CN=Root -out root.pem"));
    EXPECT_TRUE(
        workshop_.openssl("req -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=Issuing -out ca.csr"));
    EXPECT_TRUE(
        workshop_.openssl("x509 -req -in ca.csr -CA root.pem -CAkey root.key -CAcreateserial -out ca.pem"));
    EXPECT_TRUE(workshop_.openssl("x509 -in ca.pem -outform DER -out ca.der"));
    EXPECT_TRUE(workshop_.openssl("x509 -in root.pem -outform DER -out root.der"));
    EXPECT_TRUE(workshop_.openssl(fmt::format(
        "pkcs12 -export -inkey ca.key -in ca.pem -certfile root.pem -passout pass:secret -out p12 {}",
        options)));
    return workshop_.read("p12");
  }
  Workshop workshop_;
};
INSTANTIATE_TEST_SUITE_P(Providers, Pkcs12Contract, testing::ValuesIn(kImplementations),
                         kNameOfImplementation);

TEST_P(Pkcs12Contract, ReadsWhatOpensslWritesWithOldAndNewCiphers) {
  for (const auto& [options, old] :
       {std::pair{"", false}, std::pair{"-legacy", true},
        std::pair{"-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1", true}}) {
    SCOPED_TRACE(options);
    const Buffer file = made_by_openssl(options);
    const auto contents = provider_->read_pkcs12(file, "secret");
    ASSERT_TRUE(contents) << contents.error().report();
    EXPECT_EQ(contents->certificate, workshop_.read("ca.der"));
    ASSERT_EQ(contents->others.size(), 1u);
    EXPECT_EQ(contents->others[0], workshop_.read("root.der"));
    EXPECT_EQ(contents->old_ciphers, old);
    const auto key = provider_->load_private_key(workshop_.read("ca.key"), {}).value();
    EXPECT_TRUE(equal(contents->key->public_key_info(), key->public_key_info()));
    EXPECT_EQ(provider_->read_pkcs12(file, "Secret").error().code(), Errc::denied);
    EXPECT_EQ(provider_->read_pkcs12(file, "").error().code(), Errc::denied);
  }
}

TEST_P(Pkcs12Contract, RefusesWhatIsNoWholeFile) {
  const Buffer file = made_by_openssl("");
  for (std::size_t size = 0; size < file.size(); size += 97)
    EXPECT_FALSE(provider_->read_pkcs12(Bytes(file).first(size), "secret")) << size;
  EXPECT_EQ(provider_->read_pkcs12(as_bytes("no file"), "secret").error().code(), Errc::malformed);
  ASSERT_TRUE(workshop_.openssl("pkcs12 -export -nokeys -in ca.pem -passout pass:secret -out certs"));
  EXPECT_EQ(provider_->read_pkcs12(workshop_.read("certs"), "secret").error().code(), Errc::malformed);
  ASSERT_TRUE(
      workshop_.openssl("pkcs12 -export -inkey ca.key -in ca.pem -nomac -passout pass:secret -out nomac"));
  EXPECT_EQ(provider_->read_pkcs12(workshop_.read("nomac"), "secret").error().code(), Errc::unsupported);
}

TEST_P(Pkcs12Contract, WritesWhatOpensslReads) {
  (void)made_by_openssl("");
  for (const char* spec : {"ec:P-384", "rsa:2048", "ed25519"}) {
    SCOPED_TRACE(spec);
    const auto key = generate(spec);
    workshop_.write("own.key", as_bytes(key->to_pem({}).value()));
    ASSERT_TRUE(workshop_.openssl("req -x509 -key own.key -subj /CN=Own -outform DER -out own.der"));
    const std::vector<Buffer> chain{workshop_.read("root.der")};
    const auto file = provider_->write_pkcs12(*key, workshop_.read("own.der"), chain, "Own CA", "pass word");
    ASSERT_TRUE(file) << file.error().report();
    workshop_.write("own.p12", *file);
    ASSERT_TRUE(
        workshop_.openssl("pkcs12 -in own.p12 -passin 'pass:pass word' -nodes -nocerts -out back.key"));
    ASSERT_TRUE(workshop_.openssl("pkcs12 -in own.p12 -passin 'pass:pass word' -info -nokeys -out back.pem"));
    EXPECT_THAT(std::string(as_text(workshop_.read("log"))), HasSubstr("AES-256-CBC"));
    EXPECT_THAT(std::string(as_text(workshop_.read("log"))), HasSubstr("sha256"));
    const auto back = provider_->load_private_key(workshop_.read("back.key"), {});
    ASSERT_TRUE(back) << back.error().report();
    EXPECT_TRUE(equal((*back)->public_key_info(), key->public_key_info()));
    const auto again = provider_->read_pkcs12(*file, "pass word");
    ASSERT_TRUE(again) << again.error().report();
    EXPECT_EQ(again->friendly_name, "Own CA");
    EXPECT_EQ(again->others, chain);
  }
  const auto key = generate("ec:P-256");
  EXPECT_EQ(provider_->write_pkcs12(*key, workshop_.read("own.der"), {}, "x", "").error().code(),
            Errc::usage);
}

// --- every kind of key -------------------------------------------------------------------------------

struct KindOfKey {
  std::string_view spec;
  std::string_view openssl_type;  // arguments of openssl genpkey
};
void PrintTo(const KindOfKey& kind, std::ostream* out) { *out << kind.spec; }

class KeyContract : public testing::TestWithParam<std::tuple<Implementation, KindOfKey>> {
 protected:
  std::shared_ptr<const Provider> provider_ = std::get<0>(GetParam()).make();
  KeySpec spec_ = parse_key_spec(std::get<1>(GetParam()).spec).value();
  std::string_view openssl_type_ = std::get<1>(GetParam()).openssl_type;
};

// Keys on a token keep the same contract as far as they sign; who verifies knows no tokens.
using MakeKey = std::function<Result<std::unique_ptr<PrivateKey>>(const KeySpec&)>;
struct PlaceOfKeys {
  std::string_view name;
  std::function<MakeKey()> open;
};
void PrintTo(const PlaceOfKeys& place, std::ostream* out) { *out << place.name; }

MakeKey in_software() {
  return [provider = openssl::make_provider()](const KeySpec& spec) { return provider->generate(spec); };
}
MakeKey on_softhsm() {
  const auto hsm = std::make_shared<const SoftHsm>();
  return [hsm, tokens = pkcs11::make_tokens(openssl::make_provider()),
          count = 0](const KeySpec& spec) mutable -> Result<std::unique_ptr<PrivateKey>> {
    auto made = TRY(tokens->generate(
        hsm->uri(fmt::format("key {}", ++count)), spec, {},
        [](const PinRequest&) -> Result<std::string> { return std::string(SoftHsm::kPin); }));
    return std::move(made.key);
  };
}
const PlaceOfKeys kPlaces[] = {{"Openssl", in_software}, {"Softhsm", on_softhsm}};

class SignerContract : public testing::TestWithParam<std::tuple<PlaceOfKeys, KindOfKey>> {
 protected:
  std::shared_ptr<const Provider> provider_ = openssl::make_provider();
  KeySpec spec_ = parse_key_spec(std::get<1>(GetParam()).spec).value();
  MakeKey generate_ = std::get<0>(GetParam()).open();
};
const KindOfKey kKinds[] = {{"ec:P-256", "EC -pkeyopt ec_paramgen_curve:P-256"},
                            {"ec:P-384", "EC -pkeyopt ec_paramgen_curve:P-384"},
                            {"ec:P-521", "EC -pkeyopt ec_paramgen_curve:P-521"},
                            {"rsa:2048", "RSA -pkeyopt rsa_keygen_bits:2048"},
                            {"rsa:3072", "RSA -pkeyopt rsa_keygen_bits:3072"},
                            {"rsa-pss:2048", "RSA -pkeyopt rsa_keygen_bits:2048"},
                            {"ed25519", "ED25519"}};
const auto kNameOfKind = [](const auto& test) {
  std::string name(std::get<0>(test.param).name);
  for (const char c : std::get<1>(test.param).spec) name.push_back(isalnum(c) != 0 ? c : '_');
  return name;
};
INSTANTIATE_TEST_SUITE_P(Providers, SignerContract,
                         testing::Combine(testing::ValuesIn(kPlaces), testing::ValuesIn(kKinds)),
                         kNameOfKind);
INSTANTIATE_TEST_SUITE_P(Providers, KeyContract,
                         testing::Combine(testing::ValuesIn(kImplementations), testing::ValuesIn(kKinds)),
                         kNameOfKind);

TEST_P(SignerContract, SignsWhatItsPublicKeyVerifies) {
  const auto key = generate_(spec_).value();
  const auto info = x509::parse_public_key_info(key->public_key_info());
  ASSERT_TRUE(info.has_value()) << info.error().report();
  EXPECT_EQ(info->type, spec_.type);
  EXPECT_FALSE(info->rsassa_pss) << "the key's own identifier stays rsaEncryption";
  EXPECT_EQ(spec_.type == KeyType::rsa ? info->bits : 0, spec_.rsa_bits);
  const auto verifier = provider_->verifier(key->public_key_info()).value();
  for (const auto algorithm : algorithms_of(spec_)) {
    const auto signer = key->signer(algorithm).value();
    EXPECT_EQ(signer->algorithm(), algorithm);
    EXPECT_TRUE(equal(signer->public_key_info(), key->public_key_info()));
    for (const Buffer& tbs : {Buffer(), data(), Buffer(100'000, 0x5a)}) {
      const Buffer signature = signer->sign(tbs).value();
      EXPECT_TRUE(verifier->verify(algorithm, tbs, signature).has_value()) << x509::to_string(algorithm);
      EXPECT_TRUE(provider_->verify(key->public_key_info(), algorithm, tbs, signature).has_value());
    }
  }
}

TEST_P(SignerContract, VerifiesOverDigestsAsOverTheData) {
  const auto key = generate_(spec_).value();
  const auto verifier = provider_->verifier(key->public_key_info()).value();
  for (const auto algorithm : algorithms_of(spec_)) {
    const Buffer signature = key->signer(algorithm).value()->sign(data()).value();
    std::size_t fits = 0, denied = 0, other_size = 0;
    for (const auto digest : {DigestAlgorithm::sha256, DigestAlgorithm::sha384, DigestAlgorithm::sha512}) {
      const Buffer hashed = provider_->digest(digest, data());
      const Status status = verifier->verify_digest(algorithm, hashed, signature);
      fits += status.has_value();
      other_size += !status && status.error().code() == Errc::usage;
      const Status changed = verifier->verify_digest(algorithm, flipped(hashed, 9), signature);
      denied += !changed && changed.error().code() == Errc::denied;
    }
    const bool whole = algorithm == SignatureAlgorithm::ed25519;  // it takes no digest
    EXPECT_EQ(fits, whole ? 0U : 1U) << x509::to_string(algorithm);
    EXPECT_EQ(denied, whole ? 0U : 1U) << x509::to_string(algorithm);
    EXPECT_EQ(other_size, whole ? 3U : 2U) << x509::to_string(algorithm);
  }
}

TEST_P(KeyContract, RefusesTamperedDataSignaturesAndOtherKeys) {
  const auto key = provider_->generate(spec_).value(), other = provider_->generate(spec_).value();
  const auto algorithm = signature_algorithm_for(spec_, {}).value();
  const Buffer signature = key->signer(algorithm).value()->sign(data()).value();
  const auto verifier = provider_->verifier(key->public_key_info()).value();
  const auto refused = [&](Bytes tbs, Bytes octets) {
    const Status status = verifier->verify(algorithm, tbs, octets);
    const Status once = provider_->verify(key->public_key_info(), algorithm, tbs, octets);
    return !status && status.error().code() == Errc::denied && !once && once.error().code() == Errc::denied;
  };
  for (std::size_t bit = 0; bit < signature.size() * 8; bit += 5)
    EXPECT_TRUE(refused(data(), flipped(signature, bit))) << bit;
  for (std::size_t bit = 0; bit < data().size() * 8; ++bit)
    EXPECT_TRUE(refused(flipped(data(), bit), signature)) << bit;
  for (std::size_t size = 0; size < signature.size(); ++size)
    EXPECT_TRUE(refused(data(), Bytes(signature).first(size))) << size;
  Buffer longer = signature;
  longer.push_back(0);
  EXPECT_TRUE(refused(data(), longer));
  EXPECT_EQ(provider_->verify(other->public_key_info(), algorithm, data(), signature).error().code(),
            Errc::denied);
  EXPECT_TRUE(verifier->verify(algorithm, data(), signature).has_value()) << "still works after refusals";
}

// Whatever an implementation keeps between two keys, a signature verifies with its own key only.
TEST_P(KeyContract, TellsKeysApartThatAreSeenInTurn) {
  const auto algorithm = signature_algorithm_for(spec_, {}).value();
  std::vector<std::pair<Buffer, Buffer>> keys;  // public key, signature
  for (int i = 0; i < 3; ++i) {
    const auto key = provider_->generate(spec_).value();
    keys.emplace_back(to_buffer(key->public_key_info()),
                      key->signer(algorithm).value()->sign(data()).value());
  }
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < keys.size(); ++i)
      for (std::size_t j = 0; j < keys.size(); ++j)
        EXPECT_EQ(provider_->verify(keys[i].first, algorithm, data(), keys[j].second).has_value(), i == j);
    Buffer no_key = keys[0].first;
    no_key.back() = static_cast<std::uint8_t>(no_key.back() ^ 1);
    EXPECT_FALSE(provider_->verify(no_key, algorithm, data(), keys[0].second).has_value());
  }
}

TEST_P(SignerContract, KeepsAlgorithmsOfOtherKeysOut) {
  const auto key = generate_(spec_).value();
  const auto verifier = provider_->verifier(key->public_key_info()).value();
  const auto foreign =
      spec_.type == KeyType::ed25519 ? SignatureAlgorithm::ecdsa_sha256 : SignatureAlgorithm::ed25519;
  EXPECT_EQ(key->signer(foreign).error().code(), Errc::unsupported);
  EXPECT_EQ(verifier->verify(foreign, data(), Buffer(64)).error().code(), Errc::unsupported);
  for (const auto weak : {SignatureAlgorithm::rsa_pkcs1_md5, SignatureAlgorithm::rsa_pkcs1_sha1,
                          SignatureAlgorithm::ecdsa_sha1, SignatureAlgorithm::dsa_sha1})
    EXPECT_EQ(key->signer(weak).error().code(), Errc::unsupported);
  EXPECT_EQ(verifier->verify(SignatureAlgorithm::dsa_sha1, data(), Buffer(64)).error().code(),
            Errc::unsupported);
}

TEST_P(SignerContract, ServesEightThreadsWithOneSignerAndOneVerifier) {
  const auto key = generate_(spec_).value();
  const auto algorithm = signature_algorithm_for(spec_, {}).value();
  const auto signer = key->signer(algorithm).value();
  const auto verifier = provider_->verifier(key->public_key_info()).value();
  std::atomic<int> good = 0, caught = 0, once = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint8_t thread = 0; thread < 8; ++thread)
      threads.emplace_back([&, thread] {
        for (std::uint8_t i = 0; i < 20; ++i) {
          const Buffer mine(100, static_cast<std::uint8_t>(thread * 32 + i)), other(100, 0xff);
          const auto signature = signer->sign(mine);
          if (signature && verifier->verify(algorithm, mine, *signature)) ++good;
          if (signature && !verifier->verify(algorithm, other, *signature)) ++caught;
          if (signature && provider_->verify(key->public_key_info(), algorithm, mine, *signature)) ++once;
        }
      });
  }
  EXPECT_EQ(good, 160);
  EXPECT_EQ(caught, 160);
  EXPECT_EQ(once, 160);
}

TEST_P(KeyContract, OutlivesTheProviderThatMadeIt) {
  const auto algorithm = signature_algorithm_for(spec_, {}).value();
  auto key = provider_->generate(spec_).value();
  const auto verifier = provider_->verifier(key->public_key_info()).value();
  const auto signer = key->signer(algorithm).value();
  key.reset();
  provider_.reset();
  EXPECT_TRUE(verifier->verify(algorithm, data(), signer->sign(data()).value()).has_value());
}

TEST_P(KeyContract, WritesKeysThatItReadsAgain) {
  const auto key = provider_->generate(spec_).value();
  for (const std::string_view passphrase : {"", "correct horse"}) {
    const std::string pem = key->to_pem(passphrase).value();
    EXPECT_THAT(pem, testing::StartsWith(passphrase.empty() ? "-----BEGIN PRIVATE KEY-----\n"
                                                            : "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    const auto loaded = provider_->load_private_key(as_bytes(pem), passphrase);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().report();
    EXPECT_TRUE(equal((*loaded)->public_key_info(), key->public_key_info()));
    const Buffer der = parse_pem(pem).value().at(0).der;
    EXPECT_TRUE(provider_->load_private_key(der, passphrase).has_value());
  }
}

TEST_P(KeyContract, OpensTheEncryptedFileOnlyWithItsPassphrase) {
  const std::string pem = provider_->generate(spec_).value()->to_pem("correct horse").value();
  for (const std::string_view wrong : {"", "correct horsf", "correct horse ", "Correct horse"}) {
    const auto loaded = provider_->load_private_key(as_bytes(pem), wrong);
    ASSERT_FALSE(loaded.has_value()) << wrong;
    EXPECT_EQ(loaded.error().code(), Errc::denied) << wrong;
    EXPECT_THAT(std::string(loaded.error().message()), HasSubstr("passphrase"));
  }
}

// Both directions, so that a mistake made the same way in signing and verifying shows.
TEST_P(KeyContract, AgreesWithTheOpensslProgram) {
  const Workshop workshop;
  workshop.write("data", data());
  ASSERT_TRUE(workshop.openssl(fmt::format("genpkey -algorithm {} -out theirs", openssl_type_)));
  ASSERT_TRUE(workshop.openssl("pkey -in theirs -pubout -outform DER -out theirs.pub"));
  const auto loaded = provider_->load_private_key(workshop.read("theirs"), {}).value();
  EXPECT_EQ(to_buffer(loaded->public_key_info()), workshop.read("theirs.pub"));

  const auto ours = provider_->generate(spec_).value();
  workshop.write("ours", as_bytes(ours->to_pem("word").value()));
  workshop.write("ours.pub", as_bytes(to_pem("PUBLIC KEY", ours->public_key_info())));
  ASSERT_TRUE(workshop.openssl("pkey -in ours -passin pass:word -pubout -out derived.pub"));
  EXPECT_EQ(workshop.read("derived.pub"), workshop.read("ours.pub"));

  for (const auto algorithm : algorithms_of(spec_)) {
    const std::string_view name = x509::to_string(algorithm);
    std::string options = "-rawin";
    for (const std::string_view digest : {"256", "384", "512"})
      if (spec_.type != KeyType::ed25519 && name.find(digest) != std::string_view::npos)
        options += fmt::format(" -digest sha{}", digest);
    if (spec_.pss) options += " -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest";
    ASSERT_TRUE(
        workshop.openssl(fmt::format("pkeyutl -sign -inkey theirs -in data -out signature {}", options)));
    EXPECT_TRUE(provider_->verify(workshop.read("theirs.pub"), algorithm, data(), workshop.read("signature"))
                    .has_value())
        << name;
    workshop.write("signature", ours->signer(algorithm).value()->sign(data()).value());
    EXPECT_TRUE(workshop.openssl(
        fmt::format("pkeyutl -verify -pubin -inkey ours.pub -in data -sigfile signature {}", options)))
        << name;
  }
}

// --- private keys of other programs ------------------------------------------------------------------

struct Foreign {
  std::string_view name;
  std::string_view make;  // openssl arguments, each command after a ';', that leave the file "key", of the
                          // same key as "plain"
  std::string_view passphrase;
  std::optional<Errc> failure;
};
void PrintTo(const Foreign& foreign, std::ostream* out) { *out << foreign.name; }

class ForeignKeyTest : public testing::TestWithParam<Foreign> {};

TEST_P(ForeignKeyTest, IsReadOrRefusedForItsReason) {
  const auto provider = openssl::make_provider();
  const Workshop workshop;
  for (std::string_view rest = GetParam().make; !rest.empty();) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    ASSERT_TRUE(workshop.openssl(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto key = provider->load_private_key(workshop.read("key"), GetParam().passphrase);
  if (GetParam().failure) {
    ASSERT_FALSE(key.has_value());
    EXPECT_EQ(key.error().code(), *GetParam().failure) << key.error().report();
    return;
  }
  ASSERT_TRUE(key.has_value()) << key.error().report();
  ASSERT_TRUE(workshop.openssl("pkey -in plain -pubout -outform DER -out public"));
  EXPECT_EQ(to_buffer((*key)->public_key_info()), workshop.read("public"));
}

#define VOUCH_EC "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain;"
#define VOUCH_RSA "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out plain;"

INSTANTIATE_TEST_SUITE_P(
    PrivateKeys, ForeignKeyTest,
    testing::Values(
        Foreign{"Pkcs8Der", VOUCH_EC "pkcs8 -topk8 -nocrypt -in plain -outform DER -out key", "", {}},
        Foreign{"Pkcs1Der", VOUCH_RSA "rsa -in plain -traditional -outform DER -out key", "", {}},
        Foreign{"Sec1Der", VOUCH_EC "ec -in plain -outform DER -out key", "", {}},
        Foreign{"Pkcs1", VOUCH_RSA "rsa -in plain -traditional -out key", "", {}},
        Foreign{"Sec1", VOUCH_EC "ec -in plain -out key", "", {}},
        Foreign{"Sec1AfterParameters",
                "ecparam -name secp384r1 -genkey -out key;pkey -in key -out plain",
                "",
                {}},
        Foreign{"Sec1WithoutPublicKey", VOUCH_EC "ec -in plain -no_public -out key", "", {}},
        Foreign{"Sec1Compressed", VOUCH_EC "ec -in plain -conv_form compressed -out key", "", {}},
        Foreign{"AesWithSha256",
                VOUCH_EC "pkcs8 -topk8 -in plain -v2 aes-256-cbc -passout pass:word -out key",
                "word",
                {}},
        Foreign{"Aes128WithSha512",
                VOUCH_EC
                "pkcs8 -topk8 -in plain -v2 aes-128-cbc -v2prf hmacWithSHA512 -passout pass:word -out key",
                "word",
                {}},
        Foreign{"TripleDesWithSha1",
                VOUCH_RSA "pkcs8 -topk8 -in plain -v2 des3 -v2prf hmacWithSHA1 -passout pass:word -out key",
                "word",
                {}},
        Foreign{"Scrypt", VOUCH_EC "pkcs8 -topk8 -in plain -scrypt -passout pass:word -out key", "word", {}},
        Foreign{"EncryptedDer",
                VOUCH_EC "pkcs8 -topk8 -in plain -v2 aes-192-cbc -outform DER -passout pass:word -out key",
                "word",
                {}},
        Foreign{"WrongPassphrase", VOUCH_EC "pkcs8 -topk8 -in plain -scrypt -passout pass:word -out key",
                "sword", Errc::denied},
        Foreign{"NoPassphrase", VOUCH_EC "pkcs8 -topk8 -in plain -passout pass:word -out key", "",
                Errc::denied},
        Foreign{"TooManyRounds", VOUCH_EC "pkcs8 -topk8 -in plain -iter 10000001 -passout pass:word -out key",
                "word", Errc::limit_exceeded},
        Foreign{"OldPbe", VOUCH_EC "pkcs8 -topk8 -in plain -v1 PBE-SHA1-3DES -passout pass:word -out key",
                "word", Errc::unsupported},
        Foreign{"OldPemEncryption",
                VOUCH_RSA "rsa -in plain -traditional -aes128 -passout pass:word -out key", "word",
                Errc::unsupported},
        Foreign{"ForeignCurve", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out key", "",
                Errc::unsupported},
        Foreign{
            "ExplicitCurve",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out key",
            "", Errc::unsupported},
        Foreign{"X25519", "genpkey -algorithm X25519 -out key", "", Errc::unsupported},
        Foreign{"PssKey", "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out key", "",
                Errc::unsupported},
        Foreign{"ThreePrimes", "genrsa -primes 3 -out key 2048", "", Errc::unsupported},
        Foreign{"Certificate",
                "req -x509 -newkey ec:plain -newkey rsa:2048 -nodes -keyout plain -subj /CN=x -out key", "",
                Errc::malformed}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(ProviderContract, WantsExactlyOneKeyInAFile) {
  const std::string one = generate("ec:P-256")->to_pem({}).value();
  EXPECT_EQ(loading(as_bytes(one + one)), Errc::malformed);
  EXPECT_EQ(loading({}), Errc::malformed);
  EXPECT_EQ(loading(as_bytes("hello")), Errc::malformed);
  EXPECT_EQ(loading(as_bytes("-----BEGIN PRIVATE KEY-----\nMAA=\n")), Errc::malformed);
}

// A key that loads must be a key: what it signs verifies. So a flipped bit in any number of an RSA key or
// in one half of an EC key is found when the key is read, not when it has signed wrongly.
TEST_P(ProviderContract, LoadsDamagedKeysNeverOrWhole) {
  const Workshop workshop;
  ASSERT_TRUE(workshop.openssl("ecparam -name prime256v1 -genkey -noout -outform DER -out sec1"));
  ASSERT_TRUE(workshop.openssl("pkcs8 -topk8 -nocrypt -inform DER -in sec1 -outform DER -out ec"));
  ASSERT_TRUE(workshop.openssl("genrsa -out plain 2048"));
  ASSERT_TRUE(workshop.openssl("pkcs8 -topk8 -nocrypt -in plain -outform DER -out rsa"));
  ASSERT_TRUE(workshop.openssl("genpkey -algorithm ED25519 -outform DER -out ed"));
  ASSERT_TRUE(workshop.openssl(
      "pkcs8 -topk8 -inform DER -in ec -iter 1 -passout pass:word -outform DER -out locked"));
  std::size_t variants = 0, loaded = 0;
  const auto try_variant = [&](Bytes der) {
    ++variants;
    const auto key = provider_->load_private_key(der, "word");
    if (!key) {
      EXPECT_THAT(key.error().code(),
                  AnyOf(Errc::malformed, Errc::unsupported, Errc::denied, Errc::limit_exceeded))
          << key.error().report();
      return;
    }
    ++loaded;
    const auto type = x509::parse_public_key_info((*key)->public_key_info()).value().type;
    const auto algorithm = signature_algorithm_for({.type = type}, {}).value();
    const auto signer = (*key)->signer(algorithm);
    ASSERT_TRUE(signer.has_value()) << signer.error().report();
    const auto signature = (*signer)->sign(data());
    ASSERT_TRUE(signature.has_value()) << signature.error().report();
    EXPECT_TRUE(provider_->verify((*key)->public_key_info(), algorithm, data(), *signature).has_value());
  };
  for (const auto& [name, step] :
       {std::pair{"ec", 1u}, {"sec1", 1u}, {"ed", 1u}, {"locked", 1u}, {"rsa", 7u}}) {
    const Buffer der = workshop.read(name);
    EXPECT_EQ(loading(der, "word"), std::nullopt);
    for (std::size_t size = 0; size < der.size(); ++size) try_variant(Bytes(der).first(size));
    for (std::size_t bit = 0; bit < der.size() * 8; bit += step) try_variant(flipped(der, bit));
  }
  EXPECT_GE(variants, 5000u);
  EXPECT_LT(loaded, variants / 4);
}

TEST_P(ProviderContract, RefusesRsaNumbersThatContradictEachOther) {
  const Workshop workshop;
  ASSERT_TRUE(workshop.openssl("genrsa -traditional -out key 2048"));
  const Buffer der = parse_pem(as_text(workshop.read("key"))).value().at(0).der;
  std::vector<Buffer> numbers;
  asn1::Reader outer(der);
  auto fields = outer.expect_sequence().value();
  while (!fields.at_end()) numbers.push_back(to_buffer(fields.expect_integer().value()));
  ASSERT_EQ(numbers.size(), 9u);
  const auto pem_of = [](const std::vector<Buffer>& all) {
    asn1::Writer out;
    out.sequence([&] {
      for (const Buffer& number : all) out.unsigned_integer(number);
    });
    return to_pem("RSA PRIVATE KEY", out.bytes());
  };
  ASSERT_EQ(loading(as_bytes(pem_of(numbers))), std::nullopt);
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    auto changed = numbers;
    changed[i].back() = static_cast<std::uint8_t>(changed[i].back() ^ 4);
    EXPECT_EQ(loading(as_bytes(pem_of(changed))), Errc::malformed) << "number " << i;
    changed[i].assign(100'000, 0x7f);
    EXPECT_THAT(loading(as_bytes(pem_of(changed))), AnyOf(Errc::malformed, Errc::unsupported))
        << "number " << i;
  }
}

// --- vectors of the standards ------------------------------------------------------------------------

Buffer ecdsa(std::string_view r, std::string_view s) {
  asn1::Writer out;
  out.sequence([&] {
    out.unsigned_integer(hex(r));
    out.unsigned_integer(hex(s));
  });
  return std::move(out).take();
}

// RFC 6979 A.2.5 and A.2.6, message "sample".
const Buffer kP256Key = x509::encode_ec_public_key_info(
    KeyType::p256, hex("0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                       "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"));
const Buffer kP384Key = x509::encode_ec_public_key_info(
    KeyType::p384,
    hex("04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13"
        "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720"));
constexpr std::string_view kR = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
                           kS = "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
                           kN = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";

TEST_P(ProviderContract, VerifiesTheEcdsaVectorsOfRfc6979) {
  const auto good = [&](Bytes key, SignatureAlgorithm algorithm, std::string_view r, std::string_view s) {
    const Status status = provider_->verify(key, algorithm, data(), ecdsa(r, s));
    return status.has_value();
  };
  EXPECT_TRUE(good(kP256Key, SignatureAlgorithm::ecdsa_sha256, kR, kS));
  EXPECT_TRUE(good(kP256Key, SignatureAlgorithm::ecdsa_sha1,
                   "61340C88C3AAEBEB4F6D667F672CA9759A6CCAA9FA8811313039EE4A35471D32",
                   "6D7F147DAC089441BB2E2FE8F7A3FA264B9C475098FDCF6E00D7C996E1B8B7EB"));
  EXPECT_TRUE(good(kP256Key, SignatureAlgorithm::ecdsa_sha384,
                   "0EAFEA039B20E9B42309FB1D89E213057CBF973DC0CFC8F129EDDDC800EF7719",
                   "4861F0491E6998B9455193E34E7B0D284DDD7149A74B95B9261F13ABDE940954"));
  EXPECT_TRUE(good(kP256Key, SignatureAlgorithm::ecdsa_sha512,
                   "8496A60B5E9B47C825488827E0495B0E3FA109EC4568FD3F8D1097678EB97F00",
                   "2362AB1ADBE2B8ADF9CB9EDAB740EA6049C028114F2460F96554F61FAE3302FE"));
  EXPECT_TRUE(good(
      kP384Key, SignatureAlgorithm::ecdsa_sha384,
      "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
      "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"));
}

TEST_P(ProviderContract, VerifiesWithCompressedPoints) {
  const Buffer key = x509::encode_ec_public_key_info(
      KeyType::p256, hex("0360FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"));
  EXPECT_TRUE(provider_->verify(key, SignatureAlgorithm::ecdsa_sha256, data(), ecdsa(kR, kS)).has_value());
}

// Forms that a lenient verifier lets through, so that two encodings would stand for one signature, and
// numbers that make a careless one accept anything (CVE-2022-21449: r = s = 0).
TEST_P(ProviderContract, RefusesMalformedEcdsaSignatures) {
  const auto verifier = provider_->verifier(kP256Key).value();
  const Buffer good = ecdsa(kR, kS);
  ASSERT_TRUE(verifier->verify(SignatureAlgorithm::ecdsa_sha256, data(), good).has_value());
  const std::string r(kR), s(kS), zero = "00", n(kN);
  const std::string n_plus_one = n.substr(0, 63) + "2";
  std::map<std::string, Buffer> wrong = {
      {"zero and zero", ecdsa(zero, zero)},
      {"r zero", ecdsa(zero, s)},
      {"s zero", ecdsa(r, zero)},
      {"r is n", ecdsa(n, s)},
      {"s is n", ecdsa(r, n)},
      {"both n", ecdsa(n, n)},
      {"r is n + 1", ecdsa(n_plus_one, s)},
      {"both one", ecdsa("01", "01")},
      {"swapped", ecdsa(s, r)},
      {"r huge", ecdsa(std::string(2000, 'F'), s)},
      {"empty", {}},
      {"empty sequence", hex("3000")},
      {"one number", hex("3003020101")},
      {"three numbers", hex("3009020101020101020101")},
      {"negative numbers", hex("3044 0220" + r + "0220" + s)},
      {"bare numbers", hex(r + s)},
      {"no minimal integer", hex("3047 0222 0000" + r + "0221 00" + s)},
      {"long length", hex("308146 0221 00" + r + "0221 00" + s)},
      {"indefinite length", hex("3080 0221 00" + r + "0221 00" + s + "0000")},
      {"octet behind", hex("3046 0221 00" + r + "0221 00" + s + "00")},
      {"octet inside", hex("3047 0221 00" + r + "0221 00" + s + "00")},
  };
  for (const auto& [name, signature] : wrong) {
    const Status status = verifier->verify(SignatureAlgorithm::ecdsa_sha256, data(), signature);
    ASSERT_FALSE(status.has_value()) << name;
    EXPECT_EQ(status.error().code(), Errc::denied) << name;
  }
}

// RFC 8032 7.1, tests 1 and 3.
TEST_P(ProviderContract, SignsAndVerifiesTheEd25519VectorsOfRfc8032) {
  struct Vector {
    std::string_view secret, key, message, signature;
  };
  for (const auto& vector :
       {Vector{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
               "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
               "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
               "46bd25bf5"
               "f0595bbe24655141438e7a100b"},
        Vector{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
               "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
               "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
               "6594a7c15"
               "e9716ed28dc027beceea1ec40a"}}) {
    const Buffer key = x509::encode_ed25519_public_key_info(hex(vector.key));
    const Buffer message = hex(vector.message), signature = hex(vector.signature);
    EXPECT_TRUE(provider_->verify(key, SignatureAlgorithm::ed25519, message, signature).has_value());
    const Buffer pkcs8 = hex(fmt::format("302e020100300506032b657004220420{}", vector.secret));
    const auto loaded = provider_->load_private_key(pkcs8, {});
    ASSERT_TRUE(loaded.has_value()) << loaded.error().report();
    EXPECT_EQ(to_buffer((*loaded)->public_key_info()), key);
    EXPECT_EQ((*loaded)->signer(SignatureAlgorithm::ed25519).value()->sign(message).value(), signature);
  }
}

// --- public keys that are none -----------------------------------------------------------------------

TEST_P(ProviderContract, RefusesPointsBesideTheCurve) {
  const auto p256 = [](std::string_view point) {
    return x509::encode_ec_public_key_info(KeyType::p256, hex(point));
  };
  EXPECT_EQ(importing(kP256Key), std::nullopt);
  EXPECT_EQ(importing(p256("0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                           "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462298")),
            Errc::malformed);
  EXPECT_EQ(importing(p256("04" + std::string(128, '0'))), Errc::malformed);
  EXPECT_EQ(importing(p256("04" + std::string(128, 'f'))), Errc::malformed);  // coordinates above the prime
  EXPECT_EQ(importing(p256("02" + std::string(64, 'f'))), Errc::malformed);
  EXPECT_EQ(importing(p256("00")), Errc::malformed);
  // A point whose x has no y on the curve.
  EXPECT_EQ(importing(p256("0200000000000000000000000000000000000000000000000000000000000000"
                           "01")),
            Errc::malformed);
  const Status once = provider_->verify(p256("04" + std::string(128, '0')), SignatureAlgorithm::ecdsa_sha256,
                                        data(), ecdsa(kR, kS));
  EXPECT_EQ(once.error().code(), Errc::malformed);
}

TEST_P(ProviderContract, RefusesRsaKeysThatAreNoneOrCostTooMuch) {
  const auto rsa = [](std::size_t bits, std::string_view exponent, std::uint8_t last = 0xff) {
    Buffer modulus((bits + 7) / 8, 0xff);
    modulus.front() = static_cast<std::uint8_t>(0xff >> (modulus.size() * 8 - bits));
    modulus.back() = last;
    return x509::encode_rsa_public_key_info(modulus, hex(exponent));
  };
  EXPECT_EQ(importing(rsa(2048, "010001")), std::nullopt);
  EXPECT_EQ(importing(rsa(2048, "03")), std::nullopt);
  EXPECT_EQ(importing(rsa(2048, "ffffffffffffffff")), std::nullopt);
  EXPECT_EQ(importing(rsa(16384, "010001")), std::nullopt);
  EXPECT_EQ(importing(rsa(16385, "010001")), Errc::unsupported);
  EXPECT_EQ(importing(rsa(511, "010001")), Errc::unsupported);
  EXPECT_EQ(importing(rsa(2048, "010000000000000001")), Errc::unsupported);
  EXPECT_EQ(importing(rsa(2048, "7f" + std::string(510, 'f'))), Errc::unsupported);
  EXPECT_EQ(importing(rsa(2048, "02")), Errc::malformed);
  EXPECT_EQ(importing(rsa(2048, "01")), Errc::malformed);
  EXPECT_EQ(importing(rsa(2048, "010001", 0xfe)), Errc::malformed);
  for (const auto size : {std::size_t{0}, std::size_t{1}, std::size_t{256}, std::size_t{257}})
    EXPECT_EQ(
        provider_->verify(rsa(2048, "010001"), SignatureAlgorithm::rsa_pkcs1_sha256, data(), Buffer(size, 1))
            .error()
            .code(),
        Errc::denied);
}

TEST_P(ProviderContract, SurvivesDamagedPublicKeys) {
  std::size_t variants = 0;
  for (const std::string_view spec : {"ec:P-256", "ec:P-521", "ed25519", "rsa:2048"}) {
    const Buffer der = to_buffer(generate(spec)->public_key_info());
    const auto try_variant = [&](Bytes damaged) {
      ++variants;
      const auto code = importing(damaged);
      const auto told = AnyOf(std::nullopt, Errc::malformed, Errc::unsupported, Errc::limit_exceeded);
      EXPECT_THAT(code, told) << spec;
    };
    for (std::size_t size = 0; size < der.size(); ++size) try_variant(Bytes(der).first(size));
    for (std::size_t bit = 0; bit < der.size() * 8; ++bit) try_variant(flipped(der, bit));
  }
  EXPECT_GE(variants, 4000u);
}

// --- RSA: old digests, PSS, forgeries ----------------------------------------------------------------

TEST_P(ProviderContract, VerifiesOldDigestsForOldRequests) {
  const Workshop workshop;
  workshop.write("data", data());
  ASSERT_TRUE(workshop.openssl("genrsa -out key 2048"));
  ASSERT_TRUE(workshop.openssl("pkey -in key -pubout -outform DER -out public"));
  for (const auto& [digest, algorithm] : {std::pair{"md5", SignatureAlgorithm::rsa_pkcs1_md5},
                                          std::pair{"sha1", SignatureAlgorithm::rsa_pkcs1_sha1}}) {
    ASSERT_TRUE(workshop.openssl(fmt::format("dgst -{} -sign key -out signature data", digest)));
    EXPECT_TRUE(
        provider_->verify(workshop.read("public"), algorithm, data(), workshop.read("signature")).has_value())
        << digest;
    EXPECT_EQ(provider_
                  ->verify(workshop.read("public"), SignatureAlgorithm::rsa_pkcs1_sha256, data(),
                           workshop.read("signature"))
                  .error()
                  .code(),
              Errc::denied);
  }
}

TEST_P(ProviderContract, WantsThePssParametersOfTheAlgorithmAndNoOthers) {
  const Workshop workshop;
  workshop.write("data", data());
  ASSERT_TRUE(workshop.openssl("genrsa -out key 2048"));
  ASSERT_TRUE(workshop.openssl("pkey -in key -pubout -outform DER -out public"));
  const auto verifies = [&](std::string_view options) {
    EXPECT_TRUE(workshop.openssl(
        fmt::format("dgst -sha256 -sigopt rsa_padding_mode:pss {} -sign key -out signature data", options)));
    return provider_
        ->verify(workshop.read("public"), SignatureAlgorithm::rsa_pss_sha256, data(),
                 workshop.read("signature"))
        .has_value();
  };
  EXPECT_TRUE(verifies("-sigopt rsa_pss_saltlen:32"));
  EXPECT_FALSE(verifies("-sigopt rsa_pss_saltlen:20"));
  EXPECT_FALSE(verifies("-sigopt rsa_pss_saltlen:0"));
  EXPECT_FALSE(verifies("-sigopt rsa_pss_saltlen:max"));
  EXPECT_FALSE(verifies("-sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha1"));
}

// A key under id-RSASSA-PSS verifies PSS with its own digest and nothing else (RFC 4055 1.2).
TEST_P(ProviderContract, HoldsPssKeysToTheirRestrictions) {
  const Workshop workshop;
  workshop.write("data", data());
  ASSERT_TRUE(workshop.openssl(
      "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha256 "
      "-pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:32 -out key"));
  ASSERT_TRUE(workshop.openssl("pkey -in key -pubout -outform DER -out public"));
  ASSERT_TRUE(workshop.openssl("dgst -sha256 -sigopt rsa_pss_saltlen:32 -sign key -out signature data"));
  const auto verify = [&](SignatureAlgorithm algorithm) {
    return provider_->verify(workshop.read("public"), algorithm, data(), workshop.read("signature"));
  };
  EXPECT_TRUE(verify(SignatureAlgorithm::rsa_pss_sha256).has_value());
  EXPECT_EQ(verify(SignatureAlgorithm::rsa_pss_sha384).error().code(), Errc::unsupported);
  EXPECT_EQ(verify(SignatureAlgorithm::rsa_pkcs1_sha256).error().code(), Errc::unsupported);
}

// RFC 8017 8.2.2: the encoded message is compared whole. Padding cut short with garbage behind the hash is
// how signatures of keys with exponent 3 were forged (CVE-2006-4339).
TEST_P(ProviderContract, RefusesPkcs1SignaturesWithGarbage) {
  const Workshop workshop;
  ASSERT_TRUE(workshop.openssl("genrsa -out key 2048"));
  ASSERT_TRUE(workshop.openssl("pkey -in key -pubout -outform DER -out public"));
  const Buffer digest = provider_->digest(DigestAlgorithm::sha256, data());
  const auto verifies = [&](const std::string& info, std::size_t garbage) {
    Buffer tail = hex(info);
    append(tail, digest);
    tail.insert(tail.end(), garbage, 0);
    Buffer em(256 - tail.size(), 0xff);
    em.front() = 0;
    em[1] = 1;
    em.back() = 0;
    append(em, tail);
    workshop.write("em", em);
    EXPECT_TRUE(
        workshop.openssl("pkeyutl -decrypt -inkey key -in em -out signature -pkeyopt rsa_padding_mode:none"));
    return provider_
        ->verify(workshop.read("public"), SignatureAlgorithm::rsa_pkcs1_sha256, data(),
                 workshop.read("signature"))
        .has_value();
  };
  EXPECT_TRUE(verifies("3031300d060960864801650304020105000420", 0));
  EXPECT_FALSE(verifies("3031300d060960864801650304020105000420", 150));
  EXPECT_FALSE(
      verifies("302f300b0609608648016503040201"
               "0420",
               0))
      << "no NULL";
  EXPECT_FALSE(verifies("", 0)) << "no DigestInfo";
}

TEST_P(ProviderContract, RefusesToSignWithAModulusTooShortForTheDigest) {
  const Workshop workshop;
  ASSERT_TRUE(workshop.openssl("genrsa -out key 1024"));
  const auto key = provider_->load_private_key(workshop.read("key"), {}).value();
  EXPECT_EQ(key->signer(SignatureAlgorithm::rsa_pss_sha512).error().code(), Errc::unsupported);
  EXPECT_TRUE(key->signer(SignatureAlgorithm::rsa_pss_sha384).value()->sign(data()).has_value());
}

// --- key transport -----------------------------------------------------------------------------------

class DecrypterContract : public ProviderContract {
 protected:
  void SetUp() override {
    ASSERT_TRUE(workshop_.openssl("genrsa -out key 2048"));
    ASSERT_TRUE(workshop_.openssl("pkey -in key -pubout -out public"));
    workshop_.write("secret", secret_);
    decrypter_ = provider_->load_private_key(workshop_.read("key"), {}).value()->decrypter().value();
  }
  Buffer encrypt(Bytes plain, std::string_view padding) const {
    workshop_.write("plain", plain);
    EXPECT_TRUE(workshop_.openssl(fmt::format(
        "pkeyutl -encrypt -pubin -inkey public -in plain -out cipher -pkeyopt rsa_padding_mode:{}",
        padding)));
    return workshop_.read("cipher");
  }
  // The encryption of 00 02 FF … FF 00 KEY, with one octet set as said.
  Buffer encrypt_padded(std::size_t position, std::uint8_t octet) const {
    Buffer em(256, 0xff);
    em[0] = 0;
    em[1] = 2;
    em[256 - secret_.size() - 1] = 0;
    std::ranges::copy(secret_, em.end() - static_cast<std::ptrdiff_t>(secret_.size()));
    em[position] = octet;
    return encrypt(em, "none");
  }

  Workshop workshop_;
  Buffer secret_ = hex("000102030405060708090a0b0c0d0e0f");
  std::unique_ptr<Decrypter> decrypter_;
};
INSTANTIATE_TEST_SUITE_P(Providers, DecrypterContract, testing::ValuesIn(kImplementations),
                         kNameOfImplementation);

TEST_P(DecrypterContract, OpensWhatOpensslEncrypts) {
  EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_pkcs1, encrypt(secret_, "pkcs1"), 16).value(), secret_);
  EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_oaep_sha1, encrypt(secret_, "oaep"), 16).value(), secret_);
  EXPECT_EQ(
      decrypter_
          ->decrypt(KeyTransport::rsa_oaep_sha256,
                    encrypt(secret_, "oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256"), 16)
          .value(),
      secret_);
  EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_pkcs1, encrypt_padded(1, 2), 16).value(), secret_);
}

TEST_P(DecrypterContract, AnswersWrongPaddingWithAKeyThatLooksRandom) {
  std::set<Buffer> substitutes;
  std::size_t asked = 0;
  const std::size_t separator = 256 - 17;
  for (const auto& [position, octet] : {std::pair<std::size_t, std::uint8_t>{1, 1},
                                        {1, 0},
                                        {2, 0},
                                        {9, 0},
                                        {100, 0},
                                        {separator - 1, 0},
                                        {separator, 1}}) {
    const Buffer cipher = encrypt_padded(position, octet);
    const auto first = decrypter_->decrypt(KeyTransport::rsa_pkcs1, cipher, 16);
    ASSERT_TRUE(first.has_value()) << first.error().report();
    EXPECT_EQ(first->size(), 16u);
    EXPECT_NE(*first, secret_);
    EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_pkcs1, cipher, 16).value(), *first)
        << "the same every time";
    substitutes.insert(*first);
    ++asked;
  }
  EXPECT_EQ(substitutes.size(), asked) << "another one for each ciphertext";
}

// The length that was expected is what counts, whatever was encrypted.
TEST_P(DecrypterContract, AnswersKeysOfAnotherLengthWithSubstitutes) {
  const Buffer cipher = encrypt(secret_, "pkcs1");
  for (const std::size_t size : {8u, 15u, 17u, 32u, 245u}) {
    const auto key = decrypter_->decrypt(KeyTransport::rsa_pkcs1, cipher, size);
    ASSERT_TRUE(key.has_value()) << size;
    EXPECT_EQ(key->size(), size);
    EXPECT_THAT(to_hex(*key), testing::Not(HasSubstr(to_hex(Bytes(secret_).last(8)))));
  }
}

TEST_P(DecrypterContract, GivesTheSameSubstituteAfterARestart) {
  const Buffer cipher = encrypt_padded(1, 1);
  const auto again =
      GetParam().make()->load_private_key(workshop_.read("key"), {}).value()->decrypter().value();
  EXPECT_EQ(again->decrypt(KeyTransport::rsa_pkcs1, cipher, 32).value(),
            decrypter_->decrypt(KeyTransport::rsa_pkcs1, cipher, 32).value());
}

TEST_P(DecrypterContract, RefusesWhatCannotBeACiphertext) {
  for (const std::size_t size : {0u, 1u, 255u, 257u})
    EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_pkcs1, Buffer(size, 1), 16).error().code(),
              Errc::malformed);
  EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_pkcs1, Buffer(256, 0xff), 16).error().code(),
            Errc::malformed);
  EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_pkcs1, Buffer(256, 1), 246).error().code(), Errc::usage);
  EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_oaep_sha1, encrypt(secret_, "pkcs1"), 16).error().code(),
            Errc::malformed);
  EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_oaep_sha256, encrypt(secret_, "oaep"), 16).error().code(),
            Errc::malformed);
  EXPECT_EQ(decrypter_->decrypt(KeyTransport::rsa_oaep_sha1, encrypt(secret_, "oaep"), 24).error().code(),
            Errc::malformed);
}

TEST_P(DecrypterContract, IsForRsaKeysOnly) {
  EXPECT_EQ(generate("ec:P-256")->decrypter().error().code(), Errc::unsupported);
  EXPECT_EQ(generate("ed25519")->decrypter().error().code(), Errc::unsupported);
}

// --- content encryption ------------------------------------------------------------------------------

// NIST SP 800-38A F.2.1 and F.2.5: the first block of CBC-AES128 and CBC-AES256.
TEST_P(ProviderContract, EncryptsContentAsTheStandardSays) {
  const Buffer iv = hex("000102030405060708090a0b0c0d0e0f"), plain = hex("6bc1bee22e409f96e93d7e117393172a");
  EXPECT_EQ(to_hex(provider_
                       ->encrypt(ContentCipher::aes128_cbc, Padding::none,
                                 hex("2b7e151628aed2a6abf7158809cf4f3c"), iv, plain)
                       .value()),
            "7649abac8119b246cee98e9b12e9197d");
  EXPECT_EQ(
      to_hex(provider_
                 ->encrypt(ContentCipher::aes256_cbc, Padding::none,
                           hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"), iv, plain)
                 .value()),
      "f58c4c04d6e5f1ba779eabfb5f7bfbd6");
}

TEST_P(ProviderContract, OpensContentThatOpensslEncrypts) {
  const Workshop workshop;
  const Buffer plain = to_buffer(as_bytes("content of no particular length"));
  workshop.write("plain", plain);
  for (const auto& [cipher, name] : std::map<ContentCipher, std::string_view>{
           {ContentCipher::aes128_cbc, "aes-128-cbc"},
           {ContentCipher::aes192_cbc, "aes-192-cbc"},
           {ContentCipher::aes256_cbc, "aes-256-cbc"},
           {ContentCipher::des_ede3_cbc, "des-ede3-cbc"},
           {ContentCipher::des_cbc, "des-cbc -provider legacy -provider default"}}) {
    Buffer key(key_size(cipher)), iv(block_size(cipher));
    provider_->random(key);
    provider_->random(iv);
    ASSERT_TRUE(workshop.openssl(
        fmt::format("enc -{} -K {} -iv {} -in plain -out encrypted", name, to_hex(key), to_hex(iv))));
    const Buffer encrypted = workshop.read("encrypted");
    EXPECT_EQ(provider_->decrypt(cipher, Padding::pkcs7, key, iv, encrypted).value(), plain) << name;
    EXPECT_EQ(provider_->encrypt(cipher, Padding::pkcs7, key, iv, plain).value(), encrypted) << name;
  }
}

TEST_P(ProviderContract, RefusesContentThatDoesNotOpen) {
  const Buffer key(32, 1), iv(16, 2);
  const auto code = [&](Bytes with_key, Bytes with_iv, Bytes encrypted) {
    return provider_->decrypt(ContentCipher::aes256_cbc, Padding::pkcs7, with_key, with_iv, encrypted)
        .error()
        .code();
  };
  const Buffer encrypted =
      provider_->encrypt(ContentCipher::aes256_cbc, Padding::pkcs7, key, iv, data()).value();
  EXPECT_EQ(code(Buffer(31, 1), iv, encrypted), Errc::usage);
  EXPECT_EQ(code(key, Buffer(8, 2), encrypted), Errc::usage);
  EXPECT_EQ(code(key, iv, Bytes(encrypted).first(15)), Errc::malformed);
  EXPECT_EQ(code(key, iv, {}), Errc::malformed);
  // The padding of "sample" is ten octets 0a: with another last octet of the IV's block it is not.
  EXPECT_EQ(code(key, flipped(iv, 127), encrypted), Errc::malformed);
}

TEST_P(DecrypterContract, OpensKeysThatTheProviderEncrypts) {
  const Bytes public_key = decrypter_->public_key_info();
  for (const auto transport :
       {KeyTransport::rsa_pkcs1, KeyTransport::rsa_oaep_sha1, KeyTransport::rsa_oaep_sha256}) {
    const Buffer encrypted = provider_->encrypt_key(transport, public_key, secret_).value();
    EXPECT_EQ(decrypter_->decrypt(transport, encrypted, secret_.size()).value(), secret_);
  }
  EXPECT_EQ(provider_->encrypt_key(KeyTransport::rsa_pkcs1, generate("ec:P-256")->public_key_info(), secret_)
                .error()
                .code(),
            Errc::unsupported);
}

// RFC 6070, 2 rounds; RFC 7914 section 11 for SHA-256.
TEST_P(ProviderContract, DerivesKeysAsTheStandardsSay) {
  const Bytes salt = as_bytes("salt");
  EXPECT_EQ(to_hex(provider_->derive_key(DigestAlgorithm::sha1, "password", salt, 2, 20).value()),
            "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
  EXPECT_EQ(to_hex(provider_->derive_key(DigestAlgorithm::sha256, "passwd", salt, 1, 64).value()),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
  EXPECT_EQ(provider_->derive_key(DigestAlgorithm::sha256, "passwd", salt, 0, 64).error().code(),
            Errc::usage);
}

}  // namespace
}  // namespace vouch::crypto
