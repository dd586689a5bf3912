// Planted faults and counters, common to the stand-in libraries.
#pragma once

#include <atomic>
#include <cstdint>

#include "tests/standin/standin.h"

namespace skein::standin {
namespace {  // one set per library; inline variables would be merged by the loader

std::atomic<int64_t> calls{0}, executions{0}, descriptors{0}, handles{0};
std::atomic<int64_t> fail_at{0};  // number of the call that fails; 0: none
std::atomic<bool> failed{false};

// Counts a call; true if a test has planned its failure.
bool planted_fault() {
  const int64_t number = ++calls;
  if (number != fail_at) return false;
  return failed = true;
}

const Standin table = {
    [](int64_t n) {
      if (n > 0) failed = false;
      fail_at = n > 0 ? calls + n : 0;
    },
    [] { return failed.load(); },
    [] { return calls.load(); },
    [] { return executions.load(); },
    [] { return descriptors.load(); },
    [] { return handles.load(); },
};

}  // namespace
}  // namespace skein::standin
