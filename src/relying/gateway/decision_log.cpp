#include "relying/gateway/decision_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/text.hpp"
#include "net/url.hpp"
#include "relying/gateway/redact.hpp"

namespace vouch::relying {
namespace {

// "AADSTS500171" and "500171" mean the number, anything else our own name.
bool is_code(unsigned number, std::string_view name, std::string_view wanted) {
  if (equal_ignoring_case(name, wanted)) return true;
  constexpr std::string_view kPrefix = "AADSTS";
  if (wanted.size() > kPrefix.size() && equal_ignoring_case(wanted.substr(0, kPrefix.size()), kPrefix))
    wanted.remove_prefix(kPrefix.size());
  return number != 0 && fmt::format("{}", number) == wanted;
}

}  // namespace

Result<DecisionFilter> read_decision_filter(std::string_view query) {
  DecisionFilter filter;
  for (const auto& [name, value] : TRY(net::parse_query(query))) {
    if (name == "accepted") {
      if (value != "true" && value != "false")
        return make_error(Errc::usage, "accepted is true or false, not '{}'", value);
      filter.accepted = value == "true";
    } else if (name == "code") {
      filter.code = value;
    } else if (name == "text") {
      filter.text = value;
    } else if (name == "client") {
      filter.client = value;
    } else if (name == "since") {
      filter.since = TRY(parse_time(value));
    } else if (name == "until") {
      filter.until = TRY(parse_time(value));
    } else if (name == "most") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), filter.most);
      if (error != std::errc{} || end != value.data() + value.size())
        return make_error(Errc::usage, "'{}' is no number", value);
    } else {
      return make_error(Errc::usage, "decisions are not filtered by '{}'", name)
          .with_hint("accepted, code, text, client, since, until, most");
    }
  }
  return filter;
}

std::string to_query(const DecisionFilter& filter) {
  std::string query = fmt::format("most={}", filter.most);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) query += fmt::format("&{}={}", name, net::percent_encode(value));
  };
  if (filter.accepted) add("accepted", *filter.accepted ? "true" : "false");
  add("code", filter.code);
  add("text", filter.text);
  add("client", filter.client);
  if (filter.since) add("since", format_time(*filter.since));
  if (filter.until) add("until", format_time(*filter.until));
  return query;
}

Status DecisionLog::open(const fs::path& file) {
  FileDescriptor opened;
  if (!file.empty()) {
    TRY(make_folder(file.parent_path(), 0750));
    opened = FileDescriptor(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!opened) return system_error(errno, "opening the log of decisions", file);
  }
  const std::scoped_lock lock(guards_lines_);
  path_ = file;
  file_ = std::move(opened);
  return ok();
}

void DecisionLog::write(const Decision& decision, std::string_view client) {
  Value value = tree_without_credentials(to_log(decision));
  value.set("client", client);
  Line line{.time = decision.time,
            .accepted = decision.accepted,
            .code = decision.code,
            .name = decision.name,
            .client = std::string(client),
            .haystack = {},
            .json = to_json(value, 0)};
  for (const std::string_view key : {"subject", "issuer", "serial"})
    if (const Value* member = value.find(key); member && member->text())
      line.haystack += lower_case(*member->text()) + '\n';
  const std::scoped_lock lock(guards_lines_);
  if (file_ && !write_all(file_.get(), as_bytes(line.json + "\n"), path_)) ++lost_;
  octets_ += line.json.size() + line.haystack.size();
  lines_.push_back(std::move(line));
  while (!lines_.empty() && (lines_.size() > most_lines_ || octets_ > most_octets_)) {
    octets_ -= lines_.front().json.size() + lines_.front().haystack.size();
    lines_.pop_front();
  }
}

bool DecisionLog::fits(const Line& line, const DecisionFilter& filter) {
  return (!filter.accepted || *filter.accepted == line.accepted) &&
         (filter.code.empty() || is_code(line.code, line.name, filter.code)) &&
         (filter.text.empty() || line.haystack.find(lower_case(filter.text)) != std::string::npos) &&
         (filter.client.empty() || filter.client == line.client) &&
         (!filter.since || line.time >= *filter.since) && (!filter.until || line.time <= *filter.until);
}

std::vector<std::string> DecisionLog::find(const DecisionFilter& filter) const {
  std::vector<std::string> found;
  const std::scoped_lock lock(guards_lines_);
  for (auto line = lines_.rbegin(); line != lines_.rend() && found.size() < filter.most; ++line)
    if (fits(*line, filter)) found.push_back(line->json);
  std::ranges::reverse(found);
  return found;
}

std::uint64_t DecisionLog::lost() const {
  const std::scoped_lock lock(guards_lines_);
  return lost_;
}

}  // namespace vouch::relying
