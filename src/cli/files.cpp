#include "cli/files.hpp"

#include <fcntl.h>

namespace vouch::cli {

Result<Buffer> HostFiles::read(const std::string& name) const { return read_file(name); }

bool HostFiles::exists(const std::string& name) const {
  std::error_code unknown;
  return fs::exists(name, unknown);
}

Status HostFiles::write(const std::string& name, Bytes content) {
  // A device or a pipe cannot be replaced by renaming something over it.
  std::error_code unknown;
  const auto kind = fs::status(name, unknown).type();
  if (kind == fs::file_type::character || kind == fs::file_type::fifo) {
    const FileDescriptor descriptor(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
    if (!descriptor) return system_error(errno, "opening", name);
    return write_all(descriptor.get(), content, name);
  }
  return write_file_atomic(name, content);
}

Result<Buffer> SentFiles::read(const std::string& name) const {
  const auto found = sent_.find(name);
  if (found == sent_.end())
    return make_error(Errc::not_found, "{} did not come with the command", name)
        .with_hint("is it there, readable and a plain file?");
  return found->second;
}

bool SentFiles::exists(const std::string& name) const { return sent_.contains(name); }

Status SentFiles::write(const std::string& name, Bytes content) {
  written_[name] = to_buffer(content);
  return ok();
}

}  // namespace vouch::cli
