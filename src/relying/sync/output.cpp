#include "relying/sync/output.hpp"

#include <algorithm>
#include <map>

#include "base/pem.hpp"
#include "base/text.hpp"
#include "x509/name.hpp"

namespace vouch::relying {
namespace {

// The white space of OpenSSL's ossl_isspace.
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// asn1_string_canon of OpenSSL: without blanks at both ends, one blank for several, letters of ASCII in lower
// case.
std::string canonical(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (is_blank(c)) {
      blank = !out.empty();
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += ascii_lower(c);
  }
  return out;
}

// The types that OpenSSL brings into one form (ASN1_MASK_CANON). Others stay as they are.
bool is_canonicalized(asn1::Tag type) {
  using enum asn1::Tag;
  return type == utf8_string || type == bmp_string || type == universal_string || type == printable_string ||
         type == teletex_string || type == ia5_string || type == visible_string;
}

// AttributeTypeAndValue, whole TLV.
Buffer canonical(x509::NameAttribute attribute) {
  if (is_canonicalized(attribute.string_type))
    if (const auto text = attribute.text()) {
      attribute.value = to_buffer(as_bytes(canonical(*text)));
      attribute.string_type = asn1::Tag::utf8_string;
    }
  asn1::Writer out;
  x509::encode_relative_name_contents(out, {std::move(attribute)});
  return std::move(out).take();
}

std::string pem_of(const OutputContent& content) {
  std::string text;
  for (const auto& certificate : content.certificates) text += to_pem("CERTIFICATE", certificate.der);
  for (const auto& crl : content.crls) text += to_pem("X509 CRL", crl.der);
  return text;
}

// True: it was another.
Result<bool> replace_file(const fs::path& file, Bytes content, mode_t mode) {
  const auto before = read_file(file);
  if (before && equal(*before, content)) return false;
  TRY(write_file_atomic(file, content, mode));
  return true;
}

// "5ed36f99.r0": eight digits in hex, a dot, "r" for CRLs, a number.
bool is_hashed_name(const std::string& name) {
  if (name.size() < 10 || name.size() > 12 || name[8] != '.') return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_hex = [&](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  std::string_view number = std::string_view(name).substr(9);
  if (number.starts_with('r')) number.remove_prefix(1);
  return std::ranges::all_of(name.substr(0, 8), is_hex) && !number.empty() &&
         std::ranges::all_of(number, is_digit);
}

// A name for each: the hash, ".r" or ".", and how many of the same hash came before.
Result<std::map<std::string, std::string>> hashed_files(const crypto::Provider& provider,
                                                        const OutputContent& content) {
  std::map<std::string, std::string> files;
  const auto add = [&](const OutputContent::Item& item, std::string_view dot,
                       std::string_view label) -> Status {
    const std::string hash = TRY(openssl_name_hash(provider, item.issuer));
    std::size_t number = 0;
    while (files.contains(fmt::format("{}{}{}", hash, dot, number))) ++number;
    files.emplace(fmt::format("{}{}{}", hash, dot, number), to_pem(label, item.der));
    return ok();
  };
  for (const auto& certificate : content.certificates) TRY(add(certificate, ".", "CERTIFICATE"));
  for (const auto& crl : content.crls) TRY(add(crl, ".r", "X509 CRL"));
  return files;
}

Result<bool> write_folder(const crypto::Provider& provider, const SyncTarget& target,
                          const OutputContent& content) {
  TRY(make_folder(target.output));
  const auto files = TRY(hashed_files(provider, content));
  bool changed = false;
  for (const auto& [name, text] : files)
    if (TRY(replace_file(target.output / name, as_bytes(text), target.mode))) changed = true;
  std::error_code failed;
  for (fs::directory_iterator entries(target.output, failed), end; !failed && entries != end;
       entries.increment(failed)) {
    const std::string name = entries->path().filename().string();
    if (!is_hashed_name(name) || files.contains(name)) continue;
    std::error_code gone;
    if (!fs::remove(entries->path(), gone))
      return make_error(Errc::unavailable, "cannot remove {}, which is not wanted any more: {}",
                        entries->path().string(), gone.message());
    changed = true;
  }
  if (failed)
    return make_error(Errc::unavailable, "cannot list {}: {}", target.output.string(), failed.message());
  return changed;
}

}  // namespace

Result<std::string> openssl_name_hash(const crypto::Provider& provider, Bytes name) {
  // The SETs one after the other, without the SEQUENCE around them; what is in a SET is sorted anew.
  asn1::Writer out;
  for (const x509::RelativeName& rdn : TRY(x509::parse_name(name)).rdns) {
    std::vector<Buffer> attributes;
    for (const x509::NameAttribute& attribute : rdn) attributes.push_back(canonical(attribute));
    std::ranges::sort(attributes);
    out.set([&] {
      for (const Buffer& attribute : attributes) out.raw(attribute);
    });
  }
  const Buffer octets = std::move(out).take();
  const Buffer digest = provider.digest(x509::DigestAlgorithm::sha1, octets);
  // As a little-endian number.
  return fmt::format("{:02x}{:02x}{:02x}{:02x}", digest[3], digest[2], digest[1], digest[0]);
}

Result<bool> write_output(const crypto::Provider& provider, const SyncTarget& target,
                          const OutputContent& content) {
  switch (target.form) {
    case OutputForm::pem:
      return replace_file(target.output, as_bytes(pem_of(content)), target.mode);
    case OutputForm::der:
      return replace_file(target.output, content.crls.front().der, target.mode);
    case OutputForm::directory:
      return write_folder(provider, target, content);
  }
  return make_error(Errc::internal, "unknown form of output");
}

}  // namespace vouch::relying
