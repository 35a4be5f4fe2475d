#include "ca/backup/tar.hpp"

#include <algorithm>
#include <cstring>

namespace vouch::ca {
namespace {

void put_octal(std::span<char> field, std::uint64_t value) {
  field[field.size() - 1] = '\0';
  for (std::size_t i = field.size() - 1; i-- > 0; value >>= 3)
    field[i] = static_cast<char>('0' + (value & 7));
}

constexpr std::size_t kName = 0, kMode = 100, kOwner = 108, kGroup = 116, kSize = 124, kTime = 136,
                      kChecksum = 148, kType = 156, kUstar = 257;
constexpr std::uint64_t kOctalLimit = std::uint64_t{1} << 33;  // eleven octal digits

unsigned checksum(const TarBlock& block) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i)
    sum += i >= kChecksum && i < kChecksum + 8 ? unsigned{0x20} : static_cast<unsigned char>(block[i]);
  return sum;
}

std::optional<std::uint64_t> read_size(const TarBlock& block) {
  std::uint64_t value = 0;
  if ((block[kSize] & 0x80) != 0) {
    for (std::size_t i = 4; i < 12; ++i) value = value << 8 | static_cast<unsigned char>(block[kSize + i]);
    return value;
  }
  for (std::size_t i = 0; i < 11; ++i) {
    const char c = block[kSize + i];
    if (c < '0' || c > '7') return std::nullopt;
    value = value << 3 | static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

}  // namespace

TarBlock tar_header(std::string_view name, std::uint64_t size, Time time) {
  TarBlock block{};
  const std::span<char> all(block);
  std::ranges::copy(name, all.subspan(kName).begin());
  put_octal(all.subspan(kMode, 8), 0600);
  put_octal(all.subspan(kOwner, 8), 0);
  put_octal(all.subspan(kGroup, 8), 0);
  if (size < kOctalLimit) {
    put_octal(all.subspan(kSize, 12), size);
  } else {
    // As GNU tar and pax write larger ones: the top bit, then the number in binary.
    block[kSize] = static_cast<char>(0x80);
    for (std::size_t i = 0; i < 8; ++i) block[kSize + 11 - i] = static_cast<char>(size >> (8 * i) & 0xff);
  }
  put_octal(all.subspan(kTime, 12),
            static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0)));
  block[kType] = '0';
  std::ranges::copy(std::string_view("ustar\00000", 8), all.subspan(kUstar).begin());
  put_octal(all.subspan(kChecksum, 7), checksum(block));
  block[kChecksum + 7] = ' ';
  return block;
}

std::optional<TarFile> read_tar_header(const TarBlock& block) {
  TarBlock expected = block;
  put_octal(std::span<char>(expected).subspan(kChecksum, 7), checksum(block));
  expected[kChecksum + 7] = ' ';
  const auto size = read_size(block);
  if (expected != block || std::string_view(block.data() + kUstar, 5) != "ustar" || block[kType] != '0' ||
      !size)
    return std::nullopt;
  return TarFile{std::string_view(block.data(), ::strnlen(block.data(), kMode)), *size};
}

std::size_t tar_padding(std::uint64_t size) {
  return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

}  // namespace vouch::ca
