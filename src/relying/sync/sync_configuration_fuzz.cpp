// Anything as vouch.toml. Properties: what is refused names the file; what is accepted has all that a run
// needs, and no name that would lead out of the folder of the state.
#include <cstdlib>

#include "relying/sync/configuration.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const auto targets = relying::parse_sync_targets(as_text(Bytes(data, size)), "vouch.toml", "/h");
  if (!targets) {
    require(targets.error().report().find("vouch.toml") != std::string::npos);
    return 0;
  }
  for (const relying::SyncTarget& target : *targets) {
    require(relying::check_sync_target(target).has_value());
    require(target.name.find('/') == std::string::npos && target.name.find('.') == std::string::npos);
    require(target.refresh.count() >= 1 && target.patience.count() >= 1 && target.most >= 1);
  }
  return 0;
}
