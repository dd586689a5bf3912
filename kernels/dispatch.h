// One body of a kernel for f32 and for bf16, on both back ends:
//
//   dispatch(x.dtype, [&]<class T>() { VectorLoops<T>::add_range(x.as<T>(), y.as<T>(), z.as<T>(), n); });
#pragma once

#include "base/bf16.h"
#include "base/check.h"
#include "kernels/view.h"

namespace skein {

// Calls body.operator()<T>() with T = float or Bf16.
template <class F>
void dispatch(DType t, F&& body) {
  CHECK(t == DType::f32 || t == DType::bf16, "a kernel for f32 and bf16 was given type {}", int(t));
  if (t == DType::f32)
    body.template operator()<float>();
  else
    body.template operator()<Bf16>();
}

}  // namespace skein
