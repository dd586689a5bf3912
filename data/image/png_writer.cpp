// PNG encoding with libspng (https://libspng.org).
#include <spng.h>

#include <cstdlib>
#include <memory>

#include "base/check.h"
#include "data/image/image_reader.h"

namespace skein {

std::string encode_png(const uint8_t* pixels, ImageSize size, int channels) {
  struct Free {
    void operator()(spng_ctx* context) const { spng_ctx_free(context); }
    void operator()(void* memory) const { std::free(memory); }
  };
  const auto check = [](int result) {
    if (result != 0) throw RunFailed("a picture cannot be encoded as PNG: {}", spng_strerror(result));
  };
  const std::unique_ptr<spng_ctx, Free> context(spng_ctx_new(SPNG_CTX_ENCODER));
  if (!context) throw std::bad_alloc();
  check(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1));
  spng_ihdr header = {};
  header.width = uint32_t(size.width);
  header.height = uint32_t(size.height);
  header.bit_depth = 8;
  header.color_type = channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR;
  check(spng_set_ihdr(context.get(), &header));
  const size_t bytes = size_t(size.width) * size_t(size.height) * size_t(channels);
  check(spng_encode_image(context.get(), pixels, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE));
  size_t length = 0;
  int error = 0;
  const std::unique_ptr<void, Free> file(spng_get_png_buffer(context.get(), &length, &error));
  check(error);
  return {static_cast<const char*>(file.get()), length};
}

}  // namespace skein
