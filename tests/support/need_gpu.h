// Tests that need a GPU, a real or an emulated one, are skipped where there is none, with the reason. With
// SKEIN_REQUIRE_GPU set they fail instead, and an emulated GPU does not count.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "kernels/device/emulated.h"
#include "kernels/device/runtime.h"

namespace skein {

inline bool gpu_required() {
  const char* value = std::getenv("SKEIN_REQUIRE_GPU");
  return value && std::string(value) != "" && std::string(value) != "0";
}

// The reason why there is no GPU to test on; empty: there is one.
inline std::string gpu_absent() {
  if (!cuda::available()) return cuda::absent_reason();
  if (gpu_required() && cuda::emulated()) return "SKEIN_REQUIRE_GPU asks for a GPU, and this build has an emulated one";
  return "";
}

}  // namespace skein

// In SetUp() or at the top of a test: SKIP_IF(gpu_absent());
#define SKIP_IF(reason)                                       \
  if (const std::string needs_ = (reason); !needs_.empty()) { \
    if (::skein::gpu_required()) FAIL() << needs_;            \
    GTEST_SKIP() << needs_;                                   \
  }                                                           \
  static_assert(true)
