// Text laid out for a terminal: widths, colours, and what pipes and dumb terminals get.
#include "base/terminal/terminal.h"

#include <gtest/gtest.h>

#include "base/terminal/standard_files.h"
#include "tests/support/environment_variable.h"
#include "tests/support/pseudo_terminal.h"

namespace skein::testing {
namespace {

TEST(Wrap, ContinuesUnderTheSecondField) {
  EXPECT_EQ(wrap("data     12 training and 3 test images\nrun      short\n", 24),
            "data     12 training and\n         3 test images\nrun      short\n");
  // Labels of eight letters leave one space.
  EXPECT_EQ(wrap("averaged 12.00 % after the last  epoch\n", 24), "averaged 12.00 % after\n         the last  epoch\n");
  // No column of its own, or one beyond half of the width.
  EXPECT_EQ(wrap("one two three four", 9), "one two\n  three\n  four");
  EXPECT_EQ(wrap("  --epochs N [30]          passes over the data", 30), "  --epochs N [30]\n    passes over the data");
}

TEST(Wrap, KeepsWordsThatAreWiderThanALineAndEveryCharacter) {
  EXPECT_EQ(wrap("saved    /a/very/long/path/of/a/run and more", 20),
            "saved\n         /a/very/long/path/of/a/run\n         and more");
  EXPECT_EQ(wrap("", 20), "");
  EXPECT_EQ(wrap("\n  \n", 20), "\n  \n");
  const std::string text = "a é\u4e2d b  ccc d e f g h i j k l m n o p\n";
  for (int width = 1; width < 40; ++width) {
    std::string wrapped = wrap(text, width), plain = text;
    std::erase_if(wrapped, [](char c) { return c == ' ' || c == '\n'; });
    std::erase_if(plain, [](char c) { return c == ' ' || c == '\n'; });
    EXPECT_EQ(wrapped, plain) << width;
  }
}

TEST(Wrap, CountsCharactersWithoutColours) {
  EXPECT_EQ(columns_of("d\u00e9j\u00e0 \x1b[32mvu\x1b[0m"), 7);
  EXPECT_EQ(columns_of("\x1b[K from here"), 13) << "it is no colour, and the m is that of a word";
  EXPECT_EQ(wrap("\u00e9\u00e9\u00e9 \x1b[32mbest\x1b[0m", 8), "\u00e9\u00e9\u00e9 \x1b[32mbest\x1b[0m");
}

TEST(Terminal, ColoursOnlyWhereTheyAreWanted) {
  const PseudoTerminal terminal(60);
  const EnvironmentVariable term("TERM", "xterm");
  EXPECT_EQ(terminal_width(terminal.slave), 60);
  terminal.resize(20);
  EXPECT_EQ(terminal_width(terminal.slave), 20);
  {
    const EnvironmentVariable none("NO_COLOR", "");
    EXPECT_EQ(styled("best", Style::good, terminal.slave), "\x1b[32mbest\x1b[0m");
  }
  {
    const EnvironmentVariable none("NO_COLOR", "1");
    EXPECT_EQ(styled("best", Style::good, terminal.slave), "best");
    EXPECT_EQ(fit("one two three four five", terminal.slave), "one two three four\n  five");
  }
  {
    const EnvironmentVariable rank("OMPI_COMM_WORLD_RANK", "0");
    EXPECT_FALSE(is_live_terminal(terminal.slave)) << "mpirun's own output may be a file";
  }
  const EnvironmentVariable dumb("TERM", "dumb");
  EXPECT_EQ(styled("best", Style::good, terminal.slave), "best");
  EXPECT_EQ(fit("one two three four five", terminal.slave), "one two three four five");
}

TEST(Terminal, ACommandToCopyStaysWhole) {
  const PseudoTerminal terminal(30);
  const EnvironmentVariable term("TERM", "xterm");
  std::string text;
  {
    const StdoutOn redirected(terminal);
    report_command("evaluate", {"skein", "eval", "--checkpoint", "runs/my first run/checkpoints/best"});
    report("saved    {} and {}\n", "runs/first", "runs/second");
    text = terminal.text("second\r\n");
  }
  EXPECT_EQ(text,
            "evaluate skein eval --checkpoint 'runs/my first run/checkpoints/best'\r\n"
            "saved    runs/first and\r\n         runs/second\r\n");
}

TEST(Terminal, PipesAndFilesGetPlainLines) {
  int pipe[2];
  ASSERT_EQ(pipe2(pipe, O_CLOEXEC), 0);
  const std::string line(300, 'x');
  EXPECT_EQ(fit(line + " " + line, pipe[1]), line + " " + line);
  EXPECT_EQ(styled("best", Style::good, pipe[1]), "best");
  EXPECT_EQ(terminal_width(pipe[1]), 80);
  close(pipe[0]);
  close(pipe[1]);
}

}  // namespace
}  // namespace skein::testing
