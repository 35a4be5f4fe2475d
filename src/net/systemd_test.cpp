#include "net/systemd.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <map>

#include "base/files.hpp"

namespace vouch::net {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

Environment with(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](std::string_view name) {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::string() : found->second;
  };
}

TEST(PassedSockets, NoneWithoutAServiceManager) {
  EXPECT_TRUE(passed_sockets(with({}), 7).value().empty());
  EXPECT_TRUE(passed_sockets(with({{"LISTEN_PID", "8"}, {"LISTEN_FDS", "2"}}), 7).value().empty());
}

TEST(PassedSockets, RefusesWhatIsNoNumber) {
  for (const char* bad : {"", "-1", "x", "100000", "1 "})
    EXPECT_FALSE(passed_sockets(with({{"LISTEN_PID", "7"}, {"LISTEN_FDS", bad}}), 7)) << bad;
}

TEST(PassedSockets, AreNamedAndNotInherited) {
  // Descriptors begin at 3, whatever they are here: /dev/null stands for sockets.
  const FileDescriptor null(::open("/dev/null", O_RDONLY));
  for (const int fd : {3, 4})
    if (::fcntl(fd, F_GETFD) < 0) {
      ASSERT_EQ(::dup2(null.get(), fd), fd);
    }
  const auto sockets =
      passed_sockets(with({{"LISTEN_PID", "7"}, {"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "http:"}}), 7)
          .value();
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].descriptor, 3);
  EXPECT_EQ(sockets[0].name, "http");
  EXPECT_EQ(sockets[1].name, "unknown");
  EXPECT_NE(::fcntl(4, F_GETFD) & FD_CLOEXEC, 0);
}

class NotifyTest : public testing::Test {
 protected:
  NotifyTest() : fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    char name[] = "/tmp/vouch-notify.XXXXXX";
    folder = ::mkdtemp(static_cast<char*>(name));
    path = folder / "socket";
    sockaddr_un where = {};
    where.sun_family = AF_UNIX;
    strncpy(static_cast<char*>(where.sun_path), path.c_str(), sizeof where.sun_path - 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
  }
  ~NotifyTest() override { fs::remove_all(folder); }
  std::string received() const {
    char buffer[256] = {};
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return n < 0 ? std::string("nothing") : std::string(buffer, static_cast<std::size_t>(n));
  }
  FileDescriptor fd;
  fs::path folder, path;
};

TEST_F(NotifyTest, SaysWhatHappens) {
  const auto manager =
      ServiceManager::from(with({{"NOTIFY_SOCKET", path.string()}, {"WATCHDOG_USEC", "20000000"}}), 7);
  ASSERT_TRUE(manager.ready("2 listeners"));
  EXPECT_EQ(received(), "READY=1\nSTATUS=2 listeners");
  ASSERT_TRUE(manager.reloading());
  EXPECT_THAT(received(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
  ASSERT_TRUE(manager.stopping());
  EXPECT_EQ(received(), "STOPPING=1");
  ASSERT_TRUE(manager.alive());
  EXPECT_EQ(received(), "WATCHDOG=1");
  EXPECT_EQ(manager.watchdog(), std::chrono::seconds(20));
}

TEST_F(NotifyTest, NobodyToTell) {
  const auto nobody = ServiceManager::from(with({{"WATCHDOG_USEC", "20000000"}, {"WATCHDOG_PID", "8"}}), 7);
  EXPECT_TRUE(nobody.ready("x"));
  EXPECT_EQ(nobody.watchdog(), std::nullopt);
  EXPECT_FALSE(ServiceManager::from(with({{"NOTIFY_SOCKET", (folder / "gone").string()}}), 7).alive());
  EXPECT_FALSE(ServiceManager::from(with({{"NOTIFY_SOCKET", "relative"}}), 7).alive());
}

}  // namespace
}  // namespace vouch::net
