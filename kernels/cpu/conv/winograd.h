// 3x3 convolution of stride 1 and padding 1 by Winograd's F(4x4, 3x3): 36 multiplications per tile and pair of channels
// where the direct sum takes 144 (Lavin and Gray, arXiv 1509.09308, section 4). A tile of 4x4 outputs Y depends on 6x6
// inputs d. With filters g and ^T for transposed:
//
//   U = G g G^T      V = B^T d B      M = sum over channels of U.V      Y = A^T M A        (. is position by position)
//
// The weight gradient is the transpose of the same map: dM = A dY A^T, dU = sum over tiles of V.dM, dg = G^T dU G.
// Backward data is the forward pass with the filters flipped and transposed.
//
// At each of the 36 positions the sum is a gemm(): over channels (forward, backward data) or over tiles (backward
// weights). A strip is one row of tiles of one image; a block is the strips that one gemm() takes. Error:
// winograd_maps.h. bf16 operands are widened as they are read; everything between is f32.
#pragma once

#include <omp.h>

#include "kernels/cpu/conv/implementation.h"
#include "kernels/cpu/conv/winograd_panels.h"
#include "kernels/cpu/conv/winograd_strips.h"

namespace skein::cpu {
namespace {

// Forward x (N,H,W,C) -> y (N,H,W,O); with `flip` backward data dy (N,H,W,O) -> dx (N,H,W,C).
template <class Isa, class T>
void winograd_data(const ConvShape& s, bool flip, const T* x, const T* w, T* y) {
  const Image from{s.h, s.w, flip ? s.o : s.c}, to{s.h, s.w, flip ? s.c : s.o};
  const Strips strips(from);
  const int64_t columns = padded_channels(to.c), u_plane = from.c * columns;
  const int64_t u_size = kPositions * u_plane, zeros_size = in_lines(from.row());
  const int64_t v_plane = strips.plane(from.c), m_plane = strips.plane(to.c), m_size = kPositions * m_plane;
  const int64_t thread_size = kPositions * v_plane + m_size;
  float* u = static_cast<float*>(
      conv_scratch(size_t(u_size + zeros_size + omp_get_max_threads() * thread_size) * sizeof(float)));
  T* zeros = reinterpret_cast<T*>(u + u_size);  // a row of an image
#pragma omp parallel
  {
    const Range inner = range_of_thread(from.c), own = range_of_thread(s.n * strips.rows);
    transform_filters<Isa>(s, flip, w, {0, columns}, inner, u);
#pragma omp single
    __builtin_memset(zeros, 0, size_t(zeros_size) * sizeof(float));
    float* m = u + u_size + zeros_size + omp_get_thread_num() * thread_size;
    float* v = m + m_size;
    for (int64_t begin = own.begin; begin < own.end; begin += strips.per_block) {
      const int64_t end = smaller(begin + strips.per_block, own.end);
      for (int64_t i = begin; i < end; ++i)
        transform_data<Isa>(x + i / strips.rows * from.size(), from, from.c, i % strips.rows, zeros,
                            v + (i - begin) * strips.tiles * padded_channels(from.c), v_plane);
      const Gemm g = tiles_by_filters<Isa>((end - begin) * strips.tiles, from.c, columns);
      const int64_t next = strips.offset(end, from),
                    after = strips.offset(smaller(end + strips.per_block, own.end), from);
      const int64_t first = strips.offset(begin, to), last = strips.offset(end, to);
      for (int p = 0; p < kPositions; ++p) {
        prefetch<false>(x + next, after - next, p, kPositions);
        prefetch<true>(y + first, last - first, p, kPositions);
        gemm<Isa, false>(g, v + p * v_plane, u + p * u_plane, m + p * m_plane);
      }
      for (int64_t i = begin; i < end; ++i)
        inverse_transform<Isa>(m + (i - begin) * strips.tiles * columns, m_plane, y + i / strips.rows * to.size(), to,
                               to.c, i % strips.rows);
    }
  }
}

// du[position][C][O] += V.dM over the strips `own`. v and dm are scratch.
template <class Isa, class T>
void add_strips(const ConvShape& s, const Strips& strips, Range own, const T* x, const T* dy, const T* zeros, float* v,
                float* dm, float* du) {
  const Image input{s.h, s.w, s.c}, output{s.h, s.w, s.o};
  const int64_t row = padded_channels(s.c), columns = padded_channels(s.o);
  const int64_t v_plane = strips.plane(s.c), dm_plane = strips.plane(s.o);
  for (int64_t begin = own.begin; begin < own.end; begin += strips.per_block) {
    const int64_t end = smaller(begin + strips.per_block, own.end);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / strips.rows, tile = (i - begin) * strips.tiles;
      transform_data<Isa>(x + n * input.size(), input, s.c, i % strips.rows, zeros, v + tile * row, v_plane);
      transform_gradient<Isa>(dy + n * output.size(), output, i % strips.rows, dm + tile * columns, dm_plane);
    }
    const Gemm g = channels_by_gradients<Isa>(s.c, row, columns, (end - begin) * strips.tiles);
    const int64_t after = smaller(end + strips.per_block, own.end);
    const int64_t next_x = strips.offset(end, input), size_x = strips.offset(after, input) - next_x;
    const int64_t next_dy = strips.offset(end, output), size_dy = strips.offset(after, output) - next_dy;
    for (int p = 0; p < kPositions; ++p) {
      prefetch<false>(x + next_x, size_x, p, kPositions);
      prefetch<false>(dy + next_dy, size_dy, p, kPositions);
      gemm<Isa, true>(g, v + p * v_plane, dm + p * dm_plane, du + p * s.c * columns);
    }
  }
}

// Each thread takes a range of strips and has a dU of its own; these are added at the end.
template <class Isa, class T>
void winograd_weights(const ConvShape& s, const T* x, const T* dy, float* dw) {
  const Strips strips({s.h, s.w, s.c});
  const int64_t threads = omp_get_max_threads(), du_size = kPositions * s.c * padded_channels(s.o);
  const int64_t v_size = kPositions * strips.plane(s.c), thread_size = v_size + kPositions * strips.plane(s.o);
  float* all_du = static_cast<float*>(
      conv_scratch(size_t(threads * (du_size + thread_size) + in_lines(s.w * s.c)) * sizeof(float)));
  T* zeros = reinterpret_cast<T*>(all_du + threads * (du_size + thread_size));
  __builtin_memset(zeros, 0, size_t(in_lines(s.w * s.c)) * sizeof(float));
#pragma omp parallel
  {
    const int64_t thread = omp_get_thread_num(), team = omp_get_num_threads();
    float *du = all_du + thread * du_size, *v = all_du + threads * du_size + thread * thread_size;
    __builtin_memset(du, 0, size_t(du_size) * sizeof(float));
    add_strips<Isa>(s, strips, range_of_thread(s.n * strips.rows), x, dy, zeros, v, v + v_size, du);
#pragma omp barrier
    filter_gradients<Isa>(s, all_du, team, {0, s.c}, range_of_thread(s.c), dw);
  }
}

// Only if padding the channels to multiples of 16 at most doubles the work: excludes the 3-channel first layer,
// includes DenseNet's 28 -> 12.
bool winograd_suits(ConvPass, const ConvShape& s) {
  return s.k == 3 && s.s == 1 && s.p == 1 && padded_channels(s.c) * padded_channels(s.o) <= 2 * s.c * s.o;
}

template <class Isa, class T>
void winograd_pass(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  const T* const first = static_cast<const T*>(operands.in[0]);
  const T* const second = static_cast<const T*>(operands.in[1]);
  const bool panels = by_panels(s);
  if (pass == ConvPass::backward_weights)
    (panels ? winograd_weights_by_panels<Isa, T> : winograd_weights<Isa, T>)(s, first, second,
                                                                             static_cast<float*>(operands.out));
  else
    (panels ? winograd_data_by_panels<Isa, T> : winograd_data<Isa, T>)(s, pass == ConvPass::backward_data, first,
                                                                       second, static_cast<T*>(operands.out));
}

template <class Isa>
void winograd_run(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  (s.bf16 ? winograd_pass<Isa, Bf16> : winograd_pass<Isa, float>)(pass, s, operands);
}

}  // namespace
}  // namespace skein::cpu
