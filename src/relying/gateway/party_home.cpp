#include "relying/gateway/party_home.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "relying/stored_cache.hpp"

namespace vouch::relying {
namespace {

Result<std::string> text_of(const Value& value) {
  if (!value.text()) return wrong_kind("a text in quotes", value);
  return *value.text();
}

struct Key {
  std::string_view name;
  Status (*read)(PartyConfiguration&, const Value&, const fs::path& home);
};
constexpr Key kKeys[] = {
    {"profile",
     [](PartyConfiguration& configuration, const Value& value, const fs::path&) -> Status {
       configuration.profile = TRY(text_of(value));
       return ok();
     }},
    {"bundle",
     [](PartyConfiguration& configuration, const Value& value, const fs::path& home) -> Status {
       const std::string text = TRY(text_of(value));
       if (text == "system")
         configuration.bundle = kSystemBundle;
       else if (!text.empty())
         configuration.bundle = home / text;
       return ok();
     }},
    {"decision_log",
     [](PartyConfiguration& configuration, const Value& value, const fs::path& home) -> Status {
       if (const std::string text = TRY(text_of(value)); !text.empty())
         configuration.decision_log = home / text;
       return ok();
     }},
    {"trace_octets",
     [](PartyConfiguration& configuration, const Value& value, const fs::path&) -> Status {
       constexpr std::int64_t kLeast = 1 << 16, kMost = 1 << 28;
       if (!value.integer()) return wrong_kind("a number of octets", value);
       if (*value.integer() < kLeast || *value.integer() > kMost)
         return make_error(Errc::malformed, "{} is out of range: {} to {}", *value.integer(), kLeast, kMost);
       configuration.trace_octets = static_cast<std::size_t>(*value.integer());
       return ok();
     }},
};

Status read_section(const Value& section, std::string_view file, const fs::path& home,
                    PartyConfiguration& configuration) {
  if (!section.members())
    return make_error(Errc::malformed, "{}:{}: 'relying_party' stands outside a section", file,
                      section.line());
  for (const auto& [key, value] : *section.members()) {
    const auto* const found = std::ranges::find(kKeys, key, &Key::name);
    if (found == std::end(kKeys)) {
      std::vector<std::string_view> known;
      for (const Key& one : kKeys) known.push_back(one.name);
      return make_error(Errc::malformed, "{}:{}: there is no setting 'relying_party.{}'", file, value.line(),
                        key)
          .with_hint(std::string(unknown_setting(key, known).hint()));
    }
    TRY(found->read(configuration, value, home)
            .context("{}:{}, setting relying_party.{}", file, value.line(), key));
  }
  return ok();
}

Status read_profiles(const Value& sections, std::string_view file, PartyConfiguration& configuration) {
  if (!sections.members())
    return make_error(Errc::malformed, "{}:{}: 'profile' stands outside a section", file, sections.line());
  for (const auto& [name, section] : *sections.members()) {
    if (!section.members())
      return make_error(Errc::malformed, "{}:{}: a profile is a section, [profile.{}]", file, section.line(),
                        name);
    configuration.profiles.push_back(TRY(read_profile(name, section, file)));
  }
  return ok();
}

}  // namespace

Result<Profile> PartyConfiguration::find_profile(std::string_view name) const {
  if (name.empty()) name = profile;
  const auto own = std::ranges::find(profiles, name, &Profile::name);
  return own == profiles.end() ? shipped_profile(name) : Result<Profile>(*own);
}

Result<PartyConfiguration> read_party_configuration(const Value& document, std::string_view file,
                                                    const fs::path& home) {
  PartyConfiguration configuration;
  if (const Value* section = document.find("relying_party"))
    TRY(read_section(*section, file, home, configuration));
  if (const Value* sections = document.find("profile")) TRY(read_profiles(*sections, file, configuration));
  if (const auto known = configuration.find_profile(""); !known)
    return make_error(Errc::malformed, "{}: relying_party.profile: {}", file, known.error().message())
        .with_hint(std::string(known.error().hint()));
  return configuration;
}

Result<PartyConfiguration> parse_party_configuration(std::string_view toml, std::string_view file,
                                                     const fs::path& home) {
  return read_party_configuration(TRY(parse_toml(toml, file)), file, home);
}

PartyHome::PartyHome(PartyPlace place, PartyConfiguration configuration)
    : place_(std::move(place)),
      configuration_(std::make_shared<const PartyConfiguration>(std::move(configuration))) {}

Result<std::unique_ptr<PartyHome>> PartyHome::open(PartyPlace place, PartyConfiguration configuration) {
  std::unique_ptr<PartyHome> home(new PartyHome(std::move(place), std::move(configuration)));
  const fs::path folder = home->place_.home / "cache";
  TRY(make_folder(folder, 0750));
  home->trust_mark_ = home->mark_of_trust();
  auto trust = TRY(home->load(*home->configuration_));
  home->cache_ = make_stored_cache(TRY(CrlStore::open(home->place_.provider, {.folder = folder / "crls"})));
  home->party_ =
      std::make_unique<RelyingParty>(home->place_.provider, home->place_.clock, std::move(trust),
                                     RelyingPartySettings{.cache = home->cache_, .folder = folder});
  return home;
}

std::shared_ptr<const PartyConfiguration> PartyHome::configuration() const {
  const std::scoped_lock lock(guards_configuration_);
  return configuration_;
}

Result<TrustListPtr> PartyHome::load(const PartyConfiguration& configuration) const {
  const TrustFolder folder = trust_folder();
  const TrustBundle bundle(place_.provider, configuration.bundle);
  std::vector<const TrustSource*> sources{&folder};
  if (!configuration.bundle.empty()) sources.push_back(&bundle);
  return load_trust(sources);
}

Status PartyHome::reload(PartyConfiguration configuration) {
  auto trust = TRY(load(configuration));
  const std::scoped_lock lock(guards_configuration_);
  configuration_ = std::make_shared<const PartyConfiguration>(std::move(configuration));
  party_->replace_trust(std::move(trust));
  return ok();
}

// Names, sizes and times of the files there; a file that is replaced by a rename is another one.
std::string PartyHome::mark_of_trust() const {
  std::vector<std::string> marks;
  std::error_code failed;
  for (fs::directory_iterator files(place_.home / "trust", failed), end; !failed && files != end;
       files.increment(failed)) {
    struct stat info{};
    if (::stat(files->path().c_str(), &info) != 0) continue;
    marks.push_back(fmt::format("{}:{}:{}.{}", files->path().filename().string(), info.st_ino,
                                info.st_mtim.tv_sec, info.st_mtim.tv_nsec));
  }
  std::ranges::sort(marks);
  std::string mark;
  for (const std::string& one : marks) mark += one + '\n';
  return mark;
}

Status PartyHome::look_for_trust() {
  std::string mark = mark_of_trust();
  {
    const std::scoped_lock lock(guards_configuration_);
    if (mark == trust_mark_) return ok();
  }
  TRY(reload(*configuration()));
  const std::scoped_lock lock(guards_configuration_);
  trust_mark_ = std::move(mark);
  return ok();
}

}  // namespace vouch::relying
