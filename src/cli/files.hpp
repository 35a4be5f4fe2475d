#pragma once
// The files that a command reads and writes by the names on its line: those of this host, or, for a command
// that the service runs on somebody's behalf, those that came with it. "-" is standard input.

#include <map>
#include <string>

#include "base/bytes.hpp"
#include "base/files.hpp"

namespace vouch::cli {

class Files {
 public:
  virtual ~Files() = default;
  virtual Result<Buffer> read(const std::string& name) const = 0;
  virtual bool exists(const std::string& name) const = 0;
  // Replaces it as a whole.
  virtual Status write(const std::string& name, Bytes content) = 0;
};

class HostFiles final : public Files {
 public:
  Result<Buffer> read(const std::string& name) const override;
  bool exists(const std::string& name) const override;
  Status write(const std::string& name, Bytes content) override;
};

// What was written is kept for whoever sent the command.
class SentFiles final : public Files {
 public:
  explicit SentFiles(std::map<std::string, Buffer> sent) : sent_(std::move(sent)) {}
  Result<Buffer> read(const std::string& name) const override;
  bool exists(const std::string& name) const override;
  Status write(const std::string& name, Bytes content) override;
  const std::map<std::string, Buffer>& written() const { return written_; }

 private:
  std::map<std::string, Buffer> sent_, written_;
};

}  // namespace vouch::cli
