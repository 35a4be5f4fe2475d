#include "diagnose/target_check.hpp"

#include "revocation/crl_targets.hpp"

namespace vouch::diagnose {
namespace {

constexpr std::string_view kPublish = "publish a new one: vouch crl publish";

// The file that is there, for a place that took the newest CRL.
Judgement judge_file(const crypto::Provider& provider, const std::string& file, Bytes sha256) {
  const auto content = MappedFile::open(file);
  if (!content)
    return {Verdict::not_published, std::string(content.error().message()), std::string(kPublish)};
  if (equal(provider.digest(crypto::DigestAlgorithm::sha256, content->bytes()), sha256)) return {};
  return {Verdict::not_matching,
          "the file is not the CRL that was published there: something else writes to it",
          "find out what; then " + std::string(kPublish)};
}

Judgement judge(const crypto::Provider& provider, const revocation::TargetState& state, Bytes sha256) {
  if (state.newest == 0) return {Verdict::not_checked, "no CRL was published yet", std::string(kPublish)};
  if (state.failures != 0)
    return {Verdict::not_published, fmt::format("CRL {} is not there: {}", state.newest, state.record.error),
            mend_of(state)};
  if (state.record.number < state.newest)
    return {Verdict::not_published, fmt::format("CRL {} is not there yet", state.newest),
            "vouch crl publish --if-due brings it; vouch serve does so by itself"};
  // What a web server has is seen where clients fetch it.
  if (revocation::is_upload(state.record.target)) return {};
  return judge_file(provider, state.record.target, sha256);
}

}  // namespace

Result<std::vector<TargetStatus>> check_targets(const crypto::Provider& provider,
                                                const store::Snapshot& snapshot, const Node& node, Time now) {
  std::vector<TargetStatus> list;
  if (!node.record) return list;
  for (const revocation::TargetState& state :
       TRY(revocation::target_states(snapshot, *node.record, node.settings, now))) {
    const auto newest = TRY(snapshot.newest_crls(
        {node.record->id, state.record.key_index, state.record.delta, state.record.shard}, 1));
    TargetStatus status;
    status.target = state.record.target;
    status.key_index = state.record.key_index;
    status.delta = state.record.delta;
    status.shard = state.record.shard;
    status.number = state.record.number;
    status.newest = state.newest;
    status.failures = state.failures;
    status.last_success = state.last_success;
    status.next_try = state.next_try;
    status.judgement = judge(provider, state, newest.empty() ? Bytes() : Bytes(newest.front().sha256));
    list.push_back(std::move(status));
  }
  return list;
}

}  // namespace vouch::diagnose
