// The tables of cases/ are complete: every kernel has a row that is a test, every op of the engine a gradient case.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "cases/op_case.h"

namespace skein::testing {
namespace {

const std::filesystem::path kTop = SKEIN_SOURCE_DIR;

// The matches of the pattern's group in the lines of a file.
std::set<std::string> names_in(const std::filesystem::path& file, const std::regex& pattern) {
  std::set<std::string> names;
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  std::smatch match;
  for (std::string line; std::getline(in, line);)
    if (std::regex_search(line, match, pattern)) names.insert(match[1]);
  return names;
}

TEST(Tables, HaveARowForEveryKernel) {
  std::set<std::string> tested;
  for (const OpCase& c : op_cases())
    if (!c.timed)
      for (const KernelCall& call : c.bind(Queue{}).calls()) tested.insert(call.name);
  size_t kernels = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kTop / "kernels"))
    if (entry.path().extension() == ".h")
      for (const std::string& name : names_in(entry.path(), std::regex("^SKEIN_KERNEL\\((\\w+),"))) {
        EXPECT_TRUE(tested.contains(name)) << entry.path().filename() << ": " << name << " has no row in cases/";
        ++kernels;
      }
  EXPECT_GE(kernels, 48u) << "SKEIN_KERNEL stands at the beginning of a line";
}

TEST(Tables, HaveAGradientCaseForEveryOp) {
  std::set<std::string> tested;
  for (const GradientCase& c : gradient_cases()) tested.insert(c.name.substr(0, c.name.find('+')));
  const std::set<std::string> ops = names_in(kTop / "engine/ops.h", std::regex("^(?:Var|Loss) (\\w+)\\("));
  EXPECT_GE(ops.size(), 13u);
  for (const std::string& op : ops) EXPECT_TRUE(tested.contains(op)) << op << " has no gradient case in cases/";
  EXPECT_TRUE(tested.contains("dense_features"));
}

}  // namespace
}  // namespace skein::testing
