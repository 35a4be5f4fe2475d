#include "crypto/remote/channel.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "crypto/remote/messages.hpp"

namespace vouch::crypto::remote {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
constexpr std::string_view kGone = "the signer process is gone";

Error failed(std::string_view doing) {
  if (errno == EPIPE || errno == ECONNRESET) return Error(Errc::unavailable, std::string(kGone));
  return make_error(Errc::unavailable, "{}: {}", doing, std::strerror(errno));
}

// The file descriptor that came along; further ones are closed.
FileDescriptor file_of(msghdr& header) {
  FileDescriptor file;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      file = FileDescriptor(fd);
    }
  }
  return file;
}

}  // namespace

Result<std::pair<Channel, Channel>> Channel::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return failed("cannot make a channel to the signer process");
  return std::pair(Channel(FileDescriptor(ends[0])), Channel(FileDescriptor(ends[1])));
}

Status Channel::send(Bytes message, int file) const {
  if (message.empty() || message.size() > kMaxMessage)
    return make_error(Errc::limit_exceeded, "a message of {} octets; 1 to {} can be sent", message.size(),
                      kMaxMessage);
  iovec part{const_cast<std::uint8_t*>(message.data()), message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (file >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &file, sizeof file);
  }
  while (::sendmsg(socket_.get(), &header, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) return failed("cannot send to the signer process");
  return ok();
}

namespace {

// How large the next message is, which stays where it is; waits for it.
ssize_t size_of_next(int socket) {
  iovec nothing{nullptr, 0};
  msghdr header{};
  header.msg_iov = &nothing;
  header.msg_iovlen = 1;
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &header, MSG_PEEK | MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  return size;
}

}  // namespace

Result<Packet> Channel::receive(std::optional<std::chrono::milliseconds> patience) const {
  if (patience) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    int ready = 0;
    do {
      ready = ::poll(&waiting, 1, static_cast<int>(patience->count()));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
      return make_error(Errc::timeout, "the signer process did not answer within {} ms", patience->count());
  }
  const ssize_t size = size_of_next(socket_.get());
  if (size < 0) return failed("cannot hear from the signer process");
  Packet packet;
  packet.message.resize(std::min<std::size_t>(static_cast<std::size_t>(size), kMaxMessage));
  iovec part{packet.message.data(), packet.message.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t received = 0;
  while ((received = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC)) < 0)
    if (errno != EINTR) return failed("cannot hear from the signer process");
  packet.file = file_of(header);
  if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
    return make_error(Errc::limit_exceeded, "a message of more than {} octets", kMaxMessage);
  packet.message.resize(static_cast<std::size_t>(received));
  return packet;
}

Result<FileDescriptor> sealed_file(Bytes content) {
  FileDescriptor file(::memfd_create("to-be-signed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return failed("cannot make a file in memory");
  TRY(write_all(file.get(), content, "a file in memory"));
  if (::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) return failed("cannot seal a file in memory");
  return file;
}

Result<SealedMap> SealedMap::open(const FileDescriptor& file) {
  if (!file) return make_error(Errc::malformed, "the octets to be signed are missing");
  struct stat info{};
  if ((::fcntl(file.get(), F_GET_SEALS) & kSeals) != kSeals || ::fstat(file.get(), &info) != 0)
    return make_error(Errc::denied, "the file to be signed is not sealed: it could change while it is read");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return make_error(Errc::malformed, "the file to be signed is empty");
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) return failed("cannot map the file to be signed");
  return SealedMap({static_cast<std::uint8_t*>(address), size});
}

SealedMap::~SealedMap() {
  if (!map_.empty()) ::munmap(map_.data(), map_.size());
}

}  // namespace vouch::crypto::remote
