#include "relying/sync/configuration.hpp"

#include <algorithm>
#include <charconv>

#include "base/settings.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace vouch::relying {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostTargets = 64, kMostItems = 64;

Result<std::string> text_of(const Value& value) {
  if (!value.text()) return wrong_kind("a text in quotes", value);
  return *value.text();
}

// A list, since URLs and words may hold commas; one text may stand alone.
Result<std::vector<std::string>> texts_of(const Value& value) {
  if (value.text()) return std::vector{*value.text()};
  if (!value.list_items()) return wrong_kind("a list of texts", value);
  if (value.list_items()->size() > kMostItems)
    return make_error(Errc::limit_exceeded, "more than {} items", kMostItems);
  std::vector<std::string> texts;
  for (const Value& item : *value.list_items()) texts.push_back(TRY(text_of(item)));
  return texts;
}

Result<seconds> time_of(const Value& value) {
  const Span span = TRY(parse_span(TRY(text_of(value))));
  if (span.months != 0 || span.seconds < seconds(1) || span.seconds > std::chrono::hours(24))
    return make_error(Errc::malformed, "{} is out of range: 1s to 1d", *value.text());
  return span.seconds;
}

Result<mode_t> mode_of(const Value& value) {
  const std::string text = TRY(text_of(value));
  mode_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > 0777)
    return make_error(Errc::malformed, "'{}' is no mode of a file, such as 0644", text);
  return mode;
}

Result<std::size_t> size_of(const Value& value) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  if (!value.integer()) return wrong_kind("a number of octets", value);
  if (*value.integer() < 1 || *value.integer() > kMost)
    return make_error(Errc::malformed, "{} is out of range: 1 to {}", *value.integer(), kMost);
  return static_cast<std::size_t>(*value.integer());
}

struct Key {
  std::string_view name;
  Status (*read)(SyncTarget&, const Value&, const fs::path& home);
};
constexpr Key kKeys[] = {
    {"authorities",
     [](SyncTarget& target, const Value& value, const fs::path& home) -> Status {
       for (const std::string& file : TRY(texts_of(value))) target.authorities.push_back(home / file);
       return ok();
     }},
    {"crls",
     [](SyncTarget& target, const Value& value, const fs::path& home) -> Status {
       for (std::string& place : TRY(texts_of(value)))
         target.crls.push_back(place.find("://") == std::string::npos ? (home / place).string()
                                                                      : std::move(place));
       return ok();
     }},
    {"output",
     [](SyncTarget& target, const Value& value, const fs::path& home) -> Status {
       target.output = home / TRY(text_of(value));
       return ok();
     }},
    {"form",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       target.form = TRY(output_form_from_name(TRY(text_of(value))));
       return ok();
     }},
    {"with_certificates",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       if (!value.boolean()) return wrong_kind("true or false", value);
       target.with_certificates = *value.boolean();
       return ok();
     }},
    {"mode",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       target.mode = TRY(mode_of(value));
       return ok();
     }},
    {"hook",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       // A text with blanks would be a program of that name: no shell takes it apart.
       if (!value.list_items()) return wrong_kind("a list: the program and its arguments", value);
       target.hook = TRY(texts_of(value));
       return ok();
     }},
    {"hook_time",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       target.hook_time = TRY(time_of(value));
       return ok();
     }},
    {"refresh",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       target.refresh = TRY(time_of(value));
       return ok();
     }},
    {"patience",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       target.patience = TRY(time_of(value));
       return ok();
     }},
    {"max_size",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       target.most = TRY(size_of(value));
       return ok();
     }},
    {"proxy",
     [](SyncTarget& target, const Value& value, const fs::path&) -> Status {
       target.proxy = TRY(text_of(value));
       return ok();
     }},
};

// Files and messages are named after it.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Result<SyncTarget> read_target(const std::string& name, const Value& members, std::string_view file,
                               const fs::path& home) {
  SyncTarget target{.name = name};
  for (const auto& [key, value] : *members.members()) {
    const auto* const found = std::ranges::find(kKeys, key, &Key::name);
    if (found == std::end(kKeys)) {
      std::vector<std::string_view> known;
      for (const Key& one : kKeys) known.push_back(one.name);
      const Error error = unknown_setting(key, known);
      return make_error(Errc::malformed, "{}:{}: there is no setting 'crlsync.{}.{}'", file, value.line(),
                        name, key)
          .with_hint(std::string(error.hint()));
    }
    TRY(found->read(target, value, home)
            .context("{}:{}, setting crlsync.{}.{}", file, value.line(), name, key));
  }
  TRY(check_sync_target(target).context("{}:{}, section [crlsync.{}]", file, members.line(), name));
  return target;
}

}  // namespace

std::string_view to_string(OutputForm form) {
  switch (form) {
    case OutputForm::pem:
      return "pem";
    case OutputForm::der:
      return "der";
    case OutputForm::directory:
      return "directory";
  }
  return "";
}

Result<OutputForm> output_form_from_name(std::string_view name) {
  for (const OutputForm form : {OutputForm::pem, OutputForm::der, OutputForm::directory})
    if (to_string(form) == name) return form;
  return make_error(Errc::malformed, "'{}' is none of \"pem\", \"der\", \"directory\"", name);
}

Status check_sync_target(const SyncTarget& target) {
  const auto lacks = [](std::string_view what, std::string_view example) {
    return make_error(Errc::malformed, "it has no {}", what).with_hint(fmt::format("add: {}", example));
  };
  if (target.authorities.empty())
    return lacks("authorities", "authorities = [\"issuing-ca.pem\", \"root.pem\"]");
  if (target.crls.empty()) return lacks("crls", "crls = [\"http://pki.example.test/issuing-ca.crl\"]");
  if (target.output.empty()) return lacks("output", "output = \"/var/lib/vouch-crls/nginx.pem\"");
  for (const std::string& place : target.crls) {
    const auto scheme = place.find("://");
    if (scheme == std::string::npos || place.starts_with("http://") || place.starts_with("https://"))
      continue;
    return make_error(Errc::malformed, "CRLs are not fetched by {}", place.substr(0, scheme))
        .with_hint("name an http URL, or a file");
  }
  if (target.form == OutputForm::der && (target.authorities.size() > 1 || target.with_certificates))
    return make_error(Errc::malformed, "a DER file holds one CRL and nothing else")
        .with_hint("form = \"pem\" takes several; or make a section for each CA");
  if (!target.hook.empty() && !target.hook.front().starts_with('/'))
    return make_error(Errc::malformed, "the hook '{}' has to be named by its whole path", target.hook.front())
        .with_hint("hook = [\"/usr/bin/systemctl\", \"reload\", \"nginx\"]; no shell and no PATH is asked");
  return ok();
}

Result<std::vector<SyncTarget>> read_sync_targets(const Value& sections, std::string_view file,
                                                  const fs::path& home) {
  std::vector<SyncTarget> targets;
  if (!sections.members())
    return make_error(Errc::malformed, "{}:{}: 'crlsync' stands outside a section", file, sections.line());
  for (const auto& [name, members] : *sections.members()) {
    if (!members.members())
      return make_error(Errc::malformed, "{}:{}: a place for CRLs is a section, [crlsync.{}]", file,
                        members.line(), name);
    if (!is_name(name))
      return make_error(Errc::malformed, "{}:{}: '{}' is no name for a section [crlsync.NAME]", file,
                        members.line(), name)
          .with_hint("up to 64 letters, digits, '-' and '_'");
    if (targets.size() == kMostTargets)
      return make_error(Errc::limit_exceeded, "{}:{}: more than {} sections [crlsync.NAME]", file,
                        members.line(), kMostTargets);
    targets.push_back(TRY(read_target(name, members, file, home)));
  }
  // Two sections that write one file would take turns for ever.
  for (std::size_t i = 0; i < targets.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (targets[i].output.lexically_normal() == targets[k].output.lexically_normal())
        return make_error(Errc::malformed, "{}: [crlsync.{}] and [crlsync.{}] write to the same place {}",
                          file, targets[k].name, targets[i].name, targets[i].output.string());
  return targets;
}

Result<std::vector<SyncTarget>> parse_sync_targets(std::string_view toml, std::string_view file,
                                                   const fs::path& home) {
  const Value document = TRY(parse_toml(toml, file));
  const Value* sections = document.find("crlsync");
  if (!sections) return std::vector<SyncTarget>();
  return read_sync_targets(*sections, file, home);
}

}  // namespace vouch::relying
