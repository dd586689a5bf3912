// The CUDA back end of a build without one: every function of every contract is here and says so. It is never reached
// through the command line, which asks cuda::available() first.
#include "kernels/all_sum.h"
#include "kernels/augment.h"
#include "kernels/batch_norm.h"
#include "kernels/cast.h"
#include "kernels/check.h"
#include "kernels/conv.h"
#include "kernels/cross_entropy.h"
#include "kernels/downsample.h"
#include "kernels/gaussian_noise.h"
#include "kernels/lars.h"
#include "kernels/linear.h"
#include "kernels/pool.h"
#include "kernels/runtime.h"
#include "kernels/sgd_step.h"
#include "kernels/sign.h"
#include "kernels/vector.h"

namespace skein::cuda {
namespace {
[[noreturn]] void absent() { throw BadInput("this skein was built without the CUDA back end; use --device cpu"); }
}  // namespace

bool available() { return false; }
void* allocate(size_t) { absent(); }
void release(void*) {}
void copy(Stream, View, View) { absent(); }
void copy_to_host(Stream, View, void*) { absent(); }
void copy_from_host(Stream, const void*, View) { absent(); }
void zero(Stream, View) { absent(); }
void synchronize(Stream) { absent(); }

void add(Stream, View, View, View) { absent(); }
void augment(Stream, View, View, const Augmentation&, uint64_t, uint32_t, View) { absent(); }
void axpy(Stream, float, View, View) { absent(); }
void batch_norm_backward(Stream, View, View, View, View, bool, BatchNormStats, View, View, View, View, View) {
  absent();
}
void batch_norm_forward(Stream, View, View, View, View, bool, float, BatchNormRunning, View, BatchNormStats) {
  absent();
}
void batch_norm_inference(Stream, View, View, View, View, bool, float, BatchNormRunning, View) { absent(); }
void cast(Stream, View, View) { absent(); }
void conv_backward_data(Stream, View, View, ConvGeometry, View) { absent(); }
void conv_backward_weights(Stream, View, View, ConvGeometry, View) { absent(); }
void conv_forward(Stream, View, View, ConvGeometry, View) { absent(); }
void cross_entropy(Stream, View, View, View, View, View) { absent(); }
void downsample_backward(Stream, View, int64_t, View) { absent(); }
void downsample_forward(Stream, View, int64_t, View) { absent(); }
void fill(Stream, float, View) { absent(); }
void gaussian_noise(Stream, float, NoiseStream, int64_t, View) { absent(); }
void global_pool_backward(Stream, View, View) { absent(); }
void global_pool_forward(Stream, View, View) { absent(); }
void lars_scale(Stream, View, LarsHyper, View) { absent(); }
void linear_backward_w(Stream, View, View, View, View) { absent(); }
void linear_backward_x(Stream, View, View, View) { absent(); }
void linear_forward(Stream, View, View, View, View) { absent(); }
void mean_bf16(Stream, float, View, View) { absent(); }
void relu_backward(Stream, View, View, View) { absent(); }
void relu_forward(Stream, View, View) { absent(); }
void scale(Stream, float, View) { absent(); }
void sgd_step(Stream, View, View, View, const float*, SgdHyper, int64_t) { absent(); }
void sign_count(Stream, SignMessages, View) { absent(); }
void sign_count_mean(Stream, SignLayout, SignMessages, View, int64_t, View) { absent(); }
void sign_mean(Stream, SignLayout, SignMessages, int64_t, View) { absent(); }
void sign_pack(Stream, SignLayout, View, View, View, View) { absent(); }
void sign_scales(Stream, SignLayout, View, View, View, View, View) { absent(); }
void sub(Stream, View, View, View) { absent(); }
void sum_to_all(Stream, std::span<const View>, int64_t, int64_t, float) { absent(); }
void sum_to_one(Stream, std::span<const View>, float, View) { absent(); }

}  // namespace skein::cuda
