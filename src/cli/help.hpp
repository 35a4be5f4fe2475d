#pragma once
// Texts made from the command table: help, completion scripts, the manual page.

#include "cli/command.hpp"

namespace vouch::cli {

std::string_view program_version();

std::string overview();                          // vouch --help
std::string group_help(std::string_view group);  // vouch ca --help
std::string command_help(const Command& command);
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();
std::string manual_page();  // roff, section 1

}  // namespace vouch::cli
