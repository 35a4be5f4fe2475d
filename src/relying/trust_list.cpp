#include "relying/trust_list.hpp"

#include <algorithm>
#include <set>
#include <system_error>

#include "base/pem.hpp"
#include "base/text.hpp"

namespace vouch::relying {
namespace {

using validate::Certificate, validate::CertificatePtr;

// "https://pki.example.test/ca.crl": one place of the web, and nothing else.
Status check_url(std::string_view what, const std::string& url) {
  if (url.empty()) return ok();
  const bool web = equal_ignoring_case(std::string_view(url).substr(0, 7), "http://") ||
                   equal_ignoring_case(std::string_view(url).substr(0, 8), "https://");
  if (!web)
    return make_error(Errc::usage, "the {} URL '{}' is neither http nor https", what, url)
        .with_hint(
            "publish the CRL on a web server; http is right: a CRL is signed, and https can become "
            "circular");
  const bool odd =
      std::ranges::any_of(url, [](unsigned char c) { return c <= ' ' || c == 0x7f || c == ','; });
  if (odd || url.size() > 2048)
    return make_error(Errc::usage, "the {} URL '{}' is not one URL", what, url.substr(0, 256))
        .with_hint("each issuer has one base and one delta URL");
  return ok();
}

std::string fingerprint_text(const Certificate& one) { return to_hex(one.fingerprint()); }
std::string key_text(const Certificate& one) {
  return one.subject_key_identifier ? to_hex(*one.subject_key_identifier) : "";
}
// Name and key: another certificate of the same CA.
std::string name_and_key(const Certificate& one) {
  return one.subject_key() + std::string(as_text(one.view().public_key_info));
}

}  // namespace

Status check_issuer(const TrustedIssuer& issuer) {
  if (!issuer.certificate) return make_error(Errc::usage, "a trusted issuer needs a certificate");
  const Certificate& one = *issuer.certificate;
  if (!one.is_ca() && one.view().version >= 3)
    return make_error(Errc::usage, "'{}' is no CA certificate: its basicConstraints do not say so",
                      one.subject_text())
        .with_hint("trust the CA that issued it");
  TRY(check_url("base CRL", issuer.base_url));
  TRY(check_url("delta CRL", issuer.delta_url));
  if (!issuer.delta_url.empty() && issuer.base_url.empty())
    return make_error(Errc::usage,
                      "a delta CRL distribution point is configured without a base CRL distribution point "
                      "(AADSTS500177)")
        .with_hint("give the base CRL's URL as well: a delta says only what has changed since");
  return ok();
}

std::vector<std::string> warnings_of(const TrustedIssuer& issuer, Time now) {
  const Certificate& one = *issuer.certificate;
  std::vector<std::string> out;
  if (issuer.anchor && !one.self_issued())
    out.push_back("an intermediate CA stands among the roots: its own revocation is not checked");
  if (!issuer.anchor && one.self_issued())
    out.push_back("a root is only used as an intermediate: no chain ends there");
  if (!one.subject_key_identifier)
    out.push_back(
        "it has no subjectKeyIdentifier: profiles that link by key identifiers refuse what it issues");
  if (!issuer.anchor && !one.authority_key_identifier)
    out.push_back(
        "it has no authorityKeyIdentifier: profiles that link by key identifiers do not find its issuer");
  if (one.view().not_after < now) out.push_back("it expired at " + format_time(one.view().not_after));
  if (one.view().not_before > now)
    out.push_back("it is not valid before " + format_time(one.view().not_before));
  if (!one.allows(x509::key_cert_sign)) out.push_back("its key usage does not allow it to sign certificates");
  if (issuer.base_url.starts_with("https://"))
    out.push_back(
        "its CRL is fetched over https: where that server's certificate is checked by this CRL, nothing "
        "can begin");
  return out;
}

TrustList::TrustList(std::vector<TrustedIssuer> issuers) : issuers_(std::move(issuers)) {
  std::vector<validate::TrustAnchor> anchors;
  std::vector<CertificatePtr> intermediates;
  for (std::size_t i = 0; i < issuers_.size(); ++i) {
    const TrustedIssuer& one = issuers_[i];
    by_fingerprint_.try_emplace(std::string(as_text(one.certificate->fingerprint())), i);
    by_key_.try_emplace(name_and_key(*one.certificate), i);
    if (!one.anchor) {
      intermediates.push_back(one.certificate);
      continue;
    }
    validate::TrustAnchor anchor;
    anchor.certificate = one.certificate;
    anchor.source = one.source;
    anchor.purposes = one.purposes;
    anchor.distrusted_after = one.distrusted_after;
    anchors.push_back(std::move(anchor));
  }
  store_ = std::make_shared<validate::TrustStore>(std::move(anchors), std::move(intermediates));
}

const TrustedIssuer* TrustList::find(const Certificate& certificate) const {
  const auto same = by_fingerprint_.find(std::string(as_text(certificate.fingerprint())));
  if (same != by_fingerprint_.end()) return &issuers_[same->second];
  const auto key = by_key_.find(name_and_key(certificate));
  return key == by_key_.end() ? nullptr : &issuers_[key->second];
}

Result<const TrustedIssuer*> TrustList::find(std::string_view words) const {
  std::string hex;
  if (auto octets = from_hex(words)) hex = to_hex(*octets);
  std::vector<const TrustedIssuer*> found;
  for (const TrustedIssuer& one : issuers_) {
    const std::string fingerprint = fingerprint_text(*one.certificate);
    const bool by_hex =
        hex.size() >= 8 && (fingerprint.starts_with(hex) || key_text(*one.certificate) == hex);
    if (by_hex || (!one.label.empty() && one.label == words) || one.certificate->subject_text() == words)
      found.push_back(&one);
  }
  if (found.size() == 1) return found.front();
  if (found.empty())
    return make_error(Errc::not_found, "no trusted issuer is meant by '{}'", words)
        .with_hint(
            "give its SHA-256 (8 digits are enough), subjectKeyIdentifier, label or subject: vouch trust "
            "list");
  return make_error(Errc::conflict, "{} trusted issuers are meant by '{}'", found.size(), words)
      .with_hint("give the SHA-256 of the one that is meant");
}

std::vector<const TrustedIssuer*> TrustList::affected_by_removal(const TrustedIssuer& issuer) const {
  // Everything that still reaches another anchor, upwards from the anchors.
  const auto issued = [](const Certificate& above, const Certificate& below) {
    if (below.issuer_key() != above.subject_key()) return false;
    const auto& aki = below.authority_key_identifier;
    return !aki || !aki->key_identifier || !above.subject_key_identifier ||
           equal(*aki->key_identifier, *above.subject_key_identifier);
  };
  const auto reached_without = [&](const CertificatePtr& without) {
    std::set<const TrustedIssuer*> reached;
    for (const TrustedIssuer& one : issuers_)
      if (one.anchor && one.certificate != without) reached.insert(&one);
    for (bool grew = true; grew;) {
      grew = false;
      for (const TrustedIssuer& one : issuers_) {
        if (one.certificate == without || reached.contains(&one)) continue;
        const bool here = std::ranges::any_of(reached, [&](const TrustedIssuer* above) {
          return issued(*above->certificate, *one.certificate);
        });
        if (here) grew = reached.insert(&one).second || grew;
      }
    }
    return reached;
  };
  const auto before = reached_without(nullptr), after = reached_without(issuer.certificate);
  std::vector<const TrustedIssuer*> out;
  for (const TrustedIssuer& one : issuers_)
    if (one.certificate != issuer.certificate && before.contains(&one) && !after.contains(&one)) out.push_back(&one);
  return out;
}

Value to_value(const TrustedIssuer& issuer, Time now) {
  const Certificate& one = *issuer.certificate;
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Value() : Value(text); };
  Value purposes = Value::list(), warnings = Value::list();
  for (const x509::Oid& purpose : issuer.purposes) purposes.push(x509::describe(purpose));
  for (std::string& warning : warnings_of(issuer, now)) warnings.push(std::move(warning));
  return Value::table()
      .set("sha256", fingerprint_text(one))
      .set("subject", one.subject_text())
      .set("subject_key_identifier", text_or_null(key_text(one)))
      .set("label", text_or_null(issuer.label))
      .set("source", issuer.source)
      .set("anchor", issuer.anchor)
      .set("base_url", text_or_null(issuer.base_url))
      .set("delta_url", text_or_null(issuer.delta_url))
      .set("purposes", std::move(purposes))
      .set("distrusted_after",
           issuer.distrusted_after ? Value(format_time(*issuer.distrusted_after)) : Value())
      .set("not_after", format_time(one.view().not_after))
      .set("warnings", std::move(warnings));
}

// ---- A folder

namespace {

constexpr std::size_t kMaxEntry = std::size_t{64} << 10;

Status read_entry_settings(const Value& settings, TrustedIssuer& issuer) {
  for (const auto& [key, value] : *settings.members()) {
    if (key == "purposes" && value.list_items()) {
      for (const Value& one : *value.list_items())
        if (one.text()) issuer.purposes.push_back(TRY(x509::oid_from_name(*one.text())));
    } else if (key == "anchor" && value.boolean()) {
      issuer.anchor = *value.boolean();
    } else if (key == "label" && value.text()) {
      issuer.label = *value.text();
    } else if (key == "base_url" && value.text()) {
      issuer.base_url = *value.text();
    } else if (key == "delta_url" && value.text()) {
      issuer.delta_url = *value.text();
    } else if (key == "distrusted_after" && value.text()) {
      issuer.distrusted_after = TRY(parse_time(*value.text()));
    } else {
      return make_error(Errc::malformed, "line {}: '{}' is not known or of the wrong kind", value.line(),
                        key);
    }
  }
  return ok();
}

Value entry_settings(const TrustedIssuer& issuer) {
  Value out = Value::table();
  out.set("anchor", issuer.anchor);
  if (!issuer.label.empty()) out.set("label", issuer.label);
  if (!issuer.base_url.empty()) out.set("base_url", issuer.base_url);
  if (!issuer.delta_url.empty()) out.set("delta_url", issuer.delta_url);
  if (issuer.distrusted_after) out.set("distrusted_after", format_time(*issuer.distrusted_after));
  Value purposes = Value::list();
  for (const x509::Oid& one : issuer.purposes) purposes.push(one.dotted());
  if (!issuer.purposes.empty()) out.set("purposes", std::move(purposes));
  return out;
}

}  // namespace

Result<std::vector<TrustedIssuer>> TrustFolder::load() const {
  std::vector<fs::path> files;
  std::error_code missing;
  for (const auto& one : fs::directory_iterator(folder_, missing))
    if (one.path().extension() == ".pem") files.push_back(one.path());
  std::ranges::sort(files);
  std::vector<TrustedIssuer> out;
  for (const fs::path& file : files) {
    TrustedIssuer issuer;
    issuer.source = name();
    const Buffer text = TRY(read_file(file, kMaxEntry));
    const auto blocks =
        TRY(pem_or_der(text, "CERTIFICATE", {"CERTIFICATE"}).context("reading {}", file.string()));
    issuer.certificate =
        TRY(Certificate::parse(*provider_, blocks.front().der).context("reading {}", file.string()));
    fs::path beside = file;
    beside.replace_extension(".toml");
    if (const auto settings = read_file(beside, kMaxEntry)) {
      const Value read = TRY(parse_toml(as_text(*settings), beside.string()));
      TRY(read_entry_settings(read, issuer).context("reading {}", beside.string()));
    } else if (settings.error().code() != Errc::not_found) {
      return Error(settings.error());
    }
    // A delta without a base is let in: the sign-in says 500177.
    out.push_back(std::move(issuer));
  }
  return out;
}

Status TrustFolder::put(const TrustedIssuer& issuer) const {
  TRY(check_issuer(issuer));
  TRY(make_folder(folder_));
  const fs::path stem = folder_ / fingerprint_text(*issuer.certificate);
  // The settings first: a certificate without them would be trusted without limits.
  TRY(write_file_atomic(stem.string() + ".toml", as_bytes(to_toml(entry_settings(issuer)))));
  return write_file_atomic(stem.string() + ".pem",
                           as_bytes(to_pem("CERTIFICATE", issuer.certificate->der())));
}

Status TrustFolder::remove(const Certificate& certificate) const {
  const fs::path stem = folder_ / fingerprint_text(certificate);
  std::error_code error;
  const bool there = fs::remove(stem.string() + ".pem", error);
  if (error) return system_error(error.value(), "removing", stem.string() + ".pem");
  fs::remove(stem.string() + ".toml", error);
  if (!there) return make_error(Errc::not_found, "'{}' is not in the list", certificate.subject_text());
  return sync_folder_of(stem);
}

Result<std::vector<TrustedIssuer>> TrustBundle::load() const {
  std::vector<TrustedIssuer> out;
  const Buffer text = TRY(read_file(file_, std::size_t{16} << 20));
  for (const PemBlock& block : TRY(parse_pem(as_text(text)))) {
    if (block.label != "CERTIFICATE") continue;
    auto certificate = Certificate::parse(*provider_, block.der);
    if (!certificate) continue;
    TrustedIssuer issuer;
    issuer.certificate = *std::move(certificate);
    issuer.source = name();
    issuer.anchor = issuer.certificate->self_issued();
    out.push_back(std::move(issuer));
  }
  return out;
}

Result<TrustListPtr> load_trust(std::span<const TrustSource* const> sources) {
  std::vector<TrustedIssuer> all;
  std::set<std::string> seen;
  for (const TrustSource* source : sources)
    for (TrustedIssuer& one :
         TRY(source->load().context("loading trusted issuers from the {}", source->name())))
      if (seen.insert(fingerprint_text(*one.certificate)).second) all.push_back(std::move(one));
  return std::make_shared<const TrustList>(std::move(all));
}

}  // namespace vouch::relying
