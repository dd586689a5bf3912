#include "data/loading/file_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "base/check.h"
#include "data/image/image_file.h"
#include "data/image/random_crop.h"
#include "kernels/augment.h"
#include "kernels/cast.h"

namespace skein {
namespace {

// Scales pixels to (pixel / 255 - mean) / std, by the kernel of the loaders.
void normalise(std::vector<uint8_t>& pixels, const InputFormat& format, float* to) {
  Augmentation evaluation;
  std::copy_n(format.mean, 4, evaluation.mean);
  std::copy_n(format.std, 4, evaluation.std);
  int32_t first = 0;
  const View image{pixels.data(), DType::u8, {1, format.height, format.width, format.channels}};
  cpu::augment(nullptr, image, {&first, DType::i32, {1, 1, 1, 1}}, evaluation, 0, 0,
               {to, DType::f32, {1, format.height, format.width, format.channels}});
}

// Decoders give the reason alone.
std::string with_fix(const std::string& reason) {
  return reason.find(". ") != std::string::npos ? reason : reason + ". Copy or save the file again";
}

}  // namespace

FileBatch::FileBatch(const InputFormat& format, int64_t most, Queue queue, DType type)
    : format_(format), queue_(queue) {
  CHECK(format.channels == 3 || format.preprocessing == Preprocessing::centre_square, "encoded images are RGB");
  const Shape full{most, format.height, format.width, format.channels};
  host_ = Tensor::empty(Device::cpu, DType::f32, full);
  f32_ = queue.device == Device::cpu ? host_ : Tensor::empty(queue.device, DType::f32, full);
  images_ = type == DType::f32 ? f32_ : Tensor::empty(queue.device, type, full);
}

void FileBatch::decode(const std::string& path, ImageDecoder& decoder, std::vector<uint8_t>& memory, FileResult& result,
                       float* to) const {
  const InputFormat& f = format_;
  read_image_file(path, memory);
  const ImageSize image = decoder.open(memory), input{f.width, f.height};
  if (image.width * kMostEnlarged < input.width || image.height * kMostEnlarged < input.height)
    throw BadImage(fmt::format("{} x {} pixels, too few: the network sees {} x {}. Give a larger image", image.width,
                               image.height, input.width, input.height));
  result.was_grey = f.channels == 3 && decoder.grey();
  if (f.preprocessing == Preprocessing::centre_crop) {
    PixelScale scale;
    std::copy_n(f.mean, 3, scale.mean);
    std::copy_n(f.std, 3, scale.std);
    return decoder.decode(centre_crop(image, f.height), scale, input, to);
  }
  const std::vector<uint8_t> rgb = decode_whole(decoder, image);
  if (f.channels == 1 && !is_grey(rgb))
    throw BadImage("has colours, and the network was trained on grey images. Convert it to grey");
  std::vector<uint8_t> pixels(size_t(f.height * f.width * f.channels));
  centre_square(rgb, image, input, int(f.channels), pixels.data());
  normalise(pixels, f, to);
}

Tensor FileBatch::load(std::span<const std::string> paths, std::vector<FileResult>& results) {
  const auto n = int64_t(paths.size());
  const Shape shape{n, format_.height, format_.width, format_.channels};
  const int64_t numbers = format_.height * format_.width * format_.channels;
  float* const host = host_.view().as<float>();
  results.assign(size_t(n), {});
#pragma omp parallel
  {
    ImageDecoder decoder;
    std::vector<uint8_t> memory;
#pragma omp for schedule(dynamic, 1)
    for (int64_t i = 0; i < n; ++i) {
      FileResult& result = results[size_t(i)];
      try {
        decode(paths[size_t(i)], decoder, memory, result, host + i * numbers);
      } catch (const BadImage& e) {
        result.error = with_fix(e.what());
      } catch (const std::bad_alloc&) {
        result.error = "there is not enough memory to decode it";
      }
      if (!result.error.empty()) std::fill_n(host + i * numbers, numbers, 0.0f);
    }
  }
  const Tensor f32 = f32_.slice(0, shape), images = images_.slice(0, shape);
  if (queue_.device != Device::cpu) queue_.run(kernel::copy_from_host, static_cast<const void*>(host), f32);
  if (images_.dtype() != DType::f32) queue_.run(kernel::cast, f32, images);
  return images;
}

}  // namespace skein
