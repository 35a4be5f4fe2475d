#pragma once
// The audit log and the roles in SQL: rows that are only ever added.

#include "store/database.hpp"
#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite::journal {

Result<std::int64_t> audit_size(Connection& connection);
Status for_each_audit(Connection& connection, const AuditFilter& filter,
                      const std::function<Status(const AuditRecord&)>& visit);
Status for_each_audit_leaf(Connection& connection, std::int64_t first, std::int64_t last,
                           const std::function<Status(std::int64_t, Bytes)>& visit);
Result<std::vector<AuditHead>> audit_heads(Connection& connection);
Result<std::optional<AuditHead>> last_audit_head(Connection& connection);
Result<std::vector<AuditKey>> audit_keys(Connection& connection);
Result<std::vector<AuditStatement>> audit_statements(Connection& connection);
Result<std::vector<RoleChange>> role_changes(Connection& connection);
Result<std::int64_t> role_version(Connection& connection);

Status append_audit(Connection& connection, const AuditRecord& record);
Status insert_audit_head(Connection& connection, const AuditHead& head);
Status insert_audit_key(Connection& connection, const AuditKey& key);
Status insert_audit_statement(Connection& connection, const AuditStatement& statement);
Status insert_role_change(Connection& connection, const RoleChange& change);

}  // namespace vouch::store::sqlite::journal
