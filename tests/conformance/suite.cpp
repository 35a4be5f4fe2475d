#include "suite.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "base/pem.hpp"

namespace vouch::conformance {
namespace {

constexpr const char* kTable = "tests/conformance/refused.tsv";

Buffer contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path << " cannot be opened";
  return Buffer(std::istreambuf_iterator<char>(in), {});
}

std::optional<Kind> kind_of_label(std::string_view label) {
  static const std::map<std::string_view, Kind> kKinds = {
      {"CERTIFICATE", Kind::certificate},
      {"X509 CERTIFICATE", Kind::certificate},
      {"TBS CERTIFICATE", Kind::tbs_certificate},
      {"CA CERTIFICATE", Kind::certificate},
      {"CA CERTIFICATE 2", Kind::certificate},
      {"X509 CRL", Kind::crl},
      {"CRL", Kind::crl},
      {"CERTIFICATE REQUEST", Kind::request},
      {"NEW CERTIFICATE REQUEST", Kind::request},
  };
  const auto found = kKinds.find(label);
  return found == kKinds.end() ? std::nullopt : std::optional(found->second);
}

// DER says nothing about what it is; the suites' file names do.
std::optional<Kind> kind_of_name(const fs::path& path) {
  const std::string name = path.filename(), folder = path.parent_path().filename();
  const std::string extension = path.extension();
  if (extension == ".crl") return Kind::crl;
  if (extension == ".crt") return Kind::certificate;
  if (extension == ".ocspResp") return Kind::ocsp_response;
  if (extension != ".der") return std::nullopt;
  if (folder == "ocsp" || name.ends_with("-req.der") || name.ends_with("-resp.der"))
    return name.starts_with("req-") || name.ends_with("-req.der") ? Kind::ocsp_request : Kind::ocsp_response;
  if (folder == "requests") return Kind::request;
  if (name.starts_with("crl_")) return Kind::crl;
  if (name.find("-tbs-") != std::string::npos) return Kind::tbs_certificate;
  return Kind::certificate;
}

// Folders below a suite whose DER files are something else (keys, PKCS #7).
bool holds_no_messages(const fs::path& relative) {
  const std::string first = relative.begin()->string();
  return first == "asymmetric" || first == "pkcs7";
}

struct Message {
  std::string name;
  Kind kind;
  Buffer der;
  std::string broken;  // why the file is no PEM
};

void add_messages(const fs::path& path, const std::string& name, std::vector<Message>& out) {
  const Buffer octets = contents(path);
  if (path.extension() != ".pem") {
    if (const auto kind = kind_of_name(path)) out.push_back({name, *kind, octets, ""});
    return;
  }
  const auto blocks = parse_pem(as_text(octets));
  if (!blocks) {
    out.push_back({name, Kind::certificate, {}, blocks.error().summary()});
    return;
  }
  std::size_t number = 0;
  for (const PemBlock& block : *blocks)
    if (const auto kind = kind_of_label(block.label))
      out.push_back({++number == 1 ? name : fmt::format("{}#{}", name, number), *kind, block.der, ""});
}

std::vector<Message> messages_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<Message> out;
  for (const fs::path& path : files) {
    const fs::path relative = path.lexically_relative(folder);
    if (!holds_no_messages(relative)) add_messages(path, relative.string(), out);
  }
  return out;
}

struct Counts {
  std::size_t all = 0, same = 0, differ = 0, refused = 0;
};

}  // namespace

std::vector<Row> expected_of(const std::string& suite) {
  std::vector<Row> out;
  std::ifstream in(kTable);
  EXPECT_TRUE(in) << kTable << " cannot be opened";
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    if (second == std::string::npos || second + 1 == line.size()) {
      ADD_FAILURE() << kTable << ": '" << line << "' is not FILE, VERDICT and REASON, with tabs between";
      continue;
    }
    if (line.starts_with(suite + "/"))
      out.push_back({line.substr(suite.size() + 1, first - suite.size() - 1),
                     line.substr(first + 1, second - first - 1), false});
  }
  return out;
}

bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  return name.size() >= before.size() + after.size() && name.starts_with(before) && name.ends_with(after);
}

void check_suite(const std::string& suite, const fs::path& folder, std::size_t least) {
  ASSERT_TRUE(fs::is_directory(folder)) << folder << " is missing";
  auto expected = expected_of(suite);
  std::map<Kind, Counts> counts;
  std::size_t all = 0;
  for (const Message& message : messages_of(folder)) {
    const Outcome outcome = message.broken.empty() ? round_trip(message.kind, message.der)
                                                   : Outcome{Verdict::refused, message.broken};
    Counts& count = counts[message.kind];
    ++all;
    ++count.all;
    ++(outcome.verdict == Verdict::same      ? count.same
       : outcome.verdict == Verdict::differs ? count.differ
                                             : count.refused);
    const auto row = std::ranges::find_if(
        expected, [&](const Row& candidate) { return matches(candidate.file, message.name); });
    EXPECT_EQ(to_string(outcome.verdict), row == expected.end() ? "same" : row->verdict)
        << suite << "/" << message.name << " (" << to_string(message.kind) << ")\n  " << outcome.why;
    if (row != expected.end()) row->used = true;
  }
  for (const Row& row : expected)
    EXPECT_TRUE(row.used) << kTable << " lists " << row.file << ", which is not there";
  EXPECT_GE(all, least) << "the suite has lost files";
  for (const auto& [kind, count] : counts)
    fmt::print("{}: {} of {} {}s come back as the same octets, {} differ, {} are refused\n", suite,
               count.same, count.all, to_string(kind), count.differ, count.refused);
}

}  // namespace vouch::conformance
