// Limits of what is read from image files, which may come from anywhere. Files beyond them are refused by name before
// memory is taken for them.
#pragma once

#include <cstdint>

namespace skein {

// Pixels of an image. A forged header would make a reader allocate.
constexpr int64_t kMostPixels = 100'000'000;
// Pixels of an image that is decoded as a whole beside others. Larger ones are decoded one at a time, by any thread.
constexpr int64_t kMostPixelsBesideOthers = 25'000'000;
// Bytes of an image file, and of a member of an archive.
constexpr int64_t kMostFileBytes = 256 << 20;
// Bytes of one piece of metadata within an image file, such as a compressed comment.
constexpr int64_t kMostChunkBytes = 16 << 20;
// Bytes of files that are in memory at a time while they are imported, beside the last one that was read.
constexpr int64_t kMostBytesInWork = 256 << 20;
// Bytes of a text file of labels.
constexpr int64_t kMostLabelBytes = 64 << 20;
// Files and folders of a data set.
constexpr int64_t kMostEntries = 50'000'000;

}  // namespace skein
