#include "base/files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

namespace vouch {
namespace {

using testing::HasSubstr;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string name = (fs::temp_directory_path() / "files_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FilesTest() override {
    std::error_code ignored;
    fs::permissions(folder_, fs::perms::owner_all, ignored);
    fs::remove_all(folder_, ignored);
  }
  std::size_t files_in_folder() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static std::string content(const fs::path& path) { return std::string(as_text(read_file(path).value())); }
  static mode_t mode(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }
  // Runs in a child process: limits and identities that are set there stay there.
  static int in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  fs::path folder_;
};

TEST_F(FilesTest, WritesWholeFilesWithTheModeAskedFor) {
  const fs::path target = folder_ / "key.pem";
  const mode_t before = ::umask(0);
  EXPECT_TRUE(write_file_atomic(target, as_bytes("one"), 0600));
  EXPECT_EQ(mode(target), 0600u);
  EXPECT_TRUE(write_file_atomic(target, as_bytes("two"), 0644));
  ::umask(before);
  EXPECT_EQ(mode(target), 0644u);
  EXPECT_EQ(content(target), "two");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(FilesTest, AnUncommittedFileLeavesNothingBehind) {
  const fs::path target = folder_ / "crl";
  ASSERT_TRUE(write_file_atomic(target, as_bytes("old")));
  {
    auto file = AtomicFile::create(target).value();
    ASSERT_TRUE(file.write(as_bytes("new")));
    EXPECT_EQ(content(target), "old");
    EXPECT_EQ(files_in_folder(), 2u);
    AtomicFile moved = std::move(file);
  }
  EXPECT_EQ(content(target), "old");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(FilesTest, AFileThatCannotBeWrittenToTheEndKeepsTheOldOne) {
  const fs::path target = folder_ / "crl";
  ASSERT_TRUE(write_file_atomic(target, as_bytes("old")));
  EXPECT_EQ(in_child([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{1000, 1000};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              const Status status = write_file_atomic(target, Buffer(5000, 0x41));
              return !status && status.error().code() == Errc::unavailable ? 42 : 1;
            }),
            42);
  EXPECT_EQ(content(target), "old");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(FilesTest, AFullDeviceIsReportedWithWhatToDo) {
  const FileDescriptor full(::open("/dev/full", O_WRONLY));
  ASSERT_TRUE(full);
  const Status status = write_all(full.get(), as_bytes("x"), "the.crl");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::unavailable);
  EXPECT_THAT(status.error().summary(), HasSubstr("the.crl: No space left on device"));
  EXPECT_THAT(std::string(status.error().hint()), HasSubstr("free space"));
}

TEST_F(FilesTest, NamesTheFolderThatIsMissing) {
  const Status status = write_file_atomic(folder_ / "no" / "such" / "file", as_bytes("x"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::not_found);
  EXPECT_THAT(status.error().summary(), HasSubstr("no/such/file"));
}

TEST_F(FilesTest, AFolderInTheWayIsNotReplaced) {
  fs::create_directory(folder_ / "dir");
  EXPECT_FALSE(write_file_atomic(folder_ / "dir", as_bytes("x")));
  EXPECT_TRUE(fs::is_directory(folder_ / "dir"));
  EXPECT_EQ(files_in_folder(), 1u);
  EXPECT_FALSE(write_file_new(folder_ / "dir", as_bytes("x"), 0600));
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(FilesTest, NewFilesNeverOverwrite) {
  const fs::path target = folder_ / "key";
  EXPECT_TRUE(write_file_new(target, as_bytes("first"), 0600));
  EXPECT_EQ(mode(target), 0600u);
  const Status status = write_file_new(target, as_bytes("second"), 0600);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::conflict);
  EXPECT_EQ(content(target), "first");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(FilesTest, ReadsUpToTheLimitAndNotBeyond) {
  const fs::path path = folder_ / "big";
  ASSERT_TRUE(write_file_atomic(path, Buffer(100000, 0x41)));
  EXPECT_EQ(read_file(path, 100000).value().size(), 100000u);
  const auto result = read_file(path, 99999);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::limit_exceeded);
  EXPECT_THAT(result.error().summary(), HasSubstr("big"));
}

TEST_F(FilesTest, AFileWithAHugeHoleCostsNoMemory) {
  const fs::path path = folder_ / "sparse";
  ASSERT_TRUE(write_file_atomic(path, {}));
  fs::resize_file(path, std::uintmax_t{1} << 42);
  EXPECT_EQ(read_file(path, 1 << 20).error().code(), Errc::limit_exceeded);
}

TEST_F(FilesTest, AnEndlessFileIsReadToTheLimitOnly) {
  EXPECT_EQ(read_file("/dev/zero", 1 << 20).error().code(), Errc::limit_exceeded);
  EXPECT_TRUE(read_file("/dev/null").value().empty());
}

TEST_F(FilesTest, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(read_file(folder_ / "missing").error().code(), Errc::not_found);
  const auto folder = read_file(folder_);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code(), Errc::malformed);
  EXPECT_THAT(folder.error().summary(), HasSubstr(folder_.string() + ": Is a directory"));
  const fs::path secret = folder_ / "secret";
  ASSERT_TRUE(write_file_atomic(secret, as_bytes("x"), 0600));
  EXPECT_EQ(read_file(secret / "below").error().code(), Errc::not_found);
}

TEST_F(FilesTest, AFileOfSomebodyElseIsDenied) {
  const fs::path secret = folder_ / "secret";
  ASSERT_TRUE(write_file_atomic(secret, as_bytes("x"), 0000));
  EXPECT_EQ(in_child([&] {
              // Root reads everything; nobody does not.
              if (::geteuid() == 0 && (::chmod(folder_.c_str(), 0755) != 0 || ::setuid(65534) != 0)) return 1;
              return read_file(secret).error().code() == Errc::denied ? 42 : 2;
            }),
            42);
}

TEST_F(FilesTest, MakesFoldersWithTheirParents) {
  EXPECT_TRUE(make_folder(folder_ / "a" / "b" / "c", 0700));
  EXPECT_EQ(mode(folder_ / "a" / "b" / "c"), 0700u);
  EXPECT_TRUE(make_folder(folder_ / "a" / "b" / "c", 0755));
  EXPECT_EQ(mode(folder_ / "a" / "b" / "c"), 0700u) << "an existing folder keeps its mode";
  ASSERT_TRUE(write_file_atomic(folder_ / "file", as_bytes("x")));
  const Status status = make_folder(folder_ / "file");
  EXPECT_FALSE(status) << "a file is no folder";
  EXPECT_FALSE(make_folder(folder_ / "file" / "below"));
}

TEST_F(FilesTest, DescriptorsAreClosedOnceAndMoveOnly) {
  int raw = -1;
  {
    FileDescriptor a(::open("/dev/null", O_RDONLY));
    raw = a.get();
    FileDescriptor b(std::move(a));
    EXPECT_EQ(b.get(), raw);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

}  // namespace
}  // namespace vouch
