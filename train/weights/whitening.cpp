#include "train/weights/whitening.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace skein {
namespace {

constexpr int64_t kImages = 1000;
constexpr double kSmallestVariance = 5e-4;
constexpr int kSweeps = 50;  // Jacobi needs about 10 to reach the last bit of a double

// Rotates rows and columns p and q of `a` so that a(p,q) becomes 0, and the rows p and q of `vectors` alike.
void rotate(std::vector<double>& a, std::vector<double>& vectors, int64_t n, int64_t p, int64_t q) {
  const double off = a[p * n + q];
  if (off == 0) return;
  const double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
  const double t = std::copysign(1.0, theta) / (std::abs(theta) + std::hypot(theta, 1.0));
  const double c = 1 / std::hypot(t, 1.0), s = t * c;
  const auto mix = [&](double& x, double& y) {
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  for (int64_t i = 0; i < n; ++i) mix(a[i * n + p], a[i * n + q]);
  for (int64_t i = 0; i < n; ++i) mix(a[p * n + i], a[q * n + i]);
  for (int64_t i = 0; i < n; ++i) mix(vectors[p * n + i], vectors[q * n + i]);
}

// The sums of one image's patches: of their products, upper triangle, and of their values.
struct PatchSums {
  int64_t size, patches = 0;
  std::vector<double> products, values;
  explicit PatchSums(int64_t n) : size(n), products(n * n), values(n) {}

  void add(const std::vector<float>& patch) {
    for (int64_t i = 0; i < size; ++i) {
      values[i] += patch[i];
      for (int64_t j = i; j < size; ++j) products[i * size + j] += double(patch[i]) * patch[j];
    }
    ++patches;
  }
};

void add_image(const Dataset& data, int64_t image, int64_t kernel, PatchSums& sums) {
  const int64_t h = data.height(), w = data.width(), c = data.channels();
  const auto* pixels = data.pixels().as<const uint8_t>() + image * h * w * c;
  std::vector<float> patch(sums.size);
  for (int64_t y = 0; y + kernel <= h; ++y)
    for (int64_t x = 0; x + kernel <= w; ++x) {
      auto out = patch.begin();
      for (int64_t ky = 0; ky < kernel; ++ky)
        for (int64_t i = 0; i < kernel * c; ++i)
          *out++ = (float(pixels[((y + ky) * w + x) * c + i]) / 255 - data.mean[i % c]) / data.std[i % c];
      sums.add(patch);
    }
}

std::vector<double> covariance(const PatchSums& sums) {
  const int64_t n = sums.size;
  const double count = double(sums.patches);
  std::vector<double> matrix(n * n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = i; j < n; ++j)
      matrix[i * n + j] = matrix[j * n + i] =
          sums.products[i * n + j] / count - sums.values[i] / count * sums.values[j] / count;
  return matrix;
}

}  // namespace

Eigen symmetric_eigen(std::vector<double> a, int64_t n) {
  std::vector<double> rows(n * n);
  for (int64_t i = 0; i < n; ++i) rows[i * n + i] = 1;
  for (int sweep = 0; sweep < kSweeps; ++sweep)
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) rotate(a, rows, n, p, q);

  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return a[i * n + i] > a[j * n + j]; });
  Eigen result;
  for (int64_t i : order) {
    const auto row = rows.begin() + i * n;
    const double largest =
        *std::max_element(row, row + n, [](double x, double y) { return std::abs(x) < std::abs(y); });
    result.values.push_back(a[i * n + i]);
    for (int64_t j = 0; j < n; ++j) result.vectors.push_back(row[j] * std::copysign(1.0, largest));
  }
  return result;
}

std::vector<float> whitening_filters(const Dataset& train, StemShape stem) {
  if (train.is_encoded())
    throw BadInput(
        "--whiten-stem: the images of dataset '{}' are files of many sizes; it needs images in memory. Leave it out",
        train.name);
  if (train.height() < stem.kernel || train.width() < stem.kernel)
    throw BadInput("--whiten-stem: the images of dataset '{}' are {} x {}, the first filters {} x {}. Leave it out",
                   train.name, train.height(), train.width(), stem.kernel, stem.kernel);
  const int64_t n = stem.kernel * stem.kernel * stem.channels, images = std::min(kImages, train.size());
  PatchSums sums(n);
  for (int64_t i = 0; i < images; ++i) add_image(train, i * train.size() / images, stem.kernel, sums);
  const Eigen eigen = symmetric_eigen(covariance(sums), n);

  std::vector<float> filters;
  for (int64_t j = 0; j < std::min(stem.outputs / 2, n); ++j)
    for (double sign : {1.0, -1.0})
      for (int64_t i = 0; i < n; ++i)
        filters.push_back(
            float(sign * eigen.vectors[j * n + i] / std::sqrt(std::max(eigen.values[j], 0.0) + kSmallestVariance)));
  return filters;
}

}  // namespace skein
