// The manual page and the completions describe every command and every option, and shells accept them.
#include "apps/manual.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

enum class Fruit : uint8_t { apple, pear };
constexpr auto names_of(Fruit) { return std::array{"apple", "pear"}; }

struct Fixture {
  int64_t count = 3;
  bool quiet = false, ripe = true, loud = false;
  Fruit fruit = Fruit::pear;
  std::string file;
  Command root{"tool", "tool: does work's share"};

  Fixture() {
    Command& group = root.add("group", "Commands: two");
    Command& work = group.add("work", "Works with 'quotes', \\ and $HOME");
    work.group("Things");
    work.option("--count", count, "how many", {"N"});
    work.option("--fruit", fruit, ".starts with a dot: it's [one] of two");
    work.flag("--quiet", quiet, "say nothing");
    work.on_off("--ripe", ripe, "only ripe ones");
    work.option("file", file, "what to read");
    root.add("rest", "Rests");
    root.add("work", "Works alone").flag("--loud", loud, "be heard");
  }
};

TEST(Manual, HasEveryCommandAndOption) {
  const Fixture f;
  const std::string page = manual_page(f.root);
  for (const char* part : {".SS tool group work", "\\-\\-count", "\\fIN\\fR", "how many [3]", "\\&.starts with a dot",
                           "\\-\\-no\\-ripe", "\\e and $HOME"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
}

// Bash itself completes the words; prints the candidates in one line.
std::string bash_completes(const std::string& script, const std::string& words) {
  const TempDir folder;
  write_file(folder / "script", script);
  const std::string run = fmt::format(
      "bash -c 'source {0}/script; COMP_WORDS=({1} \"\"); [[ \"{1}\" == *- ]] && COMP_WORDS=({1}); "
      "COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _tool; echo \"${{COMPREPLY[*]}}\" > {0}/out'",
      folder.str(), words);
  EXPECT_EQ(std::system(run.c_str()), 0) << words;
  return read_file(folder / "out");
}

TEST(Manual, BashCompletes) {
  const std::string script = bash_completion(Fixture().root);
  EXPECT_EQ(bash_completes(script, "tool"), "group rest work\n");
  EXPECT_EQ(bash_completes(script, "tool group"), "work\n");
  EXPECT_EQ(bash_completes(script, "tool group work -"), "--help --count --fruit --quiet --ripe --no-ripe\n");
  EXPECT_EQ(bash_completes(script, "tool group work --count 5 --fruit"), "apple pear\n");
  EXPECT_EQ(bash_completes(script, "tool group work --count"), "\n");  // files, by complete -o default
}

TEST(Manual, OtherShellsGetEveryOption) {
  const Fixture f;
  const std::string zsh = zsh_completion(f.root), fish = fish_completion(f.root);
  for (const char* part : {"'work:Works with '\\''quotes'\\''", "'*--fruit'", ":value:(apple pear)", "'*--no-ripe'",
                           "\"tool group work\")", "[.starts with a dot\\: it'\\''s \\[one\\] of two]"})
    EXPECT_NE(zsh.find(part), std::string::npos) << part;
  for (const char* part : {"-a work -d 'Works with '\\''quotes'\\''", "-l fruit -x -a 'apple pear'", "-l no-ripe",
                           "__fish_seen_subcommand_from group; and __fish_seen_subcommand_from work",
                           "__fish_seen_subcommand_from work; and not __fish_seen_subcommand_from group"})
    EXPECT_NE(fish.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace skein::testing
