#pragma once
// One decision in the making. Internal to this room: decision.cpp holds the flow and the rules about request,
// template and time; decision_keys.cpp those about the key, decision_signatures.cpp about other signers,
// decision_names.cpp about names, decision_directory.cpp about names from the directory,
// decision_purposes.cpp about extensions.

#include "policy/decision.hpp"

namespace vouch::policy {

struct Refusal {
  std::string_view rule;
  std::string what;  // "the key is too small"
  std::string expected, received, mend;
};

class Decider {
 public:
  explicit Decider(const Question& question) : q_(question), t_(question.certificate_template) {
    decision_.trace.reserve(24);
  }
  Decision run();

 private:
  // Each group of rules stops at the first refusal and returns false.
  bool check_request();
  bool check_template_known();
  bool check_template_named_in_request();
  bool check_template_version(std::uint32_t major, std::uint32_t minor);
  bool is_renewal_of_template() const;
  bool check_names();
  bool check_purposes();
  bool check_validity();
  bool take_requested_end(Time& end);
  void check_attributes();
  void check_queue();

  // decision_agents.cpp
  bool check_intact_signatures();
  bool check_agents();

  // decision_keys.cpp
  bool check_key();
  bool check_point();
  bool check_rsa_numbers();
  bool check_client_promises();
  bool check_key_quality();
  bool check_key_reuse(Bytes subject_alt_name);

  // decision_signatures.cpp
  bool check_signatures();
  bool is_approved_renewal() const;
  void check_renewal(Bytes subject_alt_name);

  // decision_directory.cpp
  bool check_directory();
  bool deny_missing(std::string_view attribute);
  bool build_subject();
  bool build_san();
  void plan_security_identifier();

  // decision_names.cpp
  bool take_subject();
  bool take_attribute(x509::NameAttribute& attribute, bool& changed);
  bool fix_subject();
  void plan_subject(x509::Name name);
  bool take_san();
  bool take_san_name(const x509::GeneralName& name, bool& identity);
  bool check_san_syntax(const x509::GeneralName& name, SanType type);
  bool fix_san();
  bool san_from_common_name();
  bool check_required_names();
  bool domain_names_allowed() const {
    return q_.authority.enterprise || q_.authority.override_logon_purposes;
  }
  std::string common_name() const;
  std::string protected_name() const;

  // decision_purposes.cpp
  bool take_purposes();
  bool take_key_usage();
  bool check_domain_purposes();
  bool check_basic_constraints();
  void note_ignored_extensions();
  void plan_extensions();
  bool plan_ca();
  bool check_policies();
  void plan_policies();
  void plan_smime_capabilities();

  void pass(std::string_view rule) {
    decision_.trace.push_back({std::string(rule), Verdict::passed, {}, {}, {}});
  }
  // What the certificate gets, and what was asked for instead.
  void change(std::string_view rule, std::string gets, std::string asked) {
    decision_.trace.push_back({std::string(rule), Verdict::changed, std::move(gets), std::move(asked), {}});
  }
  bool deny(Refusal refusal);
  void pend(std::string_view rule, std::string_view why);

  const Question& q_;
  const CertificateTemplate* t_;
  Decision decision_;
  x509::PublicKeyInfo key_;
  x509::Name subject_;
  std::vector<x509::GeneralName> san_;
  std::vector<x509::Oid> purposes_;
  std::uint16_t key_usage_ = 0;
  x509::BasicConstraints constraints_;
  bool names_from_request_ = false;
  bool vouched_for_ = false;      // by signers whose purpose it is
  bool approved_before_ = false;  // a renewal whose names somebody approved already
  std::vector<x509::PolicyInformation> policies_;
  bool identity_from_request_ = false;  // a UPN or Kerberos name was let through by the override
};

// "serverAuth, clientAuth", or "none".
std::string list_of(const std::vector<x509::Oid>& ids);

}  // namespace vouch::policy
