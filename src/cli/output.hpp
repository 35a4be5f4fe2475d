#pragma once
// How results look: tables and labelled lines for people, JSON for programs, PEM or DER in files. Text that
// came from outside (names, attributes, messages of others) cannot steer the terminal it is printed on.

#include <initializer_list>
#include <string>
#include <vector>

#include "api/describe.hpp"
#include "base/value.hpp"
#include "cli/context.hpp"

namespace vouch::cli {

using api::text_or_null, api::hex_or_null, api::texts;

// One line of harmless text: control characters, line breaks, marks that reverse the direction of writing,
// and octets that are no UTF-8 appear as \x1b, \n, \u202e.
std::string printable(std::string_view text);
// The same for every text in a tree.
Value printable_tree(Value value);

// --json: the value, indented, and a line break.
void print_json(const Context& context, const Value& value);

// Columns as wide as their cells; no heading for no rows.
class Table {
 public:
  explicit Table(std::initializer_list<std::string_view> headings) : headings_(headings) {}
  void add(std::vector<std::string> cells);
  // Without rows, says on standard error that there is nothing: "no requests".
  void print(const Context& context, std::string_view nothing) const;

 private:
  std::vector<std::string_view> headings_;
  std::vector<std::vector<std::string>> rows_;
};

// "  Label:     text", aligned; empty texts are left out.
class Fields {
 public:
  Fields& add(std::string_view label, std::string_view text);
  std::string text(std::string_view indent = "  ") const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

// Writes to a file, atomically, or to standard output for "-".
Status write_output(const Context& context, const std::string& file, Bytes content);
// A certificate and what may follow it, PEM or with --der DER; several certificates have no DER.
Result<Buffer> certificate_output(const Context& context, const std::vector<Buffer>& certificates);

// The certificates as a p7b (PKCS #7 without signers), which Windows and Java take chains in: PEM, or with
// --der DER.
Buffer p7b_output(const Context& context, const std::vector<Buffer>& certificates);

// An error as a terminal or a program reads it: error, while, hint; or {"error": …}.
void print_error(const Surroundings& surroundings, const Error& error, bool json);

}  // namespace vouch::cli
