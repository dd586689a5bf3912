// Without libwebp: WebP files are refused.
#include "data/image/image_reader.h"

namespace skein {

std::unique_ptr<ImageReader> make_webp_reader() { return nullptr; }

}  // namespace skein
