#include "challenge/refusal.hpp"

#include <array>

namespace vouch::challenge {
namespace {

struct Row {
  std::string_view name, text, mend;
};
constexpr Row kRows[] = {
#define VOUCH_CODE(name, text, mend) {#name, text, mend},
#include "challenge/codes.def"
#undef VOUCH_CODE
};

const Row& row_of(Code code) { return kRows[static_cast<std::size_t>(code)]; }

}  // namespace

std::string_view name_of(Code code) { return row_of(code).name; }
std::string_view text_of(Code code) { return row_of(code).text; }
std::string_view mend_of(Code code) { return row_of(code).mend; }

}  // namespace vouch::challenge
