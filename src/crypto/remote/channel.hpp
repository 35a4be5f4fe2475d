#pragma once
// Channel: one end of a socket pair that carries whole messages, each with at most one file descriptor.

#include <chrono>
#include <optional>
#include <utility>

#include "base/files.hpp"

namespace vouch::crypto::remote {

struct Packet {
  Buffer message;       // empty: the other side is gone
  FileDescriptor file;  // none: -1
};

class Channel {
 public:
  // Both ends; neither survives exec.
  static Result<std::pair<Channel, Channel>> make_pair();
  explicit Channel(FileDescriptor socket) : socket_(std::move(socket)) {}

  // Both fail with `unavailable` when the other side is gone, `timeout` when it says nothing for so long.
  Status send(Bytes message, int file = -1) const;
  Result<Packet> receive(std::optional<std::chrono::milliseconds> patience = {}) const;
  int descriptor() const { return socket_.get(); }

 private:
  FileDescriptor socket_;
};

// A sealed file in memory that holds `content`: whoever gets it can rely on its never changing.
Result<FileDescriptor> sealed_file(Bytes content);

// Such a file, mapped. Fails with `denied` when it is not sealed: it could change after it was looked at.
class SealedMap {
 public:
  static Result<SealedMap> open(const FileDescriptor& file);
  SealedMap(SealedMap&& other) noexcept : map_(std::exchange(other.map_, {})) {}
  SealedMap& operator=(SealedMap&&) = delete;
  ~SealedMap();
  Bytes bytes() const { return map_; }

 private:
  explicit SealedMap(std::span<std::uint8_t> map) : map_(map) {}
  std::span<std::uint8_t> map_;
};

}  // namespace vouch::crypto::remote
