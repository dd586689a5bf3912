// Helpers for the emulator's tests: numbers on the device, fixtures, and the fault that a launch causes.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/check.h"
#include "kernels/device/runtime.h"
#include "kernels/emulator/emulator.h"
#include "tests/emulator/faults.h"

namespace skein {

using cuda::emulator::Counts;

constexpr int64_t kThreads = faults::kThreads;
inline const std::vector<uint64_t> kSeeds = {0, 1, 2, 3, 4, 5};

// f32 numbers in device memory.
class Numbers {
 public:
  explicit Numbers(std::vector<float> values)
      : view_{cuda::allocate(values.size() * 4), DType::f32, {1, 1, 1, int64_t(values.size())}} {
    cuda::copy_from_host(nullptr, values.data(), view_);
  }
  explicit Numbers(size_t n, float value = 0.0f) : Numbers(std::vector<float>(n, value)) {}
  ~Numbers() { cuda::release(view_.data); }
  Numbers(const Numbers&) = delete;

  operator float*() const { return view_.as<float>(); }
  View view() const { return view_; }
  std::vector<float> get() const {
    std::vector<float> values(size_t(view_.numel()));
    cuda::copy_to_host(nullptr, view_, values.data());
    return values;
  }

 private:
  View view_;
};

inline std::vector<float> counting(size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = float(i);
  return values;
}

class Emulator : public ::testing::Test {
 protected:
  void TearDown() override {
    cuda::emulator::reset();
    cuda::emulator::set_seed(0);
  }
};

// The fault message that `launch` causes. Checks that the device then fails every call, and resets it.
template <class F>
std::string fault_of(F launch) {
  launch();
  EXPECT_THROW(cuda::synchronize(nullptr), RunFailed);
  const std::string fault = cuda::emulator::fault();
  EXPECT_THROW(cuda::synchronize(nullptr), RunFailed) << "the device has crashed for good";
  cuda::emulator::reset();
  return fault;
}

inline void expect_says(const std::string& text, const std::string& words) {
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, words, text);
}

class Streams : public Emulator {
 protected:
  void SetUp() override {
    before_ = cuda::emulator::counts();
    one = cuda::create_stream();
    two = cuda::create_stream();
  }
  void TearDown() override {
    cuda::destroy_stream(one);
    cuda::destroy_stream(two);
    Emulator::TearDown();
    const Counts after = cuda::emulator::counts();
    EXPECT_EQ(after.streams, before_.streams);
    EXPECT_EQ(after.events, before_.events);
    EXPECT_EQ(after.graphs, before_.graphs);
    EXPECT_EQ(after.executable_graphs, before_.executable_graphs);
    EXPECT_EQ(after.device_blocks, before_.device_blocks);
    EXPECT_EQ(after.pinned_blocks, before_.pinned_blocks);
  }

  Stream one = nullptr, two = nullptr;

 private:
  Counts before_;
};

}  // namespace skein
