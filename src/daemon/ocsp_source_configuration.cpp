#include "daemon/ocsp_source_configuration.hpp"

#include "daemon/setting_kinds.hpp"
#include "daemon/setting_sections.hpp"

namespace vouch::daemon {
namespace {

using Source = OcspSourceConfiguration;

// A list, since URLs may hold commas; one place may stand alone.
Status read_places(Source& source, const Value& value) {
  source.crls.clear();
  if (value.text()) {
    source.crls = items_of(*value.text());
  } else if (value.list_items()) {
    for (const Value& item : *value.list_items()) {
      if (!item.text()) return wrong_kind("a text in quotes", item);
      source.crls.push_back(*item.text());
    }
  } else {
    return wrong_kind("a list of files and URLs", value);
  }
  for (const std::string& place : source.crls) {
    const auto scheme = place.find("://");
    if (scheme == std::string::npos || place.starts_with("http://") || place.starts_with("https://"))
      continue;
    return make_error(Errc::unsupported, "CRLs are not fetched by {}", place.substr(0, scheme))
        .with_hint("name a file, or an http URL");
  }
  return ok();
}
Value write_places(const Source& source) { return Value(fmt::format("{}", fmt::join(source.crls, ", "))); }

constexpr Setting<Source> kSourceSettings[] = {
    text<Source, [](auto& s) -> auto& { return s.ca_certificate; }>(
        "ca_certificate", "certificate of the CA, PEM or DER, relative to the home"),
    text<Source, [](auto& s) -> auto& { return s.certificate; }>(
        "certificate", "certificate for OCSP signing that this CA has issued to the responder, PEM"),
    text<Source, [](auto& s) -> auto& { return s.key; }>("key", "its key, PEM, not encrypted"),
    {{"crls", "the CA's CRLs, base and delta: files, relative to the home, or http URLs"},
     read_places,
     write_places},
    on_or_off<Source, [](auto& s) -> auto& { return s.whole; }>(
        "whole", "whether a CRL that names its distribution point covers every certificate of the CA"),
    time<Source, [](auto& s) -> auto& { return s.refresh; }>("refresh", "how often it looks for new ones"),
};

Status check_source(const OcspSourceConfiguration& source, const Value& members, std::string_view file) {
  const auto lacks = [&](std::string_view what) {
    return make_error(Errc::malformed, "{}:{}: OCSP source {} has no {}", file, members.line(), source.name,
                      what);
  };
  if (source.ca_certificate.empty()) return lacks("ca_certificate");
  if (source.crls.empty()) return lacks("crls");
  if (source.certificate.empty())
    return lacks("certificate").with_hint("let the CA issue one by the template OcspResponseSigning");
  if (source.key.empty()) return lacks("key");
  return ok();
}

}  // namespace

std::span<const Setting<OcspSourceConfiguration>> ocsp_source_settings() { return kSourceSettings; }

Result<std::vector<OcspSourceConfiguration>> read_ocsp_sources(const Value& members, std::string_view file) {
  std::vector<OcspSourceConfiguration> sources;
  TRY(for_each_section(members, "ocsp_source", "an OCSP source", file,
                       [&](const std::string& name, const Value& section) -> Status {
                         if (!is_plain_name(name))  // files are named after it
                           return make_error(Errc::malformed, "{}:{}: '{}' is no name for an OCSP source",
                                             file, section.line(), name)
                               .with_hint("up to 64 letters, digits, '-' and '_'");
                         OcspSourceConfiguration source{.name = name};
                         TRY(read_section(ocsp_source_settings(), source, section, "ocsp_source." + name,
                                          file));
                         TRY(check_source(source, section, file));
                         sources.push_back(std::move(source));
                         return ok();
                       }));
  return sources;
}

}  // namespace vouch::daemon
