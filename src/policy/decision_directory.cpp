// Names that the authority builds from the account's entry in the directory (MS-CRTD 2.28, MS-WCCE
// 3.2.2.6.2.1.4.5.9), and the security identifier that binds a certificate to the account.

#include <algorithm>

#include "policy/decider.hpp"
#include "policy/name_syntax.hpp"
#include "policy/purposes.hpp"

namespace vouch::policy {
namespace {

using x509::GeneralName;

constexpr x509::Oid kNtdsReplication{1, 3, 6, 1, 4, 1, 311, 25, 1};  // otherName: objectGUID

GeneralName guid_name(Bytes guid) {
  asn1::Writer out;
  out.octet_string(guid);
  GeneralName name;
  name.type = x509::GeneralNameType::other_name;
  name.other_type = kNtdsReplication;
  name.value = std::move(out).take();
  return name;
}

// "HTTP/www.corp.example:8080/x" names the host www.corp.example.
std::string host_of(std::string_view principal) {
  const std::size_t slash = principal.find('/');
  if (slash == std::string_view::npos) return {};
  std::string_view host = principal.substr(slash + 1);
  host = host.substr(0, host.find_first_of(":/@"));
  return dns_name_fault(host).empty() ? std::string(host) : std::string();
}

std::string_view text_of(DirectoryName name) {
  constexpr std::string_view kTexts[] = {"dNSHostName", "userPrincipalName",
                                         "mail",        "servicePrincipalName",
                                         "objectGUID",  "the DNS name of its domain"};
  return kTexts[static_cast<std::size_t>(name)];
}

}  // namespace

bool Decider::check_directory() {
  if (t_ == nullptr ||
      (t_->subject.source != NameSource::directory && t_->san.source != NameSource::directory) ||
      q_.directory)
    return true;
  return deny(
      {"names.directory", "needs a directory: the template builds its names from the account's entry",
       q_.authority.enterprise ? "an account in the directory" : "an enterprise CA, which has a directory",
       q_.authority.enterprise ? fmt::format("requester '{}', who is not found there", q_.requester)
                               : fmt::format("the stand-alone CA '{}'", q_.authority.name),
       q_.authority.enterprise
           ? "ask with an account of the domain"
           : "use a template whose subject.source and san.source are request, fixed or none"});
}

bool Decider::deny_missing(std::string_view attribute) {
  return deny({"names.account", "the account lacks what the template builds its names from",
               std::string(attribute), fmt::format("an account '{}' without it", q_.requester),
               "complete the account in the directory, or use another template"});
}

bool Decider::build_subject() {
  const DirectoryIdentity& account = *q_.directory;
  x509::Name name;
  switch (t_->subject.directory) {
    case DirectorySubject::common_name:
    case DirectorySubject::dns: {
      const bool dns = t_->subject.directory == DirectorySubject::dns;
      const std::string& value = dns ? account.dns_name : account.common_name;
      if (value.empty()) return deny_missing(dns ? "dNSHostName" : "cn");
      name = x509::make_name({{x509::oid::kCommonName, value}});
      break;
    }
    case DirectorySubject::path: {
      auto path = x509::name_from_rfc4514(account.distinguished_name);
      if (!path || path->empty()) return deny_missing("distinguishedName");
      name = *std::move(path);
      break;
    }
  }
  if (t_->subject.directory_email) {
    if (account.email.empty()) return deny_missing("mail");
    name.rdns.push_back({x509::make_attribute(x509::oid::kEmailAddress, account.email)});
  }
  for (const x509::RelativeName& rdn : name.rdns)
    for (const x509::NameAttribute& attribute : rdn) {
      const auto text = attribute.text();
      const std::string_view fault = text ? attribute_fault(attribute.type, *text) : "is no text";
      if (!fault.empty())
        return deny({"names.account",
                     fmt::format("the account's {} {}", x509::describe(attribute.type), fault),
                     fmt::format("at most {} characters of text", upper_bound(attribute.type)),
                     text ? "'" + *text + "'" : "no text",
                     "correct the account in the directory, or use another template"});
    }
  plan_subject(std::move(name));
  return true;
}

bool Decider::build_san() {
  const DirectoryIdentity& account = *q_.directory;
  for (const DirectoryName wanted : t_->san.directory) {
    const std::size_t before = san_.size();
    switch (wanted) {
      case DirectoryName::dns:
        if (dns_name_fault(account.dns_name).empty()) san_.push_back(GeneralName::dns(account.dns_name));
        break;
      case DirectoryName::domain_dns:
        if (dns_name_fault(account.domain_dns).empty()) san_.push_back(GeneralName::dns(account.domain_dns));
        break;
      case DirectoryName::upn:
        if (account.user_principal_name.find('@') != std::string::npos)
          san_.push_back(GeneralName::upn(account.user_principal_name));
        break;
      case DirectoryName::email:
        if (email_fault(account.email).empty()) san_.push_back(GeneralName::email(account.email));
        break;
      case DirectoryName::guid:
        if (account.object_guid.size() == 16) san_.push_back(guid_name(account.object_guid));
        break;
      case DirectoryName::spn:
        for (const std::string& principal : account.service_principal_names)
          if (const std::string host = host_of(principal); !host.empty())
            if (auto name = GeneralName::dns(host); std::ranges::find(san_, name) == san_.end())
              san_.push_back(std::move(name));
        break;
    }
    if (san_.size() == before && wanted != DirectoryName::spn) return deny_missing(text_of(wanted));
    if (wanted == DirectoryName::spn && account.service_principal_names.empty())
      return deny_missing(text_of(wanted));
  }
  pass("names.account");
  return true;
}

// KB5014754: without it a domain controller has to guess the account from names, which can be changed (ESC9).
// The flag that leaves it out is not heard where the certificate logs somebody on.
void Decider::plan_security_identifier() {
  if (t_ == nullptr || t_->ca || !q_.directory || q_.directory->sid.empty()) return;
  if (t_->subject.source != NameSource::directory && t_->san.source != NameSource::directory) return;
  const bool logs_on = first_of(purposes_, kLogonPurposes) != nullptr;
  if (!t_->security_extension && !logs_on) return;
  decision_.plan.variable.push_back(
      {x509::oid::kMsNtdsCaSecurity, false, x509::encode_sid(q_.directory->sid)});
  if (t_->security_extension)
    pass("identity.sid");
  else
    change("identity.sid", "the account's SID: the certificate logs somebody on",
           "security_extension = false of the template");
}

}  // namespace vouch::policy
