// Test interface of the stand-ins for cuDNN and cuBLAS: planted faults and counters. Each library exports it as
// skein_standin().
#pragma once

#include <cstdint>

namespace skein {

struct Standin {
  // Plans a failure: the n-th call from now (1: the next) that returns a status fails; 0: none.
  void (*fail_call)(int64_t n);
  bool (*call_failed)();     // true once the planned failure has happened
  int64_t (*calls)();        // calls that return a status
  int64_t (*executions)();   // enqueued on streams: plans of cuDNN, products of cuBLAS
  int64_t (*descriptors)();  // live descriptors
  int64_t (*handles)();      // live handles
};
using StandinFunction = const Standin*();

}  // namespace skein
