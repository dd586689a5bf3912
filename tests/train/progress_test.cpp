// The line of a run's progress on terminals of several widths.
#include "train/run/progress.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/terminal/terminal.h"
#include "tests/support/environment_variable.h"
#include "tests/support/pseudo_terminal.h"

namespace skein::testing {
namespace {

// What a display writes to a terminal for the last of the steps 1 to `steps` of 10, one a second with 64 images each;
// the first takes a minute.
std::string drawn(int columns, int64_t steps) {
  const PseudoTerminal terminal(columns);
  const StdoutOn redirected(terminal);
  std::string text;
  ProgressDisplay display(2, 10, true);
  for (int64_t step = 1; step <= steps; ++step) {
    StepMetrics m{};
    m.step = step, m.epoch = 1, m.step_in_epoch = step, m.images = 64, m.lr = 0.1;
    m.totals.loss = 64.0 * double(step), m.totals.seconds = 59.0 + double(step);
    m.totals.images = 64 * step, m.totals.correct = 16 * step;
    if (step > 1) std::this_thread::sleep_for(std::chrono::milliseconds(101));  // a line is drawn ten times a second
    display.show(m);
    text = terminal.text("\x1b[K");
  }
  return text;
}

TEST(ProgressDisplay, KeepsToTheWidthAndDropsWhatMattersLeast) {
  const EnvironmentVariable term("TERM", "xterm");
  EXPECT_EQ(drawn(120, 4),
            "\repoch 1/2 [=========               ]  4/10  loss 1.000  top-1 25.0 %  64 img/s  wait 0.0 %  lr 0.1  "
            "16 s left\x1b[K");
  EXPECT_EQ(drawn(80, 4), "\repoch 1/2  4/10  loss 1.000  top-1 25.0 %  64 img/s  lr 0.1  16 s left\x1b[K");
  EXPECT_EQ(drawn(60, 4), "\repoch 1/2  4/10  loss 1.000  top-1 25.0 %  16 s left\x1b[K");
  EXPECT_EQ(drawn(20, 4), "\repoch 1/2\x1b[K");
}

// Redrawing goes back to the start of one line: a line break would leave a line behind at every step.
TEST(ProgressDisplay, IsOneLineAtEveryWidth) {
  const EnvironmentVariable term("TERM", "xterm");
  for (int columns = 10; columns <= 130; columns += columns < 100 ? 1 : 10) {
    const std::string text = drawn(columns, 1);
    EXPECT_EQ(text.find('\n'), std::string::npos) << columns << ": " << text;
    EXPECT_TRUE(text.starts_with("\r") && text.ends_with("\x1b[K")) << columns << ": " << text;
    EXPECT_LT(columns_of(text.substr(1, text.size() - 4)), columns) << text;
  }
}

// The first steps take memory and choose convolutions: they say nothing about the others.
TEST(ProgressDisplay, FirstStepsAreNotInTheSpeed) {
  const EnvironmentVariable term("TERM", "xterm");
  EXPECT_EQ(drawn(80, 1), "\repoch 1/2 [==                      ]  1/10  loss 1.000  top-1 25.0 %\x1b[K");
}

}  // namespace
}  // namespace skein::testing
