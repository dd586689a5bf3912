#include "data/loading/batch_mix.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/loading/gamma_draw.h"
#include "kernels/gather.h"
#include "kernels/vector.h"

namespace skein {
namespace {

// Rows or columns of CutMix's box: `length` of them around `centre`, cut off at 0 and `size`.
std::pair<int32_t, int32_t> box_side(int64_t centre, int64_t length, int64_t size) {
  const int64_t begin = std::max<int64_t>(0, centre - length / 2), end = std::min(size, centre + (length + 1) / 2);
  return {int32_t(begin), int32_t(end - begin)};
}

}  // namespace

double draw_beta(double alpha, const std::function<RandomWords(uint32_t)>& words) {
  uint32_t block = 1;
  const double x = log_gamma_draw(alpha, words, block), y = log_gamma_draw(alpha, words, block);
  return 1 / (1 + std::exp(y - x));
}

MixDraw draw_mix(const LoaderOptions& o, int64_t height, int64_t width, int64_t epoch, int64_t step) {
  const auto words = [&](uint32_t index) {
    return random_words(o.seed, Purpose::mix, uint32_t(epoch), uint32_t(step), uint32_t(o.rank) << 16 | index);
  };
  const RandomWords first = words(0);
  if (double(uniform(first[0])) >= o.mix.probability) return {};
  const bool cut = o.mix.mixup > 0 && o.mix.cutmix > 0 ? (first[1] >> 31) != 0 : o.mix.cutmix > 0;
  const double lambda = draw_beta(cut ? o.mix.cutmix : o.mix.mixup, words);
  if (!cut) return {{{0, 0, int32_t(height), int32_t(width)}, float(lambda), float(1 - lambda)}, lambda};
  return cutmix(lambda, bounded(first[2], uint32_t(height)), bounded(first[3], uint32_t(width)), height, width);
}

MixDraw cutmix(double lambda, int64_t y, int64_t x, int64_t height, int64_t width) {
  const double side = std::sqrt(1 - lambda);
  const auto [top, rows] = box_side(y, int64_t(double(height) * side), height);
  const auto [left, columns] = box_side(x, int64_t(double(width) * side), width);
  const Box box{top, left, rows, columns};
  return {{box, 0, 1}, 1 - double(box.area()) / double(height * width)};
}

BatchMixer::BatchMixer(const LoaderOptions& options, Device device, int64_t batch) : options_(options) {
  if (!options.training || !options.mix.any()) return;
  std::vector<int32_t> order(size_t(batch), 0);
  std::iota(order.rbegin(), order.rend(), 0);
  reversed_ = Tensor::from(device, order, {batch});
}

MixMemory BatchMixer::memory() const {
  if (!on()) return {};
  const Device device = reversed_.device();
  return {Tensor::empty(device, DType::i32, {reversed_.numel()}),
          Tensor::empty(device, DType::f32, {reversed_.numel()})};
}

void BatchMixer::mix(const Queue& queue, const MixMemory& memory, Batch& batch) const {
  if (!on()) return;
  const Shape& shape = batch.images.shape();
  const MixDraw draw = draw_mix(options_, shape[1], shape[2], batch.epoch, batch.index);
  batch.second_labels = memory.second_labels.slice(0, {batch.size});
  batch.label_weights = memory.label_weights.slice(0, {batch.size});
  queue.run(kernel::mix_images, draw.pixels, batch.images);
  queue.run(kernel::gather, batch.labels, reversed_.slice(reversed_.numel() - batch.size, {batch.size}),
            batch.second_labels);
  queue.run(kernel::fill, float(draw.share), batch.label_weights);
}

}  // namespace skein
