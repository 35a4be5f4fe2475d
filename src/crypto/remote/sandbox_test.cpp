// Each step is tried in a child: what it gave up it cannot get back.
#include "crypto/remote/sandbox.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <thread>

#include "crypto/openssl/openssl.hpp"

namespace vouch::crypto::remote {
namespace {

struct Ended {
  int exit = -1, signal = 0;
  bool operator==(const Ended&) const = default;
};

// Runs `act` in a child that is in the sandbox; it exits with what `act` returns.
Ended inside(const Sandbox& sandbox, const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!enter(sandbox)) ::_exit(99);
    ::_exit(act());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? Ended{WEXITSTATUS(status), 0} : Ended{-1, WTERMSIG(status)};
}
int failed_with(int result) { return result >= 0 ? 0 : errno; }

class SandboxTest : public testing::Test {
 protected:
  SandboxTest() {
    std::string name = (fs::temp_directory_path() / "vouch-sandbox.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    EXPECT_TRUE(write_file_atomic(folder_ / "open", Buffer{1}, 0644));
    EXPECT_TRUE(write_file_atomic(folder_ / "shut", Buffer{2}, 0644));
  }
  ~SandboxTest() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(SandboxTest, ItStillSigns) {
  const auto provider = openssl::make_provider();
  const auto key = provider->generate({}).value();
  const auto signer = key->signer(SignatureAlgorithm::ecdsa_sha256).value();
  EXPECT_EQ(inside({},
                   [&] {
                     const auto signature = signer->sign(Buffer(100, 1));
                     return signature &&
                                    provider->verify(key->public_key_info(), SignatureAlgorithm::ecdsa_sha256,
                                                     Buffer(100, 1), *signature)
                                ? 42
                                : 1;
                   }),
            (Ended{42, 0}));
}

TEST_F(SandboxTest, ItStillMakesThreads) {
  EXPECT_EQ(inside({},
                   [] {
                     int seen = 0;
                     std::thread([&] { seen = 42; }).join();
                     return seen;
                   }),
            (Ended{42, 0}));
}

TEST_F(SandboxTest, OtherProgramsAndSocketsEndIt) {
  EXPECT_EQ(inside({}, [] { return failed_with(::execl("/bin/true", "true", nullptr)); }),
            (Ended{-1, SIGSYS}));
  EXPECT_EQ(inside({}, [] { return failed_with(::socket(AF_INET, SOCK_STREAM, 0)); }), (Ended{-1, SIGSYS}));
  EXPECT_EQ(inside({}, [] { return failed_with(::socket(AF_UNIX, SOCK_STREAM, 0)); }), (Ended{-1, SIGSYS}));
}

TEST_F(SandboxTest, AChildProcessIsRefused) {
  EXPECT_EQ(inside({}, [] { return failed_with(::fork()); }), (Ended{EPERM, 0}));
}

TEST_F(SandboxTest, SocketsAreForThoseWhoNeedThem) {
  Sandbox refusing;
  refusing.sockets = Sockets::refused;
  EXPECT_EQ(inside(refusing, [] { return failed_with(::socket(AF_UNIX, SOCK_STREAM, 0)); }),
            (Ended{EPERM, 0}));
  Sandbox with_sockets;
  with_sockets.sockets = Sockets::allowed;
  EXPECT_EQ(inside(with_sockets, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 42 : errno; }),
            (Ended{42, 0}));
  // To talk to an HSM, not to be talked to.
  EXPECT_EQ(inside(with_sockets, [] { return failed_with(::listen(::socket(AF_UNIX, SOCK_STREAM, 0), 1)); }),
            (Ended{-1, SIGSYS}));
}

TEST_F(SandboxTest, OnlyNamedFilesCanBeOpened) {
  const Sandbox sandbox{{folder_ / "open"}, {}, Sockets::fatal};
  EXPECT_EQ(inside(sandbox, [&] { return ::open((folder_ / "open").c_str(), O_RDONLY) >= 0 ? 42 : errno; }),
            (Ended{42, 0}));
  EXPECT_EQ(inside(sandbox, [&] { return failed_with(::open((folder_ / "open").c_str(), O_WRONLY)); }),
            (Ended{EACCES, 0}));
  EXPECT_EQ(inside(sandbox, [&] { return failed_with(::open((folder_ / "shut").c_str(), O_RDONLY)); }),
            (Ended{EACCES, 0}));
  EXPECT_EQ(inside(sandbox, [&] { return failed_with(::open("/etc/passwd", O_RDONLY)); }),
            (Ended{EACCES, 0}));
}

TEST_F(SandboxTest, AWritableFolderTakesFilesAndNothingElseDoes) {
  const Sandbox sandbox{{}, {folder_}, Sockets::fatal};
  const auto create = [](const fs::path& path) {
    return ::open(path.c_str(), O_RDWR | O_CREAT, 0600) >= 0 ? 42 : errno;
  };
  EXPECT_EQ(inside(sandbox, [&] { return create(folder_ / "new"); }), (Ended{42, 0}));
  EXPECT_EQ(inside(sandbox, [&] { return create(folder_.parent_path() / "vouch-sandbox-new"); }),
            (Ended{EACCES, 0}));
  EXPECT_EQ(inside(sandbox, [&] { return failed_with(::symlink("a", (folder_ / "link").c_str())); }),
            (Ended{EPERM, 0}));
}

TEST_F(SandboxTest, MemoryDoesNotBecomeAProgram) {
  EXPECT_EQ(inside({},
                   [] {
                     void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                     return page == MAP_FAILED ? errno : 0;
                   }),
            (Ended{EPERM, 0}));
  EXPECT_EQ(inside({},
                   [] {
                     void* page =
                         ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                     return failed_with(::mprotect(page, 4096, PROT_READ | PROT_EXEC));
                   }),
            (Ended{EPERM, 0}));
}

TEST_F(SandboxTest, NobodyIsKilledAndNothingIsSetBack) {
  const pid_t parent = ::getpid();
  EXPECT_EQ(inside({}, [&] { return failed_with(::kill(parent, 0)); }), (Ended{EPERM, 0}));
  EXPECT_EQ(inside({}, [] { return failed_with(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }), (Ended{EPERM, 0}));
  const rlim_t big = 1 << 20;
  EXPECT_EQ(inside({},
                   [&] {
                     const rlimit limit{big, big};
                     return failed_with(::setrlimit(RLIMIT_CORE, &limit));
                   }),
            (Ended{EPERM, 0}));
}

}  // namespace
}  // namespace vouch::crypto::remote
