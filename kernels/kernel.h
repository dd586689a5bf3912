// A kernel is one object: its name, one function per back end, and its cost.
//
//   SKEIN_KERNEL(axpy, Axpy, axpy_cost);       in namespace skein declares cpu::axpy, cuda::axpy and kernel::axpy
//   queue.run(kernel::axpy, 1.0f, x, y);       kernels/device/queue.h
//
// The contract is the function type, void(Stream, operands...). A cost of another type does not compile; a back end of
// another type does not link. `cuda` is null in a build without the CUDA back end (SKEIN_NO_CUDA).
// nvcc parses this header for every .cu file, so it includes no header of the standard library but <type_traits>.
#pragma once

#include <type_traits>

#include "kernels/view.h"

namespace skein {

// Work of one call, computed from its operands without reading them. Benchmarks, `skein summary` and `skein plan` take
// their numbers from here.
struct Cost {
  double bytes = 0;   // bytes moved: each operand once, twice if it is read and written
  double flops = 0;   // of a matrix product or a convolution, 2 per multiply-add; 0: bound by memory alone
  double reread = 0;  // bytes of further passes over operands that are too large for a cache
  double all_bytes() const { return bytes + reread; }
  Cost& operator+=(const Cost& c) {
    bytes += c.bytes, flops += c.flops, reread += c.reread;
    return *this;
  }
  bool operator==(const Cost&) const = default;
};

// Bytes of an operand: 0 if it is absent or not a View.
template <class Operand>
double bytes_of(const Operand& operand) {
  if constexpr (std::is_same_v<Operand, View>)
    return operand ? double(operand.bytes()) : 0;
  else
    return 0;
}

// The cost of most kernels: every View among the operands is moved once. The statistics within a struct (C numbers)
// are left out.
template <class... P>
Cost each_once(P... operands) {
  return {(0.0 + ... + bytes_of(operands))};
}

template <class Contract>
struct Kernel;

template <class... P>
struct Kernel<void(Stream, P...)> {
  const char* name;
  void (*cpu)(Stream, P...);
  void (*cuda)(Stream, P...);
  Cost (*cost)(P...);
  const char* label = nullptr;  // in tables of layers; null: the name in words, without "forward"
};

}  // namespace skein

#ifdef SKEIN_NO_CUDA
#define SKEIN_ON_CUDA(function) nullptr
#else
#define SKEIN_ON_CUDA(function) cuda::function
#endif

// Further arguments: the cost and, if the name is not fit for tables, the label. tests/kernels/tables_test.cpp fails
// for a kernel without a row in cases/.
#define SKEIN_KERNEL(name, Contract, ...)                                                     \
  namespace cpu {                                                                             \
  Contract name;                                                                              \
  }                                                                                           \
  namespace cuda {                                                                            \
  Contract name;                                                                              \
  }                                                                                           \
  namespace kernel {                                                                          \
  inline constexpr Kernel<Contract> name{#name, cpu::name, SKEIN_ON_CUDA(name), __VA_ARGS__}; \
  }
