// A block writes the box of one image. Bytes per element of s bytes: s written within the box.
#include "kernels/cuda/dialect/gpu.h"
#include "kernels/erase.h"

namespace skein::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kBlock)
    erase_kernel(const Box* boxes, int64_t numbers, int width, int channels, T* images) {
  const Box box = boxes[blockIdx.x];
  T* image = images + int64_t{blockIdx.x} * numbers;
  const int row = box.width * channels;
  const float zero[1] = {0.0f};
#pragma unroll 1
  for (int i = int(threadIdx.x); i < box.height * row; i += kBlock) {
    const int y = i / row;
    store(image + (int64_t{box.top + y} * width + box.left) * channels + (i - y * row), zero);
  }
}

}  // namespace

void erase(Stream stream, View boxes, View images) {
  const int64_t numbers = images.dims[1] * images.dims[2] * images.dims[3];
  CHECK(boxes.dtype == DType::i32, "boxes are i32");
  CHECK(boxes.numel() == 4 * images.dims[0], "{} numbers for the boxes of {} images", boxes.numel(), images.dims[0]);
  CHECK(numbers < (int64_t{1} << 30), "an image of {} numbers", numbers);
  dispatch(images.dtype, [&]<class T>() {
    launch(erase_kernel<T>, images.dims[0], kBlock, stream, boxes.as<const Box>(), numbers, int(images.dims[2]),
           int(images.dims[3]), images.as<T>());
  });
}

}  // namespace skein::cuda
