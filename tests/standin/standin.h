// What tests see of the stand-ins for cuDNN and cuBLAS: faults planted, counts read. Each library exports one of these
// as skein_standin().
#pragma once

#include <cstdint>

namespace skein {

struct Standin {
  // The n-th call from now (1: the next) that returns a status fails; 0: none does.
  void (*fail_call)(int64_t n);
  bool (*call_failed)();     // the planned failure has come to pass
  int64_t (*calls)();        // that return a status
  int64_t (*executions)();   // put on streams: plans of cuDNN, products of cuBLAS
  int64_t (*descriptors)();  // alive
  int64_t (*handles)();      // alive
};
using StandinFunction = const Standin*();

}  // namespace skein
