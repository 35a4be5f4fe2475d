#pragma once
// A public suite: a folder of files, each with one message or several, and the table of those that are not
// read or not written again as the same octets.

#include <filesystem>
#include <string>
#include <vector>

#include "round_trip.hpp"

namespace vouch::conformance {

namespace fs = std::filesystem;

// A row of tests/conformance/refused.tsv. The file goes with its place in a PEM file ("x/y.pem#2"); one star
// stands for any text, where a whole group of files has the same reason.
struct Row {
  std::string file, verdict;
  bool used = false;
};
std::vector<Row> expected_of(const std::string& suite);
bool matches(std::string_view pattern, std::string_view name);

// Every certificate, CRL, request and OCSP message below `folder`. Each must come back as the same octets
// unless the table lists it with what becomes of it; a row of the table without such a file is a failure,
// and so is a suite with fewer than `least` messages. Prints the counts.
void check_suite(const std::string& suite, const fs::path& folder, std::size_t least);

}  // namespace vouch::conformance
