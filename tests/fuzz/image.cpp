// Any bytes as a picture: as import decodes it, as training does, and as evaluation does.
#include <cmath>

#include "data/image_decoder.h"
#include "data/random_crop.h"
#include "tests/fuzz/fuzz.h"

using namespace skein;

namespace {

constexpr int64_t kMostDecoded = 1 << 20;  // pixels; larger ones take longer and do nothing else

void decode(FileBytes file, uint32_t seed, int use) {
  static ImageDecoder decoder;  // as in a run: the next image after whatever this one does
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
      if (!(x > -1 && x < 256)) std::abort();  // weights are positive and have the sum 1
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::vector<uint8_t> file(data + 2, data + size);  // memory of its own, so that reading past it is seen
  decode(file, uint32_t(data[0]), data[1] % 3);
  return 0;
}
