// Replaces turbo.cpp in a build without libjpeg-turbo: stb_image decodes the files that skein's decoder refuses.
#include <stb/stb_image_write.h>

#include "base/check.h"
#include "data/image/image_reader.h"

namespace skein {

std::unique_ptr<ImageReader> make_jpeg_turbo_reader() { return nullptr; }

std::string encode_jpeg(const uint8_t* rgb, ImageSize size, int quality, const JpegLayout&) {
  std::string bytes;
  const auto append = [](void* to, void* data, int n) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data), size_t(n));
  };
  if (!stbi_write_jpg_to_func(append, &bytes, int(size.width), int(size.height), 3, rgb, quality))
    throw RunFailed("an image cannot be encoded: out of memory");
  return bytes;
}

const char* jpeg_library() { return "stb_image (libjpeg-turbo is not in this build)"; }

}  // namespace skein
