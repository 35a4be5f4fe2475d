#pragma once
// The blocks of a tar archive (POSIX ustar) of plain files.

#include <array>
#include <optional>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace vouch::ca {

constexpr std::size_t kTarBlock = 512;
using TarBlock = std::array<char, kTarBlock>;

// Before a file of at most 99 octets' name: mode 0600, nobody's.
TarBlock tar_header(std::string_view name, std::uint64_t size, Time time);
struct TarFile {
  std::string_view name;  // in the block
  std::uint64_t size = 0;
};
// None: it is no header of a plain file.
std::optional<TarFile> read_tar_header(const TarBlock& block);
// Zeros behind so many octets.
std::size_t tar_padding(std::uint64_t size);
inline Bytes octets_of(const TarBlock& block) {
  return as_bytes(std::string_view(block.data(), block.size()));
}

}  // namespace vouch::ca
