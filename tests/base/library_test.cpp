// Places where libraries of vendors are found: NVIDIA's packages of PyPI in a virtual environment.
#include "base/library.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/check.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

namespace fs = std::filesystem;

const LibraryNames kNames = {"Nothing 7", "SKEIN_NOTHING", {"libskein_nothing.so.7"}, "Install nothing"};

class PythonLibrary : public ::testing::Test {
 protected:
  PythonLibrary() {
    fs::create_directories(folder_);
    setenv("VIRTUAL_ENV", environment_.str().c_str(), 1);
  }
  ~PythonLibrary() override { before_.empty() ? unsetenv("VIRTUAL_ENV") : setenv("VIRTUAL_ENV", before_.c_str(), 1); }

  const std::string before_ = std::getenv("VIRTUAL_ENV") ? std::getenv("VIRTUAL_ENV") : "";
  const TempDir environment_;
  const fs::path folder_ = environment_ / "lib/python3.99/site-packages/nvidia/nothing/lib";
};

TEST_F(PythonLibrary, IsFoundInTheActiveEnvironment) {
  fs::create_symlink(built("libskein_nvtx_standin.so"), folder_ / kNames.files[0]);
  const Library library(kNames);
  EXPECT_EQ(library.path(), folder_ / kNames.files[0]);
  int (*function)(void*) = nullptr;
  library.find("InitializeInjectionNvtx2", function);
  EXPECT_NE(function, nullptr);
}

TEST_F(PythonLibrary, ThatIsBrokenIsNamed) {
  fs::copy_file(built("libskein_nvtx_standin.so"), folder_ / kNames.files[0]);
  fs::resize_file(folder_ / kNames.files[0], 100);
  try {
    Library{kNames};
    FAIL();
  } catch (const BadInput& error) {
    EXPECT_NE(std::string(error.what()).find((folder_ / kNames.files[0]).string()), std::string::npos) << error.what();
  }
}

TEST_F(PythonLibrary, GivesWayToTheVariable) {
  fs::create_symlink(built("libskein_nvtx_standin.so"), folder_ / kNames.files[0]);
  setenv("SKEIN_NOTHING", "/absent/libskein_nothing.so.7", 1);
  EXPECT_THROW(Library{kNames}, BadInput);
  unsetenv("SKEIN_NOTHING");
}

}  // namespace
}  // namespace skein::testing
