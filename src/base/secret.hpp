#pragma once
// Text that nobody else may see: overwritten when it goes, and without a way into a log line by accident.

#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"

namespace vouch {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  // Short texts lie inside the string, so a move leaves a copy behind.
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }
  Secret& operator=(Secret other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~Secret() { wipe(text_); }

  std::string_view text() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret& other) const {
    return equal_constant_time(as_bytes(text_), as_bytes(other.text_));
  }

 private:
  std::string text_;
};

}  // namespace vouch
