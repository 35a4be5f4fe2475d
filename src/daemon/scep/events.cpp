#include "daemon/scep/events.hpp"

#include <fmt/format.h>

namespace vouch::daemon::scep {
namespace {

struct Mend {
  std::string_view code, text;
};
constexpr Mend kMends[] = {
    {"AlgorithmRefused",
     "let the device use AES and SHA-256; for one that knows nothing else: legacy = true in the profile"},
    {"RecipientUnknown",
     "the device has old certificates of this service: let it fetch them again (GetCACert); where several "
     "hosts serve "
     "one URL, give all the same keys (vouch scep ra export)"},
    {"EnvelopeInvalid", "vouch scep decode shows what is in a message; a proxy may have changed it"},
    {"MessageMalformed", "a proxy may have cut or re-encoded it: long URLs have to pass unchanged"},
    {"SignatureInvalid", "a proxy may have changed the message; otherwise the device is at fault"},
    {"SignerUnknown", "the certificate is of another CA, or was deleted here: the device has to enrol anew"},
    {"KeyCannotReceive", "keys of elliptic curves need a challenge password"},
    {"KeyMismatch", "somebody hands in a request of another: look whose address it is"},
    {"TransactionReused", "the device has to begin a new transaction"},
    {"TransactionUnknown", "the device has to send its request again"},
    {"TemplateRefused", "add the template to the profile, or correct what the device asks for"},
    {"RenewalRefused", "renewal = true in the profile"},
    {"RenewalCertificateExpired",
     "the device has to enrol anew with a challenge; or give renewal_grace in the profile"},
    {"RenewalTooEarly", "renewal_window in the profile says from when on"},
    {"RenewalNameMismatch", "a device with another name has to enrol anew with a challenge"},
    {"RenewalKeyReused", "the device should make a new key; or renewal_same_key = true in the profile"},
    {"ChallengePasswordMissing", "give the device a challenge"},
    {"ChallengePasswordMismatch", "the device has an old or mistyped password"},
    {"ChallengeGuessLimit", "it opens by itself; if it was no device, look whose address it is"},
    {"RequestDenied", "vouch why REQUEST shows the decision"},
    {"RequestFailed", "vouch why REQUEST shows the decision"},
    {"Unavailable", "the device tries again; /readyz names what is wrong"},
};

std::string_view outcome_of(const enroll::scep::Event& event) {
  if (event.code == "Unavailable") return "could not be answered";
  switch (event.status) {
    case enroll::scep::PkiStatus::success:
      return "succeeded";
    case enroll::scep::PkiStatus::pending:
      return "waits for approval";
    case enroll::scep::PkiStatus::failure:
      break;
  }
  return "was refused";
}

}  // namespace

std::string_view mend_of(std::string_view code) {
  for (const Mend& mend : kMends)
    if (mend.code == code) return mend.text;
  return {};
}

ca::FrontEndRefusal refusal_of(const enroll::scep::Event& event) {
  return {.profile = event.profile,
          .client = event.client,
          .transaction = event.transaction,
          .code = event.code,
          .expected = event.expected,
          .received = event.received,
          .why = event.detail};
}

std::string sentence(const enroll::scep::Event& event) {
  std::string out = fmt::format("scep {}: ", event.profile);
  out += event.type ? enroll::scep::to_string(*event.type) : std::string_view("a message");
  if (!event.client.empty()) out += fmt::format(" of {}", event.client);
  if (!event.transaction.empty()) out += fmt::format(" (transaction {})", event.transaction);
  out += fmt::format(" {}", outcome_of(event));
  if (event.request != 0) out += fmt::format(", request {}", event.request);
  if (!event.code.empty() && event.code != "Unavailable") out += ": " + event.code;
  if (!event.detail.empty()) out += ": " + event.detail;
  if (!event.expected.empty()) out += fmt::format("; expected {}", event.expected);
  if (!event.received.empty()) out += fmt::format("; received {}", event.received);
  if (event.legacy) out += "; protected with what is too weak today (legacy profile)";
  if (const auto mend = mend_of(event.code); !mend.empty()) out += fmt::format("; mend: {}", mend);
  // What devices chose cannot break the line or steer a terminal.
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return out;
}

}  // namespace vouch::daemon::scep
