// Convolution by oneDNN: every shape, on any x86-64. Activations stay NHWC; weights are reordered into the layout that
// the primitive requires. Each calling thread caches primitives by shape and number of threads.
//
// oneDNN multiplies bf16 on AVX-512 (by AMX or AVX512_BF16 where the processor has them). Below that, bf16 operands are
// widened some images at a time, and oneDNN computes in f32.
#include <omp.h>

#include <algorithm>
#include <array>
#include <dnnl.hpp>
#include <map>
#include <memory>

#include "base/bf16.h"
#include "base/simd.h"
#include "kernels/cast.h"
#include "kernels/cpu/conv/implementation.h"
#include "kernels/cpu/dialect/workspace.h"
#include "kernels/vector.h"

namespace skein::cpu {

namespace {

using dnnl::memory;

struct Primitive {
  dnnl::primitive compute, reorder;  // reorder: w before, dw after; unused where the layouts agree
  memory source[2], result, weights, scratchpad;
  std::unordered_map<int, memory> arguments;
  bool reorders = false;
};

struct Cache {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::map<std::array<int64_t, 13>, Primitive> primitives;
};

Cache& cache() {
  thread_local Cache all;
  return all;
}

struct Descriptors {
  memory::desc x, w, y, w_any;
  memory::dims stride, padding;

  // `weights`: of w, or of dw, which is f32.
  Descriptors(const ConvShape& s, memory::data_type weights) {
    const auto type = s.bf16 ? memory::data_type::bf16 : memory::data_type::f32;
    x = {{s.n, s.c, s.h, s.w}, type, memory::format_tag::nhwc};
    y = {{s.n, s.o, s.oh, s.ow}, type, memory::format_tag::nhwc};
    w = {{s.o, s.c, s.k, s.k}, weights, memory::format_tag::ohwi};
    w_any = {{s.o, s.c, s.k, s.k}, weights, memory::format_tag::any};
    stride = {s.s, s.s};
    padding = {s.p, s.p};
  }
};

memory unbound(const memory::desc& d) { return memory(d, cache().engine, nullptr); }

// Common part of the three passes: the primitive, its scratchpad and the reorder of its weights.
template <class Description>
Primitive finish(const Description& pd, const dnnl::primitive& compute, const memory::desc& inner_weights,
                 const memory::desc& user_weights, bool weights_are_output) {
  Primitive p;
  p.compute = compute;
  p.reorders = inner_weights != user_weights;
  p.weights = unbound(inner_weights);
  p.scratchpad = unbound(pd.scratchpad_desc());
  if (p.reorders) {
    const memory::desc from = weights_are_output ? inner_weights : user_weights;
    const memory::desc to = weights_are_output ? user_weights : inner_weights;
    const dnnl::engine& engine = cache().engine;
    p.reorder = dnnl::reorder(dnnl::reorder::primitive_desc(engine, from, engine, to));
  }
  return p;
}

// oneDNN 2 describes an operation by a type of its own, Pass::desc; oneDNN 3 has none and takes the engine first.
constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;

template <class Pass = dnnl::convolution_forward>
typename Pass::primitive_desc describe_forward(const Descriptors& d, const dnnl::primitive_attr& attr) {
  constexpr auto kind = dnnl::prop_kind::forward_training;
  if constexpr (requires { typename Pass::desc; })
    return {{kind, kAlgorithm, d.x, d.w_any, d.y, d.stride, d.padding, d.padding}, attr, cache().engine};
  else
    return {cache().engine, kind, kAlgorithm, d.x, d.w_any, d.y, d.stride, d.padding, d.padding, attr};
}

template <class Pass>
typename Pass::primitive_desc describe_backward(const Descriptors& d, const dnnl::primitive_attr& attr,
                                                const dnnl::convolution_forward::primitive_desc& forward) {
  if constexpr (requires { typename Pass::desc; })
    return {{kAlgorithm, d.x, d.w_any, d.y, d.stride, d.padding, d.padding}, attr, cache().engine, forward};
  else
    return {cache().engine, kAlgorithm, d.x, d.w_any, d.y, d.stride, d.padding, d.padding, forward, attr};
}

Primitive make(ConvPass pass, const ConvShape& s) {
  using namespace dnnl;
  const auto type = s.bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  const Descriptors d(s, pass == ConvPass::backward_weights ? memory::data_type::f32 : type), hint(s, type);
  primitive_attr attr;
  attr.set_scratchpad_mode(scratchpad_mode::user);
  const convolution_forward::primitive_desc forward = describe_forward(hint, attr);
  Primitive p;
  if (pass == ConvPass::forward) {
    p = finish(forward, convolution_forward(forward), forward.weights_desc(), d.w, false);
    p.source[0] = unbound(d.x), p.source[1] = unbound(d.w), p.result = unbound(d.y);
    p.arguments = {{DNNL_ARG_SRC, p.source[0]}, {DNNL_ARG_WEIGHTS, p.source[1]}, {DNNL_ARG_DST, p.result}};
    if (p.reorders) p.arguments[DNNL_ARG_WEIGHTS] = p.weights;
  } else if (pass == ConvPass::backward_data) {
    const auto pd = describe_backward<convolution_backward_data>(d, attr, forward);
    p = finish(pd, convolution_backward_data(pd), pd.weights_desc(), d.w, false);
    p.source[0] = unbound(d.y), p.source[1] = unbound(d.w), p.result = unbound(d.x);
    p.arguments = {{DNNL_ARG_DIFF_DST, p.source[0]}, {DNNL_ARG_WEIGHTS, p.source[1]}, {DNNL_ARG_DIFF_SRC, p.result}};
    if (p.reorders) p.arguments[DNNL_ARG_WEIGHTS] = p.weights;
  } else {
    const auto pd = describe_backward<convolution_backward_weights>(d, attr, forward);
    p = finish(pd, convolution_backward_weights(pd), pd.diff_weights_desc(), d.w, true);
    p.source[0] = unbound(d.x), p.source[1] = unbound(d.y), p.result = unbound(d.w);
    p.arguments = {{DNNL_ARG_SRC, p.source[0]}, {DNNL_ARG_DIFF_DST, p.source[1]}, {DNNL_ARG_DIFF_WEIGHTS, p.result}};
    if (p.reorders) p.arguments[DNNL_ARG_DIFF_WEIGHTS] = p.weights;
  }
  p.arguments[DNNL_ARG_SCRATCHPAD] = p.scratchpad;
  return p;
}

Primitive& primitive_for(ConvPass pass, const ConvShape& s) {
  const std::array<int64_t, 13> key{
      int64_t(pass), omp_get_max_threads(), s.bf16, s.n, s.h, s.w, s.c, s.oh, s.ow, s.o, s.k, s.s, s.p};
  auto& primitives = cache().primitives;
  auto found = primitives.find(key);
  if (found == primitives.end()) found = primitives.emplace(key, make(pass, s)).first;
  return found->second;
}

bool suits(ConvPass, const ConvShape&) { return true; }

void run_as_given(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  Primitive& p = primitive_for(pass, s);
  const size_t weights_bytes = (p.weights.get_desc().get_size() + 63) / 64 * 64;
  char* scratch = static_cast<char*>(conv_scratch(weights_bytes + p.scratchpad.get_desc().get_size()));
  for (int i = 0; i < 2; ++i) p.source[i].set_data_handle(const_cast<void*>(operands.in[i]));
  p.result.set_data_handle(operands.out);
  p.weights.set_data_handle(scratch);
  p.scratchpad.set_data_handle(scratch + weights_bytes);

  dnnl::stream& stream = cache().stream;
  const bool after = pass == ConvPass::backward_weights;
  if (p.reorders && !after) p.reorder.execute(stream, {{DNNL_ARG_FROM, p.source[1]}, {DNNL_ARG_TO, p.weights}});
  p.compute.execute(stream, p.arguments);
  if (p.reorders && after) p.reorder.execute(stream, {{DNNL_ARG_FROM, p.weights}, {DNNL_ARG_TO, p.result}});
  stream.wait();
}

View vector(const void* data, DType type, int64_t size) { return {const_cast<void*>(data), type, {1, 1, 1, size}}; }

// The pass in f32, with widened copies of the weights and of 16 images at a time; dw is summed in the order of these.
void run_widened(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  constexpr int64_t kImages = 16;
  const bool forward = pass == ConvPass::forward, to_weights = pass == ConvPass::backward_weights;
  const int64_t x = s.h * s.w * s.c, y = s.oh * s.ow * s.o, w = s.o * s.k * s.k * s.c;
  // Numbers of each operand: per image, or of the weights.
  const int64_t sizes[] = {pass == ConvPass::backward_data ? y : x, to_weights ? y : w,
                           forward      ? y
                           : to_weights ? w
                                        : x};
  thread_local Workspace workspaces[3];
  float* copy[3];
  for (int i = 0; i < 3; ++i) {
    const bool of_weights = i == (to_weights ? 2 : 1);
    copy[i] = workspaces[i].take<float>(sizes[i] * (of_weights ? 1 : kImages));
  }
  const auto widen = [&](int i, int64_t first, int64_t size) {
    cast(nullptr, vector(static_cast<const Bf16*>(operands.in[i]) + first, DType::bf16, size),
         vector(copy[i], DType::f32, size));
  };
  if (!to_weights) widen(1, 0, w);
  ConvShape part = s;
  part.bf16 = false;
  for (int64_t n = 0; n < s.n; n += kImages) {
    part.n = std::min(kImages, s.n - n);
    widen(0, n * sizes[0], part.n * sizes[0]);
    if (to_weights) widen(1, n * sizes[1], part.n * sizes[1]);
    run_as_given(pass, part, {{copy[0], copy[1]}, to_weights && n == 0 ? operands.out : copy[2]});
    if (to_weights && n > 0)
      axpy(nullptr, 1.0f, vector(copy[2], DType::f32, w), vector(operands.out, DType::f32, w));
    else if (!to_weights)
      cast(nullptr, vector(copy[2], DType::f32, part.n * sizes[2]),
           vector(static_cast<Bf16*>(operands.out) + n * sizes[2], DType::bf16, part.n * sizes[2]));
  }
}

// Whether a row or column of the kernel lies beyond the border of `size` pixels for each of `outputs` places.
bool sees_the_border_alone(const ConvShape& s, int64_t size, int64_t outputs) {
  for (int64_t tap = 0; tap < s.k; ++tap) {
    bool sees = false;
    for (int64_t q = 0; q < outputs; ++q) sees |= q * s.s - s.p + tap >= 0 && q * s.s - s.p + tap < size;
    if (!sees) return true;
  }
  return false;
}

// What oneDNN 2.6 computes wrongly in bf16, and not in f32: the gradient of a tap that sees the border alone stays as
// it was in memory, and 1x1 kernels of an odd number of filters give other data gradients.
bool fails_in_bf16(ConvPass pass, const ConvShape& s) {
  if (pass == ConvPass::backward_data) return s.k == 1 && s.o % 2 == 1;
  return pass == ConvPass::backward_weights &&
         (sees_the_border_alone(s, s.w, s.ow) || sees_the_border_alone(s, s.h, s.oh));
}

void run_in_type(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  static const bool has_bf16 = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
  (s.bf16 && (!has_bf16 || fails_in_bf16(pass, s)) ? run_widened : run_as_given)(pass, s, operands);
}

// The pixels of x (N,h,w,C) that a 1x1 kernel sees, as an image (N,oh,ow,C).
template <class T>
void copy_seen(const ConvShape& s, const T* x, T* seen) {
  parallel_ranges(s.n * s.oh, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t q = 0; q < s.ow; ++q)
        std::copy_n(x + ((row / s.oh * s.h + row % s.oh * s.s) * s.w + q * s.s) * s.c, s.c,
                    seen + (row * s.ow + q) * s.c);
  });
}

// oneDNN's weight gradient of a 1x1 kernel with a stride copies the pixels that it sees, and beyond the end of its
// memory if they have fewer channels than a vector: into another thread's copy, and into whatever comes next
// (github.com/uxlfoundation/oneDNN/issues/6035). It gets a copy.
void run(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  constexpr int64_t kVector = 16;
  if (pass != ConvPass::backward_weights || s.k > 1 || s.s == 1 || s.p > 0 || s.c >= kVector)
    return run_in_type(pass, s, operands);
  thread_local Workspace workspace;
  void* const seen = workspace.bytes(size_t(s.n * s.oh * s.ow * s.c) * (s.bf16 ? sizeof(Bf16) : sizeof(float)));
  if (s.bf16)
    copy_seen(s, static_cast<const Bf16*>(operands.in[0]), static_cast<Bf16*>(seen));
  else
    copy_seen(s, static_cast<const float*>(operands.in[0]), static_cast<float*>(seen));
  ConvShape unit = s;
  unit.h = s.oh, unit.w = s.ow, unit.s = 1;
  run_in_type(pass, unit, {{seen, operands.in[1]}, operands.out});
}

}  // namespace

const ConvImplementation kConvOneDnn{"onednn", suits, run};

}  // namespace skein::cpu
