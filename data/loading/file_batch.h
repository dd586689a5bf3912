// Batches of image files for a trained network, without labels: files named one by one, read and decoded on all
// threads, and preprocessed as the network was evaluated. The same image gives the same bits as a loader's.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/image/preprocessing.h"
#include "engine/tensor.h"

namespace skein {

// Input of a network: size, channels (1 or 3) and normalisation as in Dataset.
struct InputFormat {
  Preprocessing preprocessing = Preprocessing::centre_square;
  int64_t height = 0, width = 0, channels = 0;
  float mean[4] = {}, std[4] = {1, 1, 1, 1};
};

struct FileResult {
  std::string error = {};  // reason why the file has no image in the batch; empty: it has
  bool was_grey = false;   // a grey image became RGB
};

class FileBatch {
 public:
  // `most`: files of a full batch; `type`: of the images, f32 or bf16.
  FileBatch(const InputFormat& format, int64_t most, Queue queue, DType type);

  // Images (paths.size(),H,W,C) of files in their order, valid until the next call. The image of a file with an error
  // is black. A file of another number of channels is converted if nothing is lost: grey to RGB, and RGB that is grey
  // in every pixel to grey. An image whose shorter
  // side is less than 1 / kMostEnlarged of the input is refused: 1 x 1 pixels would be one colour.
  Tensor load(std::span<const std::string> paths, std::vector<FileResult>& results);
  // The same images on the host, (paths.size(),H,W,C) f32, valid until the next call of load().
  View on_host() const { return host_; }

 private:
  void decode(const std::string& path, ImageDecoder& decoder, std::vector<uint8_t>& memory, FileResult& result,
              float* to) const;

  const InputFormat format_;
  const Queue queue_;
  Tensor host_, f32_, images_;  // memory for full batches: f32 on the host; f32 on the device; of the batch's type
};

constexpr int64_t kMostEnlarged = 8;

}  // namespace skein
