// skein watch: its lines of blocks, and what it prints of a log into a pipe.
#include "apps/commands.h"
#include "apps/runs/sparkline.h"
#include "tests/support/command_output.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

TEST(Sparkline, FitsTheWidth) {
  EXPECT_EQ(sparkline({0, 1, 2, 3, 4, 5, 6, 7}, 20, true), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({0, 0, 7, 7}, 2, false), "_#");
  EXPECT_EQ(sparkline({1, NAN, 2}, 9, false), "_ #");
  EXPECT_EQ(sparkline({5, 5}, 9, false), "__");
  EXPECT_EQ(sparkline({1, 2}, -3, true), "");
  EXPECT_EQ(cut_to("a▁b", 2), "a▁");
}

TEST(Watch, PrintsOnceIntoAPipe) {
  const TempDir dir;
  write_file(dir / "config.toml", "epochs = 2\n");
  write_file(dir / "metrics.jsonl",
             R"({"type":"step","step":1,"epoch":1,"loss":2.5,"lr":0.1})"
             "\n"
             R"({"type":"round","round":1,"step":1,"steps":4,"compute_seconds":[0.01,0.02],"distance":[0.5,0.25]})"
             "\n"
             R"({"type":"epoch","epoch":1,"step":1,"test_top1":80,"seconds":3,"img_per_s":100})"
             "\n"
             R"({"type":"epoch","epoch":2,"step":2,"test_top1":91.5,"seconds":6,"img_per_s":100})"
             "\n");
  const auto watch = [&](const std::string& target) {
    return command_output(add_watch_command, {"watch", dir.str(), "--target", target, "--once"});
  };
  const std::string text = watch("0.9");
  for (const char* line : {"done, epoch 2 of 2, step 2, 6 s", "test top-1     91.50 %", "local steps          4",
                           "target       90 % reached in epoch 2, after 6 s", "worker  compute ms  distance",
                           "     1        20.0      0.25"})
    EXPECT_NE(text.find(line), std::string::npos) << line << " is not in\n" << text;
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_NE(watch("0.95").find("95 % not reached yet; best 91.50 %"), std::string::npos);
}

}  // namespace
}  // namespace skein::testing
