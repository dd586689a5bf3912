#include "data/image/image_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/files.h"

namespace skein {
namespace {

[[noreturn]] void fail(int error) {
  throw BadImage(fmt::format("cannot be read ({}). Check the path and its permissions", std::strerror(error)));
}

uint32_t big_endian(FileBytes b, size_t at) {
  return uint32_t(b[at]) << 24 | uint32_t(b[at + 1]) << 16 | uint32_t(b[at + 2]) << 8 | b[at + 3];
}

bool has(FileBytes file, size_t at, std::string_view text) {
  return file.size() >= at + text.size() && std::memcmp(file.data() + at, text.data(), text.size()) == 0;
}

// PNG: signature of 8 bytes, then chunks: length, name, data, checksum.
bool is_animated_png(FileBytes file) {
  if (!has(file, 0, "\x89PNG\r\n\x1a\n")) return false;
  for (size_t at = 8; at + 12 <= file.size() && !has(file, at + 4, "IDAT"); at += 12 + size_t(big_endian(file, at)))
    if (has(file, at + 4, "acTL")) return true;
  return false;
}

// RIFF: "RIFF", length, "WEBP", then chunks: name, length, data. VP8X is the first one of an animated file.
bool is_animated_webp(FileBytes file) {
  return has(file, 0, "RIFF") && has(file, 8, "WEBPVP8X") && file.size() > 20 && (file[20] & 2) != 0;
}

}  // namespace

void read_image_file(const std::string& path, std::vector<uint8_t>& bytes) {
  const OpenFile file(path);
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) fail(errno);
  if (!S_ISREG(status.st_mode))
    throw BadImage(S_ISDIR(status.st_mode) ? "is a folder. Give an image file"
                                           : "is not a regular file. Give an image file");
  if (status.st_size > kMostFileBytes)
    throw BadImage(fmt::format("is larger than {} MB. Scale the image down", kMostFileBytes >> 20));
  bytes.resize(size_t(status.st_size));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::read(file.fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(errno);
    if (n == 0) throw BadImage("cannot be read (it became shorter meanwhile)");
    done += size_t(n);
  }
}

void refuse_animation(FileBytes file) {
  const char* kind = has(file, 0, "GIF8")     ? "a GIF file"
                     : is_animated_png(file)  ? "an animated PNG"
                     : is_animated_webp(file) ? "an animated WebP"
                                              : nullptr;
  if (kind) throw BadImage(fmt::format("is {}. Save the frame that is meant as a PNG or JPEG file", kind));
}

void check_size(ImageSize size) {
  if (size.width < 1 || size.height < 1 || size.width > kMostPixels / size.height)
    throw BadImage(
        fmt::format("{} x {} pixels; 1 to {} are possible. Scale it down", size.width, size.height, kMostPixels));
}

}  // namespace skein
