// The time of an answer, by what is wrong with the envelope: who changes somebody's ciphertext must not be
// able to tell the cases apart. The first four have to agree within the noise of the machine:
//
//   build/bench/bin/enroll_scep_bench --benchmark_enable_random_interleaving --benchmark_repetitions=20
//       --benchmark_report_aggregates_only
#include <benchmark/benchmark.h>

#include "enroll/scep/test_service.hpp"

namespace vouch::enroll::scep {
namespace {

// A device with a message of its own, whose envelope was changed.
class Attacker {
 public:
  enum class Change { key_padding, content_padding, request_signature, no_request, none };

  explicit Attacker(Change change) {
    key_ = bench_.rsa_key();
    signer_ = key_->signer(crypto::SignatureAlgorithm::rsa_pkcs1_sha256).value();
    subject_ = x509::encode_name(x509::make_name({{x509::oid::kCommonName, "victim"}}));
    certificate_ =
        make_self_signed(bench_.provider(), *signer_, subject_, bench_.bench().clock().now()).value();
    responder_ = bench_.responder();
    // A wrong challenge, so that the answer to what is good is a refusal, too.
    Buffer content = make_certification_request(*signer_, {subject_, {}, "guess"}).value();
    if (change == Change::request_signature) content.back() ^= 1;
    if (change == Change::no_request) content.assign(content.size(), 0x30);
    message_ = message(envelope(content, change));
  }
  net::Response ask() const {
    net::Request http;
    http.method = net::Method::post;
    http.query = "operation=PKIOperation";
    http.body = as_text(message_);
    return responder_->answer(http);
  }
  std::string last_code() { return bench_.events().back().code; }

 private:
  Buffer envelope(Bytes content, Change change) {
    const auto recipient = x509::parse_certificate(bench_.encryption_certificate()).value();
    const cms::RecipientInput to{cms::identifier_of(recipient), recipient.public_key_info};
    Buffer out =
        cms::encode_enveloped_data(bench_.provider(), {.content = content}, std::span(&to, 1)).value();
    const auto view = cms::parse_enveloped_data(out).value();
    const auto key_at = view.recipients.front().encrypted_key.data() - out.data();
    if (change == Change::key_padding) out[static_cast<std::size_t>(key_at) + 9] ^= 1;
    if (change == Change::content_padding) out.back() ^= 1;
    return out;
  }
  Buffer message(const Buffer& content) {
    PkiMessageInput input;
    input.attributes.type = MessageType::pkcs_req;
    input.attributes.transaction = transaction_id_of(bench_.provider(), key_->public_key_info());
    input.attributes.sender_nonce = Buffer(kNonceSize, 7);
    input.content = content;
    input.signer = signer_.get();
    input.signer_certificate = certificate_;
    input.certificates = {certificate_};
    return encode_pki_message(bench_.provider(), input).value();
  }

  ScepBench bench_;
  std::shared_ptr<crypto::PrivateKey> key_;
  std::shared_ptr<const crypto::Signer> signer_;
  Buffer subject_, certificate_, message_;
  std::shared_ptr<const Responder> responder_;
};

void answer_to(benchmark::State& state, Attacker::Change change) {
  Attacker attacker(change);
  for (auto _ : state) benchmark::DoNotOptimize(attacker.ask());
  state.SetLabel(attacker.last_code());
}
BENCHMARK_CAPTURE(answer_to, wrong_padding_of_the_key, Attacker::Change::key_padding);
BENCHMARK_CAPTURE(answer_to, wrong_padding_of_the_content, Attacker::Change::content_padding);
BENCHMARK_CAPTURE(answer_to, right_padding_and_no_request, Attacker::Change::no_request);
BENCHMARK_CAPTURE(answer_to, right_padding_and_a_wrong_signature, Attacker::Change::request_signature);
BENCHMARK_CAPTURE(answer_to, all_right_but_the_challenge, Attacker::Change::none);

}  // namespace
}  // namespace vouch::enroll::scep
