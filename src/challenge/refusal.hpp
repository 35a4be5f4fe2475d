#pragma once
// Why a challenge is refused: a code that can be looked up, and for the administrator what was expected and
// what came. The device learns the code only.

#include <optional>
#include <string>
#include <string_view>

namespace vouch::challenge {

enum class Code {
#define VOUCH_CODE(name, text, mend) name,
#include "challenge/codes.def"
#undef VOUCH_CODE
};
std::string_view name_of(Code code);  // "ChallengeExpired"
std::string_view text_of(Code code);  // what it means, a part of a sentence
std::string_view mend_of(Code code);

struct Refusal {
  Code code{};
  std::string expected{}, received{};  // never a challenge itself
};

}  // namespace vouch::challenge
