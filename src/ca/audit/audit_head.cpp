#include "ca/audit/audit_head.hpp"

#include <algorithm>
#include <charconv>

#include "ca/audit/merkle.hpp"
#include "ca/keys/key_files.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kMaxCheckpoint = 64 << 10;
constexpr std::size_t kMaxSignatures = 64;
constexpr std::size_t kMaxLines = 256;
constexpr std::size_t kKeyId = 4;
constexpr std::string_view kSignaturePrefix = "\u2014 ";  // em dash: signed note
constexpr std::string_view kTimePrefix = "time ";
constexpr std::uint8_t kEd25519 = 0x01;  // the kind of key, in signed notes

Buffer sha256(const crypto::Provider& provider, Bytes data) {
  return provider.digest(crypto::DigestAlgorithm::sha256, data);
}

Result<Buffer> raw_key(Bytes public_key_info) {
  const auto key = TRY(x509::parse_public_key_info(public_key_info));
  if (key.type != crypto::KeyType::ed25519)
    return make_error(Errc::malformed, "the audit key is no Ed25519 key");
  Buffer raw{kEd25519};
  append(raw, key.point);
  return raw;
}

// Signed note: the first octets of SHA-256(name || 0x0A || kind || key).
Result<Buffer> key_id_of(const crypto::Provider& provider, std::string_view name, Bytes public_key_info) {
  Buffer input = to_buffer(as_bytes(name));
  input.push_back('\n');
  append(input, TRY(raw_key(public_key_info)));
  Buffer id = sha256(provider, input);
  id.resize(kKeyId);
  return id;
}

Error no_checkpoint(std::string_view why) {
  return make_error(Errc::malformed, "this is no signed head of an audit log: {}", why)
      .with_hint("vouch audit head --out FILE writes one");
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<Checkpoint::Signature> parse_signature(std::string_view line) {
  if (!line.starts_with(kSignaturePrefix))
    return no_checkpoint("a signature line does not begin with a dash");
  line.remove_prefix(kSignaturePrefix.size());
  const auto space = line.find(' ');
  if (space == 0 || space == std::string_view::npos) return no_checkpoint("a signature names no key");
  const auto octets = from_base64(line.substr(space + 1));
  if (!octets || octets->size() <= kKeyId) return no_checkpoint("a signature is no base64, or too short");
  const Bytes all(*octets);
  return Checkpoint::Signature{std::string(line.substr(0, space)), to_buffer(all.first(kKeyId)),
                               to_buffer(all.subspan(kKeyId))};
}

std::string checkpoint_body(std::string_view origin, std::int64_t size, Bytes root, Time time) {
  return fmt::format("{}\n{}\n{}\n{}{}\n", origin, size, to_base64(root), kTimePrefix, format_time(time));
}

Error damaged_log(std::string_view what) {
  return make_error(Errc::malformed, "the audit log is damaged: {}", what)
      .with_hint("see what is wrong with: vouch audit verify");
}

// The tree up to the last head, or an empty one to begin with.
Result<MerkleFrontier> start_of(const crypto::Provider& provider,
                                const std::optional<store::AuditHead>& last) {
  if (!last) return MerkleFrontier(provider);
  auto tree = MerkleFrontier::from(provider, last->size, last->frontier);
  // What does not belong to the head is not gone on from.
  if (!tree || !equal(tree->root(), last->root)) return MerkleFrontier(provider);
  return tree;
}

}  // namespace

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  if (text.size() > kMaxCheckpoint) return no_checkpoint("it is too long");
  const auto blank = text.find("\n\n");
  if (blank == std::string_view::npos || !text.ends_with('\n')) return no_checkpoint("it has no signature");
  Checkpoint checkpoint;
  checkpoint.signed_text = text.substr(0, blank + 1);
  const auto body = lines_of(checkpoint.signed_text);
  if (body.size() < 3 || body.size() > kMaxLines || body[0].empty())
    return no_checkpoint("it does not have its three lines");
  checkpoint.origin = body[0];
  const auto [end, wrong] = std::from_chars(body[1].data(), body[1].data() + body[1].size(), checkpoint.size);
  if (wrong != std::errc() || end != body[1].data() + body[1].size() || checkpoint.size < 0 ||
      std::to_string(checkpoint.size) != body[1])
    return no_checkpoint("its second line is no number of entries");
  checkpoint.root = TRY(from_base64(body[2]).context("reading the root of a head"));
  if (checkpoint.root.size() != kMerkleHash) return no_checkpoint("its root is no SHA-256 hash");
  for (const std::string_view line : std::span(body).subspan(3))
    if (line.starts_with(kTimePrefix)) checkpoint.time = TRY(parse_time(line.substr(kTimePrefix.size())));
  const auto signatures = lines_of(text.substr(blank + 2));
  if (signatures.empty() || signatures.size() > kMaxSignatures)
    return no_checkpoint("it has no signature, or too many");
  for (const std::string_view line : signatures) checkpoint.signatures.push_back(TRY(parse_signature(line)));
  return checkpoint;
}

std::string audit_log_origin(const crypto::Provider& provider, const std::vector<store::AuditKey>& keys) {
  if (keys.empty()) return {};
  const Buffer hash = sha256(provider, keys.front().public_key_info);
  return "vouch-audit/" + to_hex(Bytes(hash).first(8));
}

Result<std::string> audit_verifier_key(const crypto::Provider& provider, std::string_view origin,
                                       Bytes public_key_info) {
  const Buffer id = TRY(key_id_of(provider, origin, public_key_info));
  return fmt::format("{}+{}+{}", origin, to_hex(id), to_base64(TRY(raw_key(public_key_info))));
}

HeadSignature check_signature(const crypto::Provider& provider, const Checkpoint& checkpoint,
                              const std::vector<store::AuditKey>& keys) {
  HeadSignature verdict = HeadSignature::other_key;
  for (const store::AuditKey& key : keys) {
    const auto id = key_id_of(provider, checkpoint.origin, key.public_key_info);
    if (!id) continue;
    for (const Checkpoint::Signature& signature : checkpoint.signatures) {
      if (signature.name != checkpoint.origin || signature.key_id != *id) continue;
      if (provider.verify(key.public_key_info, crypto::SignatureAlgorithm::ed25519,
                          as_bytes(checkpoint.signed_text), signature.signature))
        return HeadSignature::good;
      verdict = HeadSignature::bad;
    }
  }
  return verdict;
}

std::string audit_statement(const crypto::Provider& provider, std::string_view origin, Bytes audit_key,
                            std::string_view ca_name, Bytes ca_key, Time time) {
  return fmt::format(
      "vouch audit key statement 1\nlog: {}\naudit key: {}\nCA: {}\nCA key: SHA-256 {}\ntime: {}\n", origin,
      to_base64(audit_key), ca_name, to_hex(sha256(provider, ca_key)), format_time(time));
}

Result<AuditBinding> AuditBinding::make(const Environment& environment, const crypto::Signer& ca_key,
                                        std::string_view ca_name, std::uint16_t key_index,
                                        std::string_view passphrase) {
  auto keys = TRY(TRY(environment.database.snapshot())->audit_keys());
  std::optional<store::AuditKey> known;
  if (!keys.empty()) known = keys.back();
  return make(environment, ca_key, ca_name, key_index, std::move(known), passphrase, std::move(keys));
}

Result<AuditBinding> AuditBinding::make_with_new_key(const Environment& environment,
                                                     const crypto::Signer& ca_key, std::string_view ca_name,
                                                     std::uint16_t key_index, std::string_view passphrase) {
  auto keys = TRY(TRY(environment.database.snapshot())->audit_keys());
  return make(environment, ca_key, ca_name, key_index, std::nullopt, passphrase, std::move(keys));
}

Result<AuditBinding> AuditBinding::make(const Environment& environment, const crypto::Signer& ca_key,
                                        std::string_view ca_name, std::uint16_t key_index,
                                        std::optional<store::AuditKey> known, std::string_view passphrase,
                                        std::vector<store::AuditKey> earlier) {
  AuditBinding binding;
  binding.is_new_ = !known;
  if (known) {
    binding.key_ = std::move(*known);
  } else {
    const auto key = TRY(environment.provider.generate({crypto::KeyType::ed25519, 0, false}));
    binding.key_ = {to_buffer(key->public_key_info()),
                    TRY(save_key(environment, "audit", *key, passphrase).context("making the audit key")),
                    environment.clock.now()};
    earlier.push_back(binding.key_);
  }
  store::AuditStatement& statement = binding.statement_;
  statement.key_index = key_index;
  statement.statement = audit_statement(environment.provider, audit_log_origin(environment.provider, earlier),
                                        binding.key_.public_key_info, ca_name, ca_key.public_key_info(),
                                        environment.clock.now());
  statement.algorithm = to_buffer(x509::encode(ca_key.algorithm()));
  auto signature = ca_key.sign(as_bytes(statement.statement));
  if (!signature) {
    binding.take_back(environment);
    return std::move(signature.error()).context("signing the statement about the audit key");
  }
  statement.signature = std::move(*signature);
  return binding;
}

Status AuditBinding::record(store::Transaction& transaction, store::AuthorityId authority) const {
  if (is_new_) TRY(transaction.insert_audit_key(key_));
  store::AuditStatement statement = statement_;
  statement.authority = authority;
  return transaction.insert_audit_statement(statement);
}

void AuditBinding::take_back(const Environment& environment) const {
  if (is_new_) remove_key(environment, key_.key_reference);
}

Result<store::AuditHead> sign_audit_head(const Environment& environment, std::string_view actor) {
  std::vector<store::AuditKey> keys;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    auto last = TRY(snapshot->last_audit_head());
    if (last && last->size == TRY(snapshot->audit_size())) return std::move(*last);
    keys = TRY(snapshot->audit_keys());
  }
  if (keys.empty())
    return make_error(Errc::not_found, "this home has no audit key, so that its audit log has no signed head")
        .with_hint("make one with: vouch audit key --new");
  const std::string origin = audit_log_origin(environment.provider, keys);
  const auto key = TRY(load_key(environment, keys.back().key_reference).context("opening the audit key"));
  const auto signer = TRY(key->signer(crypto::SignatureAlgorithm::ed25519));
  const Buffer key_id = TRY(key_id_of(environment.provider, origin, signer->public_key_info()));
  if (!equal(signer->public_key_info(), keys.back().public_key_info))
    return make_error(Errc::malformed, "{} holds another key than the audit key", keys.back().key_reference)
        .with_hint("restore the key file from a backup, or make a new audit key: vouch audit key --new");

  store::AuditHead head;
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    const auto last = TRY(t.last_audit_head());
    head.size = TRY(t.audit_size()) + 1;
    if (last && last->size >= head.size)
      return damaged_log(fmt::format("it has {} entries and a head of {}", head.size - 1, last->size));
    TRY(record_audit(environment, t,
                     {.actor = std::string(actor),
                      .action = "audit.head",
                      .authority = "",
                      .object = fmt::format("head {}", head.size)}));
    MerkleFrontier tree = TRY(start_of(environment.provider, last));
    TRY(t.for_each_audit_leaf(tree.size() + 1, head.size, [&](std::int64_t sequence, Bytes leaf) -> Status {
      if (sequence != tree.size() + 1 || leaf.size() != kMerkleHash)
        return damaged_log(fmt::format("entry {} is missing or has no hash", tree.size() + 1));
      tree.add(leaf);
      return ok();
    }));
    if (tree.size() != head.size) return damaged_log("entries are missing");
    head.time = environment.clock.now();
    head.root = tree.root();
    head.frontier = tree.nodes();
    head.checkpoint = checkpoint_body(origin, head.size, head.root, head.time);
    Buffer signature = key_id;
    append(signature, TRY(signer->sign(as_bytes(head.checkpoint))));
    head.checkpoint += fmt::format("\n{}{} {}\n", kSignaturePrefix, origin, to_base64(signature));
    return t.insert_audit_head(head);
  }));
  return head;
}

}  // namespace vouch::ca
