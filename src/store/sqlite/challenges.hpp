#pragma once
// Challenges, their keys and wrong guesses in SQL.

#include "store/database.hpp"
#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite::challenge_rows {

Result<ChallengeRecord> find(Connection& connection, std::int64_t id);
Result<std::optional<ChallengeRecord>> of_token(Connection& connection, AuthorityId authority, Bytes token);
Result<std::optional<ChallengeRecord>> of_request(Connection& connection, RequestId request);
Result<std::vector<ChallengeRecord>> list(Connection& connection, const ChallengeFilter& filter);
Result<std::optional<Time>> last_of_key(Connection& connection, AuthorityId authority, Bytes key);
Result<std::vector<ChallengeKey>> keys(Connection& connection, AuthorityId authority);
Result<std::optional<GuessRecord>> guesses(Connection& connection, AuthorityId authority,
                                           std::string_view scope);

Result<std::int64_t> insert(Connection& connection, const ChallengeRecord& record);
Status update(Connection& connection, const ChallengeRecord& record);
Status insert_key(Connection& connection, const ChallengeKey& key);
Status update_key(Connection& connection, const ChallengeKey& key);
Status put_guesses(Connection& connection, const GuessRecord& record);

}  // namespace vouch::store::sqlite::challenge_rows
