#include "store/sqlite/check.hpp"

namespace vouch::store::sqlite {
namespace {

// Each gives one number per finding, which stands in the sentence.
struct Rule {
  const char* sql;
  const char* sentence;
};

constexpr Rule kRules[] = {
    {"SELECT q.id FROM requests q LEFT JOIN certificates c ON c.request = q.id "
     "WHERE q.disposition = 20 AND c.request IS NULL",
     "request {} is to be issued and has no certificate"},
    {"SELECT i.request FROM intents i LEFT JOIN certificates c ON c.request = i.request WHERE c.request IS "
     "NULL",
     "request {} waits for a signature and has no certificate to sign"},
    {"SELECT i.request FROM intents i JOIN signatures s ON s.request = i.request",
     "the certificate of request {} is signed and waits for its signature all the same"},
    {"SELECT c.request FROM certificates c LEFT JOIN signatures s ON s.request = c.request "
     "LEFT JOIN intents i ON i.request = c.request WHERE s.request IS NULL AND i.request IS NULL",
     "the certificate of request {} is not signed and nothing waits to sign it"},
    {"SELECT s.request FROM signatures s LEFT JOIN certificates c ON c.request = s.request WHERE c.request "
     "IS NULL",
     "request {} has a signature without a certificate"},
    {"SELECT c.request FROM certificates c LEFT JOIN requests q ON q.id = c.request WHERE q.id IS NULL",
     "there is a certificate of request {}, which does not exist"},
    // `serials` can name one request for a serial: of two certificates that share it, one is found here.
    {"SELECT c.request FROM certificates c LEFT JOIN serials z ON z.serial = c.serial "
     "WHERE z.request IS NULL OR z.request <> c.request",
     "the serial number of the certificate of request {} is not registered for it: it may have been used "
     "twice"},
    {"SELECT r.request FROM revocations r LEFT JOIN certificates c ON c.request = r.request AND c.serial = "
     "r.serial "
     "AND c.authority = r.authority AND c.key_index = r.key_index AND c.not_after = r.not_after "
     "WHERE c.request IS NULL",
     "a revocation names the certificate of request {}, which does not exist or differs"},
    {"SELECT r.request FROM revocations r LEFT JOIN signatures s ON s.request = r.request WHERE s.request IS "
     "NULL",
     "the certificate of request {} is revoked and not signed"},
    {"SELECT n.number FROM crls n JOIN crls p ON p.authority = n.authority AND p.id < n.id AND p.number >= "
     "n.number "
     "GROUP BY n.authority, n.number",
     "CRL number {} was given after a number that is not below it"},
    {"SELECT d.number FROM crls d LEFT JOIN crls b ON b.authority = d.authority AND b.key_index = "
     "d.key_index "
     "AND b.number = d.base_number AND b.delta = 0 WHERE d.delta <> 0 AND d.sha256 <> x'' AND b.number IS "
     "NULL",
     "delta CRL number {} names a base CRL that does not exist"},
    {"SELECT r.request FROM revocations r LEFT JOIN revocation_changes n ON n.authority = r.authority "
     "WHERE r.changed > coalesce(n.last, 0)",
     "the revocation of the certificate of request {} has the number of a change that was never made"},
};

constexpr std::size_t kMaxFindings = 100;  // of one kind; a person reads them

}  // namespace

Result<std::vector<std::string>> check(Connection& connection) {
  std::vector<std::string> findings;
  Query file = TRY(connection.query_once("PRAGMA quick_check(100)"));
  while (TRY(file.step()))
    if (file.view(0) != "ok") findings.push_back("the file: " + file.text(0));
  for (const Rule& rule : kRules) {
    Query query = TRY(connection.query_once(rule.sql + std::string(" LIMIT ?1"), std::int64_t{kMaxFindings}));
    while (TRY(query.step())) findings.push_back(fmt::format(fmt::runtime(rule.sentence), query.integer(0)));
  }
  return findings;
}

}  // namespace vouch::store::sqlite
