#pragma once
// Certificates in SQL.

#include "store/database.hpp"
#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite::certificate_rows {

Result<CertificateRecord> of_serial(Connection& connection, Bytes serial);
Result<CertificateRecord> of_request(Connection& connection, RequestId id);
Result<std::vector<CertificateRecord>> list(Connection& connection, const CertificateFilter& filter);
Result<std::vector<CertificateRecord>> orphans(Connection& connection, AuthorityId authority);

}  // namespace vouch::store::sqlite::certificate_rows
