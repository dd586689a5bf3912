#include "kernels/dense_block.h"

#include <cmath>

#include "base/check.h"
#include "kernels/cpu/dense_block_loops.h"
#include "kernels/cpu/dialect/element.h"
#include "kernels/cpu/dialect/workspace.h"

namespace skein::cpu {
namespace {

constexpr int64_t kChunk = 16384;  // elements, before rounding to whole rows

// Rows are summed in f32 in chunks that depend only on the shape; the chunks are added in double.
struct Chunks {
  int64_t rows, channels, chunk, count;
  explicit Chunks(View dense)
      : rows(dense.rows()),
        channels(dense.channels()),
        chunk(std::max<int64_t>(1, kChunk / channels)),
        count((rows + chunk - 1) / chunk) {}
};

template <class T>
Rows<T> rows_of(View v, int64_t row, int64_t channel = 0) {
  return {v.as<T>() + row * v.channels() + channel, v.channels()};
}

// Two sums by channel. Calls sums(first row, rows, first sum, second sum) for every chunk, then total(channel, first,
// second) for every channel.
template <class Sums, class Total>
void sum_chunks(const Chunks& l, Sums&& sums, Total&& total) {
  thread_local Workspace workspace;
  float* partial = workspace.take<float>(2 * l.count * l.channels);
  parallel_ranges(l.count, 1, [&](int64_t begin, int64_t end) {
    std::fill(partial + begin * 2 * l.channels, partial + end * 2 * l.channels, 0.0f);
    for (int64_t i = begin; i < end; ++i) {
      float* first = partial + i * 2 * l.channels;
      sums(i * l.chunk, std::min(l.chunk, l.rows - i * l.chunk), first, first + l.channels);
    }
  });
  for (int64_t c = 0; c < l.channels; ++c) {
    double first = 0, second = 0;
    for (int64_t i = 0; i < l.count; ++i) {
      first += double(partial[i * 2 * l.channels + c]);
      second += double(partial[(i * 2 + 1) * l.channels + c]);
    }
    total(c, first, second);
  }
}

// scale = gamma*rstd by channel.
float* scales(int64_t channels, DenseStats stats, View gamma, float eps) {
  thread_local Workspace workspace;
  float* scale = workspace.take<float>(channels);
  for (int64_t c = 0; c < channels; ++c)
    scale[c] = float(double(gamma.as<float>()[c]) / std::sqrt(double(stats.var.as<float>()[c]) + double(eps)));
  return scale;
}

void check_block(View features, DenseStats stats, View dense, int64_t first, std::initializer_list<View> vectors) {
  CHECK(features.rows() == dense.rows() && first >= 0 && first + dense.channels() <= features.channels(),
        "channels [{}, {}) of a block of {} rows and {} channels, {} rows", first, first + dense.channels(),
        features.rows(), features.channels(), dense.rows());
  CHECK(features.dtype == dense.dtype, "types {} and {}", int(features.dtype), int(dense.dtype));
  CHECK(!stats.mean || (stats.mean.numel() >= first + dense.channels() && stats.var.numel() == stats.mean.numel()),
        "statistics of {} channels", stats.mean.numel());
  for (const View& v : vectors)
    CHECK(!v || v.numel() == dense.channels(), "{} channels, a vector of {}", dense.channels(), v.numel());
}

template <class T>
void append(View x, int64_t first, View features, DenseStats stats) {
  const Chunks l(x);
  if (!stats.mean) {
    parallel_ranges(l.rows, l.chunk, [&](int64_t begin, int64_t end) {
      DenseLoops<T>::append_rows(rows_of<T>(x, begin), rows_of<T>(features, begin, first), end - begin, l.channels,
                                 nullptr, nullptr, nullptr);
    });
    return;
  }
  // The first row: a large common mean then costs no digits of the variance.
  thread_local Workspace workspace;
  float* shift = workspace.take<float>(l.channels);
  for (int64_t c = 0; c < l.channels; ++c) shift[c] = widen(x.as<T>()[c]);
  sum_chunks(
      l,
      [&](int64_t row, int64_t rows, float* sums, float* squares) {
        DenseLoops<T>::append_rows(rows_of<T>(x, row), rows_of<T>(features, row, first), rows, l.channels, shift, sums,
                                   squares);
      },
      [&](int64_t c, double sum, double squares) {
        const double m = double(l.rows), mean = sum / m;
        stats.mean.as<float>()[first + c] = float(double(shift[c]) + mean);
        stats.var.as<float>()[first + c] = float(std::max(0.0, squares / m - mean * mean));
      });
}

}  // namespace

void dense_append(Stream, View x, int64_t first, View features, DenseStats stats) {
  check_block(features, stats, x, first, {});
  dispatch(x.dtype, [&]<class T>() { append<T>(x, first, features, stats); });
}

void dense_norm(Stream, View features, DenseStats stats, View gamma, View beta, float eps, BatchNormRunning running,
                View y) {
  check_block(features, stats, y, 0, {gamma, beta, running.mean, running.var});
  const int64_t rows = y.rows(), channels = y.channels();
  const float* scale = scales(channels, stats, gamma, eps);
  dispatch(y.dtype, [&]<class T>() {
    parallel_ranges(rows, kRowsAtOnce, [&](int64_t begin, int64_t end) {
      DenseLoops<T>::norm_rows(rows_of<T>(features, begin), end - begin, channels, stats.mean.as<float>(), scale,
                               beta.as<float>(), rows_of<T>(y, begin));
    });
  });
  if (!running.mean) return;
  const auto blend = [&](View to, int64_t c, double value) {
    float& r = to.as<float>()[c];
    r = float((1.0 - double(running.momentum)) * double(r) + double(running.momentum) * value);
  };
  const double correction = rows > 1 ? double(rows) / double(rows - 1) : 1;
  for (int64_t c = 0; c < channels; ++c) {
    blend(running.mean, c, double(stats.mean.as<float>()[c]));
    blend(running.var, c, correction * double(stats.var.as<float>()[c]));
  }
}

void dense_norm_backward(Stream, View features, DenseStats stats, View gamma, View beta, float eps, View dy, bool add,
                         View dfeatures, DenseSums sums, View dgamma, View dbeta) {
  check_block(features, stats, dy, 0, {gamma, beta, dgamma, dbeta});
  CHECK(dfeatures.dtype == DType::f32, "gradients of a block are f32");
  CHECK(dfeatures.numel() == features.numel() && (add || dy.channels() == features.channels()),
        "the first reader of a block to go backwards must have read all {} channels, not {}", features.channels(),
        dy.channels());
  const Chunks l(dy);
  const float* scale = scales(l.channels, stats, gamma, eps);
  sum_chunks(
      l,
      [&](int64_t row, int64_t rows, float* sum, float* products) {
        dispatch(dy.dtype, [&]<class T>() {
          DenseLoops<T>::norm_backward_rows(add, rows_of<T>(features, row), rows_of<T>(dy, row), rows, l.channels,
                                            stats.mean.as<float>(), scale, beta.as<float>(),
                                            rows_of<float>(dfeatures, row), sum, products);
        });
      },
      [&](int64_t c, double sum, double product) {
        const double m = double(l.rows), rstd = 1.0 / std::sqrt(double(stats.var.as<float>()[c]) + double(eps));
        dbeta.as<float>()[c] = float(sum);
        dgamma.as<float>()[c] = float(rstd * product);
        float& offset = sums.offset.as<float>()[c];
        float& slope = sums.slope.as<float>()[c];
        offset = (add ? offset : 0.0f) + float(double(scale[c]) * sum / m);
        slope = (add ? slope : 0.0f) + float(double(scale[c]) * rstd * rstd * product / m);
      });
}

void dense_append_backward(Stream, View features, DenseStats stats, View dfeatures, DenseSums sums, int64_t first,
                           View dx) {
  check_block(features, stats, dx, first, {});
  dispatch(dx.dtype, [&]<class T>() {
    parallel_ranges(dx.rows(), kRowsAtOnce, [&](int64_t begin, int64_t end) {
      DenseLoops<T>::append_backward_rows(rows_of<T>(features, begin, first), rows_of<float>(dfeatures, begin, first),
                                          end - begin, dx.channels(), stats.mean.as<float>() + first,
                                          sums.offset.as<float>() + first, sums.slope.as<float>() + first,
                                          rows_of<T>(dx, begin));
    });
  });
}

}  // namespace skein::cpu
