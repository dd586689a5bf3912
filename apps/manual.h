// Texts that are made of the table of commands and options: a manual page, and completions for shells. They describe
// every command and every option, in the order of --help.
#pragma once

#include <string>

#include "apps/command_line.h"

namespace skein {

std::string manual_page(const Command& root);  // roff, macros man: man -l FILE

std::string bash_completion(const Command& root);
std::string zsh_completion(const Command& root);
std::string fish_completion(const Command& root);

}  // namespace skein
