#include "daemon/authorities.hpp"

#include <algorithm>

namespace vouch::daemon {
namespace {

// Every CA with its certificates, as a text to compare.
Result<std::string> certified(const store::Snapshot& snapshot) {
  std::string text;
  for (const store::AuthorityRecord& record : TRY(snapshot.authorities()))
    for (const store::KeyGeneration& generation : TRY(snapshot.key_generations(record.id)))
      if (!generation.certificate.empty())
        text += fmt::format("{}:{} ", record.id, generation.certificate_index);
  return text;
}

// A subordinate that waits for its certificate is nothing that is wrong.
bool waits_for_certificate(const store::Snapshot& snapshot, store::AuthorityId authority) {
  const auto generations = snapshot.key_generations(authority);
  return generations && std::ranges::all_of(*generations, [](const store::KeyGeneration& generation) {
           return generation.certificate.empty();
         });
}

}  // namespace

Result<bool> OpenAuthorities::is_outdated() const {
  const std::string now = TRY(certified(*TRY(environment_.database.snapshot())));
  const std::scoped_lock lock(guards_current_);
  return now != certified_;
}

api::Authorities OpenAuthorities::current() const {
  const std::scoped_lock lock(guards_current_);
  return current_;
}

std::shared_ptr<ca::LocalAuthority> OpenAuthorities::find(std::string_view name) const {
  const api::Authorities all = current();
  const auto found = std::ranges::find(all, name, [](const auto& a) { return a->record().name; });
  return found == all.end() ? nullptr : *found;
}

Status OpenAuthorities::open() {
  const auto snapshot = TRY(environment_.database.snapshot());
  std::string there = TRY(certified(*snapshot));
  auto records = TRY(snapshot->authorities());
  std::ranges::sort(records, {}, &store::AuthorityRecord::name);
  api::Authorities opened;
  for (const store::AuthorityRecord& record : records) {
    const std::string state = fmt::format("ca {}", record.name);
    auto authority = ca::LocalAuthority::open(environment_, record.name);
    if (authority) {
      health_.good(state);
      opened.push_back(std::move(*authority));
    } else if (waits_for_certificate(*snapshot, record.id)) {
      health_.forget(state);
    } else {
      health_.bad(state, authority.error().summary());
      if (auto before = find(record.name)) opened.push_back(std::move(before));
    }
  }
  const std::scoped_lock lock(guards_current_);
  current_ = std::move(opened);
  certified_ = std::move(there);
  return ok();
}

}  // namespace vouch::daemon
