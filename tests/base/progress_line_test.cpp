// The line on a terminal, and that nothing else gets it.
#include "base/terminal/progress_line.h"

#include <gtest/gtest.h>

#include "base/formats/csv.h"
#include "tests/support/pseudo_terminal.h"

namespace skein::testing {
namespace {

TEST(ProgressLine, IsDrawnOnATerminalAndRemoved) {
  const PseudoTerminal terminal(30);
  {
    ProgressLine line("evaluating", 100, 0, terminal.slave);
    line.add(25);
    EXPECT_EQ(terminal.text("\x1b[K").substr(0, 28), "\revaluating  25/100 images  ");
  }
  EXPECT_EQ(terminal.text("\x1b[K"), "\r\x1b[K");
}

TEST(ProgressLine, ShortWorkAndOtherFilesGetNothing) {
  const PseudoTerminal terminal(80);
  int pipe[2];
  ASSERT_EQ(pipe2(pipe, O_NONBLOCK), 0);
  {
    ProgressLine brief("evaluating", 100, 60, terminal.slave), piped("evaluating", 100, 0, pipe[1]);
    brief.add(25);
    piped.add(25);
  }
  ASSERT_EQ(write(terminal.slave, "end", 3), 3);
  EXPECT_EQ(terminal.text("end"), "end");
  char byte = 0;
  EXPECT_EQ(read(pipe[0], &byte, 1), -1);
  close(pipe[0]);
  close(pipe[1]);
}

TEST(ProgressLine, DurationsAsPeopleSayThem) {
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(247), "4 min 07 s");
  EXPECT_EQ(format_duration(7500), "2 h 05 min");
}

TEST(Csv, QuotesFieldsThatNeedIt) {
  EXPECT_EQ(csv_field("T-shirt/top"), "T-shirt/top");
  EXPECT_EQ(csv_field("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
}

}  // namespace
}  // namespace skein::testing
