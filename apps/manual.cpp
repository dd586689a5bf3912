#include "apps/manual.h"

#include <fmt/format.h>

namespace skein {
namespace {

// A text as roff prints it: hyphens that can be copied, and no line that is taken for a request.
std::string roff(const std::string& text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_start = c == '\n';
  }
  return out;
}

std::string signature(const Option& option) {
  const std::string value = *option.rules.type ? fmt::format(" \\fI{}\\fR", roff(option.rules.type)) : "";
  if (option.positional) return fmt::format("\\fI{}\\fR", roff(option.name));
  return fmt::format("\\fB\\-\\-{}\\fR{}", roff(option.name), value) +
         (option.negatable ? fmt::format(", \\fB\\-\\-no\\-{}\\fR", roff(option.name)) : "");
}

void add_options(const Command& command, std::string& page) {
  std::string group;
  for (const Option& option : command) {
    if (*option.group && group != option.group) page += fmt::format(".PP\n\\fI{}\\fR\n", roff(group = option.group));
    page += fmt::format(".TP\n{}\n{}", signature(option), roff(option.help));
    if (const std::string usual = text_of(option); !usual.empty() && !std::holds_alternative<bool*>(option.variable))
      page += fmt::format(" [{}]", roff(usual));
    else if (option.negatable)
      page += fmt::format(" [{}]", usual);
    page += '\n';
  }
}

void add_command(const Command& command, const std::string& path, std::string& page) {
  page += fmt::format(".SS {}\n{}\n", roff(path), roff(command.description));
  add_options(command, page);
  if (!command.footer.empty()) page += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(command.footer));
  for (const Command& c : command.commands) add_command(c, path + " " + c.name, page);
}

}  // namespace

std::string manual_page(const Command& root) {
  std::string page = fmt::format(
      ".TH {} 1 \"\" \"{}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n\\fIcommand\\fR "
      "[\\fIoptions\\fR]\n.SH DESCRIPTION\nEvery command prints its options with \\fB\\-\\-help\\fR.\n.SH COMMANDS\n",
      root.name, roff(root.version), root.name, roff(root.description.substr(root.description.find(' ') + 1)),
      root.name);
  for (const Command& c : root.commands) add_command(c, root.name + " " + c.name, page);
  page +=
      ".SH \"EXIT STATUS\"\n.TP\n0\nDone.\n.TP\n1\nThe run failed.\n.TP\n2\nThe command line or a file is wrong.\n"
      ".TP\n128+n\nStopped by signal n.\n";
  return page;
}

}  // namespace skein
