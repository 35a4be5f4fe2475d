// Whatever a file holds, reading it ends in an error or in a list that has each of its keys.
#include <cstdlib>

#include "policy/key_blocklist.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto list = policy::KeyBlocklist::parse(as_text({data, size}), "fuzz");
  if (!list) return 0;
  for (const auto& key : list->keys())
    if (!list->contains(key)) std::abort();
  std::string again;
  for (const auto& key : list->keys()) again += to_hex(Bytes(key)) + "\n";
  const auto second = policy::KeyBlocklist::parse(again, "again");
  if (!second || second->keys() != list->keys()) std::abort();
  return 0;
}
