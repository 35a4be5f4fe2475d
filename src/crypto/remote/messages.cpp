#include "crypto/remote/messages.hpp"

#include "asn1/der_writer.hpp"

namespace vouch::crypto::remote {
namespace {

using asn1::context_constructed, asn1::Reader, asn1::Tag, asn1::Writer;

constexpr std::size_t kMaxReference = 4096;
constexpr std::size_t kMaxKeySize = 64;
// Of what is said about a failure: alone, and as one of several in a message.
constexpr std::size_t kLongText = 4096, kShortText = 1024;

Result<std::string> read_text(Reader& reader, std::size_t most) {
  const Bytes octets = TRY(reader.expect(Tag::utf8_string));
  if (octets.size() > most)
    return make_error(Errc::limit_exceeded, "a text of {} octets; at most {} are read", octets.size(), most);
  return std::string(as_text(octets));
}

Result<SignatureAlgorithm> read_algorithm(Reader& fields) {
  const auto algorithm = TRY(x509::parse_signature_algorithm(TRY(x509::parse_algorithm_identifier(fields))));
  if (x509::is_weak(algorithm))
    return make_error(Errc::denied, "nothing is signed with {}", x509::to_string(algorithm));
  return algorithm;
}

Result<SignRequest> read_sign(Reader& fields) {
  SignRequest request;
  request.reference = TRY(read_text(fields, kMaxReference));
  request.algorithm = TRY(read_algorithm(fields));
  if (!fields.at_end()) request.tbs = to_buffer(TRY(fields.expect_octet_string()));
  return request;
}

Result<SignAllRequest> read_sign_all(Reader& fields) {
  SignAllRequest request;
  request.reference = TRY(read_text(fields, kMaxReference));
  request.algorithm = TRY(read_algorithm(fields));
  Reader list = TRY(fields.expect_sequence());
  while (!list.at_end()) {
    if (request.tbs.size() == kMaxTogether)
      return make_error(Errc::limit_exceeded, "more than {} texts to be signed", kMaxTogether);
    request.tbs.push_back(to_buffer(TRY(list.expect_octet_string())));
  }
  if (request.tbs.empty()) return make_error(Errc::malformed, "nothing to be signed");
  return request;
}

Result<DecryptRequest> read_decrypt(Reader& fields) {
  DecryptRequest request;
  request.reference = TRY(read_text(fields, kMaxReference));
  const std::uint64_t transport = TRY(fields.expect_uint64());
  if (transport > static_cast<std::uint64_t>(KeyTransport::rsa_oaep_sha256))
    return make_error(Errc::malformed, "there is no key transport {}", transport);
  request.transport = static_cast<KeyTransport>(transport);
  const std::uint64_t key_size = TRY(fields.expect_uint64());
  if (key_size > kMaxKeySize)
    return make_error(Errc::limit_exceeded, "no content key has {} octets", key_size);
  request.key_size = static_cast<std::size_t>(key_size);
  request.ciphertext = to_buffer(TRY(fields.expect_octet_string()));
  return request;
}

Result<OpenRequest> read_open(Reader& fields) {
  OpenRequest request;
  request.reference = TRY(read_text(fields, kMaxReference));
  request.evidence = to_buffer(TRY(fields.expect_octet_string()));
  return request;
}

// What the other side reports, which is not the same as failing to read it.
struct Failure {
  Error error;
};
Result<Failure> read_failure(Reader& fields) {
  const std::string code = TRY(read_text(fields, 64));
  const std::string message = TRY(read_text(fields, kMaxMessage));
  const std::string hint = TRY(read_text(fields, kMaxMessage));
  for (const Errc known : {
#define VOUCH_ERROR(category, exit, text) Errc::category,
#include "base/errors.def"
#undef VOUCH_ERROR
       })
    if (name(known) == code) {
      Error error(known, message);
      return Failure{hint.empty() ? std::move(error) : std::move(error).with_hint(hint)};
    }
  return make_error(Errc::malformed, "there is no error category '{}'", code);
}

Result<std::vector<RemoteKeyInfo>> read_keys(Reader& list) {
  std::vector<RemoteKeyInfo> keys;
  while (!list.at_end()) {
    if (keys.size() == kMaxKeys) return make_error(Errc::limit_exceeded, "more than {} keys", kMaxKeys);
    Reader fields = TRY(list.expect_sequence());
    RemoteKeyInfo key;
    key.reference = TRY(read_text(fields, kMaxReference));
    key.public_key_info = to_buffer(TRY(fields.expect_tlv(Tag::sequence)).whole);
    TRY(fields.finish());
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<Signatures> read_signatures(Reader& list) {
  Signatures signatures;
  while (!list.at_end()) {
    if (signatures.size() == kMaxTogether)
      return make_error(Errc::limit_exceeded, "more than {} signatures", kMaxTogether);
    const bool failed = list.peek() == context_constructed(0);
    Reader fields = TRY(list.expect_constructed(context_constructed(failed ? 0 : 2)));
    if (failed)
      signatures.emplace_back(TRY(read_failure(fields)).error);
    else
      signatures.emplace_back(to_buffer(TRY(fields.expect_octet_string())));
    TRY(fields.finish());
  }
  return signatures;
}

void write_failure(Writer& out, const Error& error, std::size_t most) {
  out.constructed(context_constructed(0), [&] {
    out.string(Tag::utf8_string, name(error.code()));
    out.string(Tag::utf8_string, error.summary().substr(0, most));
    out.string(Tag::utf8_string, error.hint().substr(0, most));
  });
}

void write_octets(Writer& out, Bytes octets) {
  out.constructed(context_constructed(2), [&] { out.octet_string(octets); });
}

// The contents of the one element that a message is.
Result<std::pair<Tag, Reader>> open_message(Bytes message) {
  if (message.size() > kMaxMessage)
    return make_error(Errc::limit_exceeded, "a message of {} octets", message.size());
  Reader input(message);
  const auto tag = input.peek();
  if (!tag) return make_error(Errc::malformed, "an empty message");
  Reader fields = TRY(input.expect_constructed(*tag));
  TRY(input.finish());
  return std::pair(*tag, fields);
}

}  // namespace

Buffer encode(const Request& request) {
  Writer out;
  if (std::holds_alternative<KeysRequest>(request)) {
    out.constructed(context_constructed(0), [] {});
  } else if (const auto* sign = std::get_if<SignRequest>(&request)) {
    out.constructed(context_constructed(1), [&] {
      out.string(Tag::utf8_string, sign->reference);
      out.raw(x509::encode(sign->algorithm));
      if (sign->tbs) out.octet_string(*sign->tbs);
    });
  } else if (const auto* open = std::get_if<OpenRequest>(&request)) {
    out.constructed(context_constructed(3), [&] {
      out.string(Tag::utf8_string, open->reference);
      out.octet_string(open->evidence);
    });
  } else if (const auto* all = std::get_if<SignAllRequest>(&request)) {
    out.constructed(context_constructed(4), [&] {
      out.string(Tag::utf8_string, all->reference);
      out.raw(x509::encode(all->algorithm));
      out.sequence([&] {
        for (const Buffer& tbs : all->tbs) out.octet_string(tbs);
      });
    });
  } else {
    const auto& decrypt = std::get<DecryptRequest>(request);
    out.constructed(context_constructed(2), [&] {
      out.string(Tag::utf8_string, decrypt.reference);
      out.integer(static_cast<std::uint64_t>(decrypt.transport));
      out.integer(decrypt.key_size);
      out.octet_string(decrypt.ciphertext);
    });
  }
  return std::move(out).take();
}

Buffer encode(const Response& response) {
  Writer out;
  if (const auto* error = std::get_if<Error>(&response)) {
    write_failure(out, *error, kLongText);
  } else if (const auto* keys = std::get_if<std::vector<RemoteKeyInfo>>(&response)) {
    out.constructed(context_constructed(1), [&] {
      for (const RemoteKeyInfo& key : *keys)
        out.sequence([&] {
          out.string(Tag::utf8_string, key.reference);
          out.raw(key.public_key_info);
        });
    });
  } else if (const auto* signatures = std::get_if<Signatures>(&response)) {
    out.constructed(context_constructed(3), [&] {
      for (const auto& signature : *signatures)
        signature ? write_octets(out, *signature) : write_failure(out, signature.error(), kShortText);
    });
  } else {
    write_octets(out, std::get<Buffer>(response));
  }
  return std::move(out).take();
}

Result<Request> parse_request(Bytes message) {
  const auto read = [&]() -> Result<Request> {
    auto [tag, fields] = TRY(open_message(message));
    Request request;
    if (tag == context_constructed(0))
      request = KeysRequest{};
    else if (tag == context_constructed(1))
      request = TRY(read_sign(fields));
    else if (tag == context_constructed(2))
      request = TRY(read_decrypt(fields));
    else if (tag == context_constructed(3))
      request = TRY(read_open(fields));
    else if (tag == context_constructed(4))
      request = TRY(read_sign_all(fields));
    else
      return make_error(Errc::malformed, "there is no such request");
    TRY(fields.finish());
    return request;
  };
  return read().context("reading a request to the signer process");
}

Result<Response> parse_response(Bytes message) {
  const auto read = [&]() -> Result<Response> {
    auto [tag, fields] = TRY(open_message(message));
    if (tag == context_constructed(1)) return Response(TRY(read_keys(fields)));
    if (tag == context_constructed(3)) return Response(TRY(read_signatures(fields)));
    std::optional<Response> response;
    if (tag == context_constructed(0))
      response = TRY(read_failure(fields)).error;
    else if (tag == context_constructed(2))
      response = to_buffer(TRY(fields.expect_octet_string()));
    else
      return make_error(Errc::malformed, "there is no such response");
    TRY(fields.finish());
    return std::move(*response);
  };
  return read().context("reading an answer of the signer process");
}

}  // namespace vouch::crypto::remote
