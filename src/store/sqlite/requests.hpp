#pragma once
// Requests in SQL.

#include "store/database.hpp"
#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite {

// name=value pairs in one text: "4:user5:alice" is {"user": "alice"}. Lengths are in octets.
std::string encode_attributes(const std::map<std::string, std::string>& attributes);
Result<std::map<std::string, std::string>> decode_attributes(std::string_view text);

namespace request_rows {

Result<RequestRecord> find(Connection& connection, RequestId id);
Result<std::optional<RequestRecord>> of_transaction(Connection& connection, AuthorityId authority,
                                                    std::string_view transaction);
Result<std::optional<RequestRecord>> of_client(Connection& connection, AuthorityId authority,
                                               std::string_view client_transaction);
Result<std::vector<RequestRecord>> list(Connection& connection, const RequestFilter& filter);

}  // namespace request_rows
}  // namespace vouch::store::sqlite
