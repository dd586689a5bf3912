// Curvature of a loss surface (train/geometry/loss_surface.h) at a point w: eigenvalues and trace of the Hessian H of
// the mean training loss.
//
// Products with a unit direction u are central differences of the f32 gradient g:
//
//   H u = (g(w + h u) - g(w - h u)) / 2h      error: h^2/6 |D^3 L u u u| by truncation, about e |g| / h by rounding
//   h = kRelativeStep / sqrt(sum over tensors t of |u_t|^2 / m_t^2)      m_t^2 = max(|w_t|^2, n_t |w|^2 / n)
//
// The denominator is the length of u in units of the tensors that it changes: a batch norm makes the loss depend on the
// direction of the weights before it, so the loss changes over lengths of about |w_t|. n_t: numbers of a tensor; n: of
// all. Truncation is then about kRelativeStep^2 and rounding 2^-24 / kRelativeStep of the product, which balance at
// kRelativeStep = 2^-8.
//
// A ReLU whose input changes its sign within the step bends the loss; a derivative at w leaves that out. Where many do,
// they are the larger error: a smaller step sees fewer of them, each with more weight, and the sum has more noise. A
// product with twice the step measures the error; it falls about in proportion to h, so the difference is about its
// size. A trained ResNet-8 on 500 images: 3.71, with a difference of 0.23; PyTorch's double backward: 3.85. With ReLUs
// far from their kinks and a step of 2^-12, they agree to 2e-4 (tests/oracle/geometry_check.py). A network that is not
// trained, on few images, has more bends than curvature: residual and difference are then as large as the eigenvalue.
//
//   eigenvalues   Lanczos (train/geometry/lanczos.h) from a random vector
//   trace         mean of z' H z over random z of signs (Hutchinson, Communications in Statistics 18, 1989)
//
// Cost of a product: two gradients.
#pragma once

#include "train/geometry/lanczos.h"
#include "train/geometry/loss_surface.h"

namespace skein {

class Hessian {
 public:
  explicit Hessian(LossSurface& surface);  // at its parameters

  // The step for this unit direction.
  double step(std::span<const float> u) const;
  // H u. factor: multiplies the step.
  std::vector<float> product(std::span<const float> u, double factor = 1);
  int64_t products() const { return products_; }
  const LossSurface& surface() const { return surface_; }
  std::span<const float> point() const { return w_; }

 private:
  LossSurface& surface_;
  std::vector<float> w_;
  double mean_square_ = 0;  // of all numbers of w
  int64_t products_ = 0;
};

struct CurvatureOptions {
  LanczosOptions lanczos;
  uint64_t seed = 0;       // of the first vector
  double step_factor = 1;  // multiplies the steps
};

struct Eigenvalues {
  // residual of the first: |H u - value u| of its Ritz vector, measured, so that it includes the error of the products
  std::vector<RitzValue> largest;
  RitzValue least;
  bool converged = false;
  int64_t products = 0;   // all, those of the two errors included
  double step = 0;        // h of the first eigenvalue's direction
  double step_error = 0;  // |u' H u - u' H u with twice the step| of that direction
};
Eigenvalues largest_eigenvalues(Hessian& hessian, const CurvatureOptions& options);

struct Trace {
  double value = 0, standard_error = 0;
};
// probes: at least 2
Trace trace(Hessian& hessian, int64_t probes, uint64_t seed, double step_factor = 1);

}  // namespace skein
