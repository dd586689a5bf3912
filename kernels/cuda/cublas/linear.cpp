// Fully connected layers of the CUDA back end (kernels/linear.h), f32. cuBLAS is column-major: it reads a row-major
// (R,C) matrix as the transposed (C,R) one, so every product is written for the transposed result.
#include "kernels/linear.h"

#include <cuda_runtime_api.h>

#include <limits>
#include <map>
#include <memory>

#include "kernels/cuda/cublas/api.h"
#include "kernels/cuda/dialect/cuda_check.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/cuda/linear_bias.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

// Bytes of workspace, as NVIDIA recommends up to Ampere and allows later. Without a workspace cuBLAS allocates during a
// capture.
constexpr size_t kWorkspace = size_t(4) << 20;

// cuBLAS handle of one thread on one GPU.
class Handle {
 public:
  Handle() {
    CUBLAS_CHECK(cublas().create(&handle_));
    // True f32: no TF32 and no reduced-precision sums, whatever the environment requests.
    if (const cublasStatus_t status = cublas().set_math_mode(handle_, CUBLAS_PEDANTIC_MATH);
        status != CUBLAS_STATUS_SUCCESS) {
      cublas().destroy(handle_);
      CUBLAS_CHECK(status);
    }
  }
  ~Handle() { cublas().destroy(handle_); }
  Handle(const Handle&) = delete;

  cublasHandle_t on(Stream stream) const {
    CUBLAS_CHECK(cublas().set_stream(handle_, stream));  // resets the workspace
    CUBLAS_CHECK(cublas().set_workspace(handle_, workspace(stream, kWorkspace), kWorkspace));
    return handle_;
  }

 private:
  cublasHandle_t handle_ = nullptr;
};

const Handle& handle() {
  thread_local std::map<int, std::unique_ptr<Handle>> all;
  int device = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  std::unique_ptr<Handle>& handle = all[device];
  if (!handle) handle = std::make_unique<Handle>();
  return *handle;
}

int dimension(int64_t n) {
  CHECK(n > 0 && n <= std::numeric_limits<int>::max(), "a matrix dimension of {}", n);
  return int(n);
}

struct Matrix {
  View view;
  bool transposed = false;
  int64_t rows() const { return transposed ? view.channels() : view.rows(); }
  int64_t columns() const { return transposed ? view.rows() : view.channels(); }
};
Matrix t(View view) { return {view, true}; }

// c = a b, row-major.
void multiply(Stream stream, Matrix a, Matrix b, View c) {
  CHECK(a.columns() == b.rows() && a.rows() == c.rows() && b.columns() == c.channels(), "({}x{}) ({}x{}) -> {}x{}",
        a.rows(), a.columns(), b.rows(), b.columns(), c.rows(), c.channels());
  for (const View& m : {a.view, b.view, c}) CHECK(m.dtype == DType::f32, "linear layers are f32");
  const float one = 1, zero = 0;
  const auto operation = [](const Matrix& m) { return m.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const auto held = hold_workspace(stream);
  CUBLAS_CHECK(cublas().sgemm(handle().on(stream), operation(b), operation(a), dimension(c.channels()),
                              dimension(c.rows()), dimension(a.columns()), &one, b.view.as<float>(),
                              dimension(b.view.channels()), a.view.as<float>(), dimension(a.view.channels()), &zero,
                              c.as<float>(), dimension(c.channels())));
}

}  // namespace

void linear_forward(Stream stream, View x, View w, View b, View y) {
  multiply(stream, {x}, t(w), y);
  bias_add(stream, b, y);
}

void linear_backward_data(Stream stream, View dy, View w, View dx) { multiply(stream, {dy}, {w}, dx); }

void linear_backward_weights(Stream stream, View x, View dy, View dw, View db) {
  multiply(stream, t(dy), {x}, dw);
  column_sum(stream, dy, db);
}

}  // namespace skein::cuda
