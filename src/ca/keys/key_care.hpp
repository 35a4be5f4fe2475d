#pragma once
// What an administrator does with keys that exist: see them, try them, move one onto a token, take one in a
// file to another machine.

#include "ca/keys/key_files.hpp"

namespace vouch::ca {

// A key that lies in the home, or that a CA refers to.
struct KeyEntry {
  std::string reference;
  std::vector<std::string> users;  // "Example Root V0.0", "the audit log"; empty: a key that nobody uses
  std::string kind;                // "P-256", "RSA 3072"; empty: an encrypted file that no CA uses
  bool is_there = true;            // of files: whether it is in the folder. Tokens are not asked.
};
Result<std::vector<KeyEntry>> list_keys(const Environment& environment);
// The candidates on the tokens that fit a URI; users as above.
struct TokenKeyEntry {
  crypto::TokenKeyDescription key;
  std::string reference;
  std::vector<std::string> users;
};
Result<std::vector<TokenKeyEntry>> list_token_keys(const Environment& environment, std::string_view uri);

// One trial signature with each key of a CA, made as its certificates are and verified by software.
struct KeyTrial {
  store::KeyGeneration generation;
  std::optional<Error> problem;
};
Result<std::vector<KeyTrial>> try_keys(const Environment& environment, const store::AuthorityRecord& record,
                                       std::string_view administrator);

struct MigrationOptions {
  std::string uri;           // of the token; object: the CA's name if it names none
  bool delete_file = false;  // wipe the file afterwards
  std::string administrator;
};
struct MigrationResult {
  std::string from, to;
  std::vector<std::string> versions;  // "V0.0": the certificates of this key
  bool file_deleted = false;
};
// Moves the newest key of a CA from its file onto a token. The reference changes when the token's key is
// shown to be the same and has signed; until then, and after a failure, the CA uses the file.
Result<MigrationResult> migrate_key(const Environment& environment, const store::AuthorityRecord& record,
                                    const MigrationOptions& options);

// The newest certificate of a CA, its key and its chain as a PKCS #12 file.
Result<Buffer> export_pkcs12(const Environment& environment, const store::AuthorityRecord& record,
                             std::string_view password, std::string_view administrator);

}  // namespace vouch::ca
