#pragma once
// Name constraints (RFC 5280 4.2.1.10, 6.1.3 b and c, 6.1.4 g): what the CAs above permit and exclude.

#include <vector>

#include "validate/budget.hpp"
#include "validate/certificate.hpp"
#include "validate/finding.hpp"

namespace vouch::validate {

// The subtrees that hold below the CAs seen so far. `permitted` intersects: a name must be in one subtree of
// each CA that permits names of its form.
//
// Forms: directoryName, dNSName, iPAddress, rfc822Name (and emailAddress in a subject without
// such a name, and SmtpUTF8Mailbox of RFC 8398), uniformResourceIdentifier, registeredID,
// otherName UPN (host or mailbox, like rfc822Name, as Windows does) and SRVName (RFC 4985). A
// constraint of another form refuses every name of that form, and so does one with minimum or
// maximum: RFC 5280 wants it processed or the certificate refused.
class ConstrainedNames {
 public:
  // The constraints of `ca`, which is named in findings. The certificate must outlive this object.
  void add(const Certificate& ca);
  // Constraints that a trust store lays on an anchor (RFC 5937).
  void add(const x509::NameConstraints& constraints, std::string ca);

  // Holds subject and alternative names of a certificate against the subtrees; one finding for the first name
  // that fails. Takes `comparisons` of the budget.
  std::optional<Finding> check(const Certificate& certificate, int index, Budget& budget) const;

 private:
  struct Subtree {
    x509::GeneralName base;
    std::string name_key;  // of a directoryName
    bool bounded = false;  // minimum or maximum
  };
  struct Level {
    std::vector<Subtree> permitted, excluded;
    std::string ca;
  };
  static std::vector<Subtree> prepared(const std::vector<x509::GeneralSubtree>& subtrees);
  std::optional<Finding> check_name(const x509::GeneralName& name, const std::string& name_key, int index,
                                    Budget& budget) const;

  std::vector<Level> levels_;
};

// One name against one subtree of the same form, exposed for tests. Nothing when there is no rule for the
// form, or the name or the base is malformed.
std::optional<bool> within_subtree(const x509::GeneralName& name, const x509::GeneralName& base);

}  // namespace vouch::validate
