// Fuzzer of the image decoders: arbitrary bytes decoded as in training, evaluation and import, and skein's own JPEG
// decoder compared with libjpeg-turbo.
#include <cmath>
#include <string_view>

#include "data/image/image_decoder.h"
#include "data/image/random_crop.h"
#include "tests/fuzz/fuzz.h"

using namespace skein;

namespace {

constexpr int64_t kMostDecoded = 1 << 20;  // pixels; larger images only take longer

void decode(FileBytes file, uint32_t seed, int use) {
  static ImageDecoder decoder;  // one for all inputs, as in a run: an image must not affect the next one
  fuzz::read([&] {
    const ImageSize image = decoder.open(file);
    if (image.width * image.height > kMostDecoded) return;
    const int64_t side = use == 0 ? 16 : 1 + seed % 40;
    const ImageSize size =
        use == 2 ? ImageSize{std::max<int64_t>(1, image.width / 8), std::max<int64_t>(1, image.height / 8)}
                 : ImageSize{side, side};
    const Crop crop = use == 0   ? random_resized_crop(image, seed, 0, 0)
                      : use == 1 ? centre_crop(image, side)
                                 : whole_image(image);
    std::vector<float> out(size_t(size.width * size.height * 3));
    decoder.decode(crop, PixelScale{}, size, out.data());
    for (float x : out)
      if (!(x > -1 && x < 256)) std::abort();  // resampling weights are positive and sum to 1
  });
}

// Result of decoding. Both decoders must give the same pixels, bit for bit, or the same error.
struct Outcome {
  std::string error;
  std::vector<float> pixels;
};

Outcome decode_piece(ImageDecoder& decoder, FileBytes file, uint32_t seed) {
  Outcome out;
  try {
    const ImageSize image = decoder.open(file);
    if (image.width * image.height > kMostDecoded) return out;
    const auto piece = [](int64_t n, uint32_t at) {
      const int64_t begin = n * (at & 15) / 16, length = std::min<int64_t>(n - begin, 1 + n * (at >> 4) / 15);
      return Extent{double(begin), double(length), begin, begin + length};
    };
    const Crop crop{piece(image.width, seed), piece(image.height, seed * 167 & 255)};
    const ImageSize size{int64_t(crop.x.length), int64_t(crop.y.length)};
    out.pixels.resize(size_t(size.width * size.height * 3));
    decoder.decode(crop, PixelScale{}, size, out.pixels.data());
  } catch (const BadImage& e) {
    out.error = e.what();
    out.pixels.clear();
  }
  return out;
}

void compare(FileBytes file, uint32_t seed) {
  static ImageDecoder own, library(FirstDecoder::libjpeg_turbo);
  const Outcome a = decode_piece(own, file, seed);
  if (std::string_view(own.decoder()) != "skein") return;  // rejected early, or decoded by the library
  const Outcome b = decode_piece(library, file, seed);
  if (a.error != b.error || a.pixels != b.pixels) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::vector<uint8_t> file(data + 2, data + size);  // its own memory block, so that overruns are detected
  decode(file, uint32_t(data[0]), data[1] % 3);
  static const bool library = make_jpeg_turbo_reader() != nullptr;
  if (library) compare(file, data[0]);
  return 0;
}
