#include "api/describe.hpp"

#include <algorithm>

#include "base/pem.hpp"
#include "ca/challenges.hpp"
#include "ca/settings/settings.hpp"
#include "ca/setup/renewal.hpp"
#include "crypto/provider.hpp"
#include "x509/certificate.hpp"
#include "x509/name.hpp"
#include "x509/print.hpp"

namespace vouch::api {
namespace {

Value revocation_fields(Value value, const std::optional<store::RevocationRecord>& revocation) {
  value.set("revoked_at", revocation ? Value(format_time(revocation->revoked_at)) : Value());
  value.set("reason", revocation ? Value(x509::to_string(revocation->reason)) : Value());
  value.set("invalid_since", revocation ? time_or_null(revocation->invalidity_date) : Value());
  return value;
}

// What a generation is good for now.
std::string_view state_of(const store::KeyGeneration& generation, const x509::CertificateView* view,
                          bool newest, Time now) {
  if (generation.certificate.empty()) return "waits for its certificate";
  if (view->not_after < now) return "expired";
  return newest ? "signs" : "older, still valid";
}

Result<Value> describe_generation(const ca::Environment& environment, const store::KeyGeneration& generation,
                                  bool newest) {
  Value value;
  value.set("version", ca::version_text(generation)).set("key", key_text(generation.public_key_info));
  value.set("key_reference", generation.key_reference).set("created_at", format_time(generation.created_at));
  const bool installed = !generation.certificate.empty();
  std::optional<x509::CertificateView> view;
  Fingerprints prints;
  if (installed) {
    view = TRY(x509::parse_certificate(generation.certificate)
                   .context("reading the CA certificate {}", ca::version_text(generation)));
    prints = fingerprints(environment.provider, generation.certificate);
  }
  value.set("subject", view ? Value(name_text(view->subject)) : Value());
  value.set("issuer", view ? Value(name_text(view->issuer)) : Value());
  value.set("serial", view ? Value(x509::serial_to_text(view->serial)) : Value());
  value.set("not_before", view ? Value(format_time(view->not_before)) : Value());
  value.set("not_after", view ? Value(format_time(view->not_after)) : Value());
  value.set("sha256", text_or_null(prints.sha256)).set("sha1", text_or_null(prints.sha1));
  value.set("state", state_of(generation, view ? &*view : nullptr, newest, environment.clock.now()));
  value.set("renew_at",
            view ? Value(format_time(ca::half_life(view->not_before, view->not_after))) : Value());
  Value chain = Value::list();
  for (const Buffer& der : generation.chain) {
    const auto parent = TRY(x509::parse_certificate(der));
    chain.push(Value()
                   .set("subject", name_text(parent.subject))
                   .set("not_after", format_time(parent.not_after))
                   .set("sha256", fingerprints(environment.provider, der).sha256));
  }
  value.set("chain", std::move(chain));
  return value;
}

Value location_texts(const std::vector<ca::Location>& locations) {
  Value list = Value::list();
  for (const ca::Location& location : locations) list.push(ca::format_location(location));
  return list;
}

}  // namespace

Value text_or_null(std::string_view text) { return text.empty() ? Value() : Value(text); }
Value hex_or_null(Bytes octets) { return octets.empty() ? Value() : Value(to_hex(octets)); }

Value texts(const std::vector<std::string>& list) {
  Value out = Value::list();
  for (const std::string& text : list) out.push(text);
  return out;
}

Result<AuthorityNames> authority_names(const store::Snapshot& snapshot) {
  AuthorityNames names;
  for (const auto& record : TRY(snapshot.authorities())) names[record.id] = record.name;
  return names;
}

Value describe(const store::RequestRecord& record, const AuthorityNames& names) {
  const auto name = names.find(record.authority);
  Value value;
  value.set("id", record.id).set("ca", name == names.end() ? Value() : Value(name->second));
  value.set("state", store::to_string(record.disposition))
      .set("template", text_or_null(record.template_name));
  value.set("requester", record.requester).set("submitted_at", format_time(record.submitted_at));
  value.set("resolved_at", time_or_null(record.resolved_at)).set("resolver", text_or_null(record.resolver));
  value.set("message", text_or_null(record.message)).set("rule", text_or_null(record.reason));
  return value;
}

Value describe(const store::CertificateRecord& record, const AuthorityNames& names) {
  const auto name = names.find(record.authority);
  Value value;
  value.set("serial", x509::serial_to_text(record.serial)).set("subject", record.subject);
  value.set("ca", name == names.end() ? Value() : Value(name->second)).set("request", record.request);
  value.set("template", text_or_null(record.template_name)).set("not_before", format_time(record.not_before));
  value.set("not_after", format_time(record.not_after)).set("state", state_of(record));
  return revocation_fields(std::move(value), record.revocation);
}

Value describe(const store::CrlRecord& record, std::string_view authority,
               const std::vector<fs::path>& files) {
  Value value;
  value.set("ca", authority).set("key_index", record.key_index).set("number", record.number);
  value.set("delta", record.delta);
  value.set("shard", record.shard == 0 ? Value() : Value(std::uint64_t{record.shard}));
  value.set("base_number", record.delta ? Value(record.base_number) : Value())
      .set("this_update", format_time(record.this_update));
  value.set("next_update", format_time(record.next_update))
      .set("next_publish", format_time(record.next_publish));
  value.set("entries", record.entries).set("size", record.size).set("sha256", hex_or_null(record.sha256));
  Value paths = Value::list();
  for (const fs::path& file : files) paths.push(file.string());
  value.set("files", std::move(paths));
  return value;
}

Value describe(const store::ChallengeRecord& record, const AuthorityNames& names, Time now) {
  const bool is_bound = record.kind == store::ChallengeKind::bound;
  Value value;
  value.set("id", record.id).set("ca", text_or_null(name_of(names, record.authority)));
  value.set("kind", store::to_string(record.kind)).set("state", ca::state_of(record, now));
  value.set("jti", is_bound ? hex_or_null(record.token) : Value()).set("profile", record.profile);
  value.set("template", text_or_null(record.template_name)).set("device", text_or_null(record.device));
  value.set("user", text_or_null(record.user)).set("request_id", text_or_null(record.request_id));
  value.set("sid", text_or_null(record.sid)).set("minter", text_or_null(record.minter));
  value.set("minted_by", record.minted_by).set("minted_at", format_time(record.minted_at));
  value.set("expires_at",
            record.kind == store::ChallengeKind::single ? Value() : Value(format_time(record.expires_at)));
  value.set("changed_at", format_time(record.changed_at));
  value.set("refused_requests", std::uint64_t{record.failures})
      .set("last_refusal", text_or_null(record.last_refusal));
  value.set("request", record.request == 0 ? Value() : Value(record.request));
  return value.set("client", text_or_null(record.client));
}

Value describe(const ca::Minter& minter) {
  const ca::MinterRights& rights = minter.rights;
  Value value;
  value.set("name", minter.name).set("key", to_hex(minter.key.id));
  value.set("accounts", texts(rights.accounts)).set("profiles", texts(rights.profiles));
  value.set("templates", texts(rights.templates)).set("names", texts(rights.names));
  value.set("sids", rights.sids).set("passwords", rights.passwords);
  value.set("longest", format_span(rights.longest)).set("password_life", format_span(rights.password_life));
  value.set("open_passwords", std::uint64_t{rights.open_passwords});
  return value.set("created_at", format_time(minter.key.created_at)).set("created_by", minter.key.created_by);
}

Value describe(const store::ChallengeKey& key) {
  Value value;
  value.set("id", to_hex(key.id)).set("minter", text_or_null(key.minter));
  value.set("state", key.removed_at       ? "removed"
                     : key.retired_at     ? "opens"
                     : key.minter.empty() ? "seals"
                                          : "signs");
  value.set("created_at", format_time(key.created_at)).set("created_by", key.created_by);
  return value.set("retired_at", time_or_null(key.retired_at))
      .set("removed_at", time_or_null(key.removed_at));
}

std::string_view state_of(const store::CertificateRecord& record) {
  if (!record.revocation) return record.lost() ? "lost" : "issued";
  return record.revocation->reason == x509::CrlReason::certificate_hold ? "on hold" : "revoked";
}

Fingerprints fingerprints(const crypto::Provider& provider, Bytes der) {
  return {to_hex(provider.digest(crypto::DigestAlgorithm::sha256, der)),
          to_hex(provider.digest(crypto::DigestAlgorithm::sha1, der))};
}

std::string key_text(Bytes public_key_info) {
  const auto key = x509::parse_public_key_info(public_key_info);
  if (!key) return std::string(key.error().message());
  if (key->type != x509::KeyType::rsa) return std::string(x509::to_string(key->type));
  return fmt::format("RSA {}", key->bits);
}

std::string name_text(Bytes name_der) {
  const auto text = x509::to_rfc4514(name_der);
  return text ? *text : fmt::format("(unreadable: {})", text.error().message());
}

std::string name_of(const AuthorityNames& names, store::AuthorityId id) {
  const auto found = names.find(id);
  return found == names.end() ? std::string() : found->second;
}

Value describe(const ca::Grant& grant, const AuthorityNames& names) {
  Value value;
  value.set("principal", grant.principal).set("role", ca::to_string(grant.role));
  value.set("ca", text_or_null(name_of(names, grant.authority)));
  value.set("template", text_or_null(grant.template_name)).set("requesters", text_or_null(grant.requesters));
  value.set("granted_at", format_time(grant.granted_at)).set("granted_by", grant.granted_by);
  return value;
}

Value describe(const ca::RoleRule& rule, const AuthorityNames& names) {
  return Value()
      .set("rule", ca::to_string(rule.kind))
      .set("ca", text_or_null(name_of(names, rule.authority)))
      .set("template", text_or_null(rule.template_name));
}

Result<Value> describe(const ca::Outcome& outcome, const std::string& file) {
  std::string serial;
  if (!outcome.certificate.empty())
    serial = x509::serial_to_text(TRY(x509::read_serial(outcome.certificate)));
  Value value;
  value.set("request", outcome.request).set("state", store::to_string(outcome.disposition));
  value.set("serial", text_or_null(serial));
  value.set("certificate",
            outcome.certificate.empty() ? Value() : Value(to_pem("CERTIFICATE", outcome.certificate)));
  value.set("file", outcome.certificate.empty() ? Value() : text_or_null(file));
  value.set("message", text_or_null(outcome.message)).set("rule", text_or_null(outcome.reason));
  value.set("expected", text_or_null(outcome.expected)).set("received", text_or_null(outcome.received));
  value.set("mend", text_or_null(outcome.mend)).set("notes", texts(outcome.notes));
  return value;
}

Result<Value> summarize(const store::Snapshot& snapshot, const store::AuthorityRecord& record) {
  std::optional<Time> expires;
  for (const auto& generation : TRY(snapshot.key_generations(record.id)))
    if (!generation.certificate.empty())
      expires = TRY(x509::parse_certificate(generation.certificate)).not_after;
  return Value()
      .set("name", record.name)
      .set("kind", store::to_string(record.kind))
      .set("mode", store::to_string(record.mode))
      .set("state", expires ? "ready" : "waits for its certificate")
      .set("not_after", time_or_null(expires));
}

Result<Value> describe(const ca::Environment& environment, const store::Snapshot& snapshot,
                       const store::AuthorityRecord& record) {
  const auto settings =
      TRY(ca::parse_settings(record.settings).context("reading the settings of CA '{}'", record.name));
  const auto generations = TRY(snapshot.key_generations(record.id));
  const store::KeyGeneration* newest = nullptr;
  for (const auto& generation : generations)
    if (!generation.certificate.empty()) newest = &generation;
  const bool ready = newest != nullptr;
  Value keys = Value::list();
  for (const auto& generation : generations)
    keys.push(TRY(describe_generation(environment, generation, &generation == newest)));
  std::optional<Time> due = settings.renewal_due;
  if (newest && !due) {
    const auto view = TRY(x509::parse_certificate(newest->certificate));
    due = ca::half_life(view.not_before, view.not_after);
  }
  Value value;
  value.set("name", record.name)
      .set("kind", store::to_string(record.kind))
      .set("mode", store::to_string(record.mode));
  value.set("state", ready ? "ready" : "waits for its certificate")
      .set("created_at", format_time(record.created_at));
  value.set("key", crypto::format_key_spec(settings.key));
  value.set("signature_algorithm", x509::to_string(settings.signature_algorithm));
  value.set("renewal_due", time_or_null(due)).set("renewal_is_due", due && *due <= environment.clock.now());
  value.set("automatic_issuance", settings.automatic_issuance);
  value.set("interactive_key", settings.interactive_key);
  value.set("default_validity", format_span(settings.default_validity));
  value.set("crl_period", format_span(settings.crl_period))
      .set("crl_overlap", ca::format_overlap(settings.crl_overlap));
  value
      .set("delta_period",
           settings.delta_period == Span{} ? Value() : Value(format_span(settings.delta_period)))
      .set("delta_overlap", ca::format_overlap(settings.delta_overlap));
  value.set("cdp", location_texts(settings.cdp)).set("aia", location_texts(settings.aia));
  value.set("dns_name", settings.dns_name).set("short_name", settings.short_name);
  value.set("templates", texts(TRY(snapshot.published_templates(record.id))));
  Value parent;
  if (settings.parent)
    parent.set("url", settings.parent->url)
        .set("ca", settings.parent->ca)
        .set("request", settings.parent->request == 0 ? Value() : Value(settings.parent->request));
  value.set("parent", std::move(parent));
  Value crl;
  if (const auto crls = TRY(snapshot.crls(record.id)); !crls.empty())
    crl.set("number", crls.front().number)
        .set("this_update", format_time(crls.front().this_update))
        .set("next_update", format_time(crls.front().next_update));
  value.set("crl", std::move(crl)).set("keys", std::move(keys));
  return value;
}

}  // namespace vouch::api
