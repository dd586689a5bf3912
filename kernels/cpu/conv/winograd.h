// 3x3, stride 1, padding 1 by Winograd's F(4x4, 3x3): 36 multiplications where the direct sum takes 144. A tile of 4x4
// outputs sees 6x6 inputs; with U = B'xB and V = GwG' (per pair of channels) the result is A'(U.V)A, and the gradient
// of the weights is the transpose of the same map, dw = G'(sum over tiles U.(A dy A'))G. At each of the 36 positions
// U.V is a gemm() over channels (forward, backward data) or over tiles (backward weights). The backward-data pass is
// the forward pass of the flipped, transposed weights. A strip is one row of tiles of one image.
#pragma once

#include <omp.h>

#include "kernels/cpu/conv/winograd_strips.h"

namespace skein::cpu {
namespace {

// x (N,H,W,C) -> y (N,H,W,O), or dy -> dx with `flip`.
template <class Isa>
void winograd_data(const ConvShape& s, bool flip, const float* x, const float* w, float* y) {
  const Image from{s.h, s.w, flip ? s.o : s.c}, to{s.h, s.w, flip ? s.c : s.o};
  const Strips strips(from);
  const int64_t columns = filled(to.c), width = panel_width<Isa>(columns), packed_plane = from.c * columns;
  const int64_t packed_size = kPositions * packed_plane, zeros_size = in_lines(from.row());
  const int64_t u_plane = strips.plane(from.c), m_plane = strips.plane(to.c), m_size = kPositions * m_plane;
  const int64_t thread_size = kPositions * u_plane + m_size;
  float* packed = static_cast<float*>(
      conv_scratch(size_t(packed_size + zeros_size + omp_get_max_threads() * thread_size) * sizeof(float)));
  float* zeros = packed + packed_size;
#pragma omp parallel
  {
    const Share inner = share(from.c), all = share(s.n * strips.rows);
    pack_weights<Isa>(s, flip, w, inner.begin, inner.end, packed);
#pragma omp single
    __builtin_memset(zeros, 0, size_t(zeros_size) * sizeof(float));
    float* m = zeros + zeros_size + omp_get_thread_num() * thread_size;
    float* u = m + m_size;
    for (int64_t begin = all.begin; begin < all.end; begin += strips.per_block) {
      const int64_t end = smaller(begin + strips.per_block, all.end);
      for (int64_t i = begin; i < end; ++i)
        strip_to_input<Isa>(x + i / strips.rows * from.size(), from, from.c, i % strips.rows, zeros,
                            u + (i - begin) * strips.tiles * filled(from.c), u_plane);
      const Gemm g{.rows = (end - begin) * strips.tiles,
                   .columns = columns,
                   .outer = 1,
                   .inner = from.c,
                   .a_step = filled(from.c),
                   .a_outer = 0,
                   .b_inner = width,
                   .b_outer = 0,
                   .b_panel = from.c * width,
                   .c_row = columns};
      const int64_t next = strips.offset(end, from),
                    after = strips.offset(smaller(end + strips.per_block, all.end), from);
      const int64_t first = strips.offset(begin, to), last = strips.offset(end, to);
      for (int p = 0; p < kPositions; ++p) {
        prefetch<false>(x + next, after - next, p, kPositions);
        prefetch<true>(y + first, last - first, p, kPositions);
        gemm<Isa, false>(g, u + p * u_plane, packed + p * packed_plane, m + p * m_plane);
      }
      for (int64_t i = begin; i < end; ++i)
        strip_from_product<Isa>(m + (i - begin) * strips.tiles * columns, m_plane, y + i / strips.rows * to.size(), to,
                                i % strips.rows);
    }
  }
}

// What one thread of winograd_weights() adds up: the strips `all`, channels [first, first + count) of x.
struct Part {
  Share all;
  int64_t first, count;
};

// sum[position][count][O] += U.(A dy A') over the strips of a part; positions lie `plane` apart. u and d are scratch.
template <class Isa>
void add_strips(const ConvShape& s, const Strips& strips, Part part, const float* x, const float* dy,
                const float* zeros, float* u, float* d, float* sum, int64_t plane) {
  const Image input{s.h, s.w, s.c}, output{s.h, s.w, s.o};
  const int64_t row = filled(part.count), columns = filled(s.o);
  const int64_t u_plane = strips.plane(part.count), d_plane = strips.plane(s.o);
  for (int64_t begin = part.all.begin; begin < part.all.end; begin += strips.per_block) {
    const int64_t end = smaller(begin + strips.per_block, part.all.end);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / strips.rows, tile = (i - begin) * strips.tiles;
      strip_to_input<Isa>(x + n * input.size() + part.first, input, part.count, i % strips.rows, zeros, u + tile * row,
                          u_plane);
      strip_to_gradient<Isa>(dy + n * output.size(), output, i % strips.rows, d + tile * columns, d_plane);
    }
    const Gemm g{.rows = part.count,
                 .columns = columns,
                 .outer = 1,
                 .inner = (end - begin) * strips.tiles,
                 .a_step = row,
                 .a_outer = 0,
                 .b_inner = columns,
                 .b_outer = 0,
                 .b_panel = panel_width<Isa>(columns),
                 .c_row = columns};
    const int64_t after = smaller(end + strips.per_block, part.all.end);
    const int64_t next_x = strips.offset(end, input), size_x = strips.offset(after, input) - next_x;
    const int64_t next_d = strips.offset(end, output), size_d = strips.offset(after, output) - next_d;
    for (int p = 0; p < kPositions; ++p) {
      prefetch<false>(x + next_x, size_x, p, kPositions);
      prefetch<false>(dy + next_d, size_d, p, kPositions);
      gemm<Isa, true>(g, u + p * u_plane, d + p * d_plane, sum + p * plane);
    }
  }
}

// Threads take images each, and have sums of their own that are added at the end; with many channels, where that would
// take as much memory and time as making the sums, threads take channels of x each.
template <class Isa>
void winograd_weights(const ConvShape& s, const float* x, const float* dy, float* dw) {
  const Strips strips({s.h, s.w, s.c});
  const int64_t threads = omp_get_max_threads(), plane = s.c * filled(s.o), sum_size = kPositions * plane;
  const bool by_channel = threads > 1 && s.c >= 128 * threads;
  const int64_t most = by_channel ? in_lines((s.c + threads - 1) / threads) : s.c;  // channels of a thread
  const int64_t u_size = kPositions * strips.plane(most), thread_size = u_size + kPositions * strips.plane(s.o);
  const int64_t sums_size = (by_channel ? 1 : threads) * sum_size, zeros_size = in_lines(s.w * s.c);
  float* sums =
      static_cast<float*>(conv_scratch(size_t(sums_size + threads * thread_size + zeros_size) * sizeof(float)));
  float* zeros = sums + sums_size + threads * thread_size;
  __builtin_memset(sums, 0, size_t(by_channel ? sum_size : 0) * sizeof(float));
  __builtin_memset(zeros, 0, size_t(zeros_size) * sizeof(float));
#pragma omp parallel
  {
    const int64_t thread = omp_get_thread_num(), team = omp_get_num_threads(), rows = s.n * strips.rows;
    float* u = sums + sums_size + thread * thread_size;
    if (by_channel) {
      for (int64_t first = thread * most; first < s.c; first += team * most)
        add_strips<Isa>(s, strips, {{0, rows}, first, smaller(most, s.c - first)}, x, dy, zeros, u, u + u_size,
                        sums + first * filled(s.o), plane);
    } else {
      float* sum = sums + thread * sum_size;
      __builtin_memset(sum, 0, size_t(sum_size) * sizeof(float));
      add_strips<Isa>(s, strips, {share(rows), 0, s.c}, x, dy, zeros, u, u + u_size, sum, plane);
    }
#pragma omp barrier
    const Share channels = share(s.c);
    unpack_weights<Isa>(s, sums, by_channel ? 1 : team, channels.begin, channels.end, dw);
  }
}

// Where at most half of what is multiplied is filling: not the first layer's 3 channels, but DenseNet's 28 -> 12.
bool winograd_suits(ConvPass, const ConvShape& s) {
  return s.k == 3 && s.s == 1 && s.p == 1 && filled(s.c) * filled(s.o) <= 2 * s.c * s.o;
}

template <class Isa>
void winograd_run(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  if (pass == ConvPass::backward_weights)
    winograd_weights<Isa>(s, operands.in[0], operands.in[1], operands.out);
  else
    winograd_data<Isa>(s, pass == ConvPass::backward_data, operands.in[0], operands.in[1], operands.out);
}

}  // namespace
}  // namespace skein::cpu
