// The largest eigenvalues of a symmetric matrix A of which only products A q are known, by the method of Lanczos with
// full re-orthogonalisation (Parlett, "The Symmetric Eigenvalue Problem", 1980, chapter 13):
//
//   beta_j+1 q_j+1 = A q_j - alpha_j q_j - beta_j q_j-1,  alpha_j = q_j' A q_j,  made orthogonal to all q_i twice
//   eigenpairs (theta, s) of the tridiagonal T with diagonal alpha and beta beside it: Ritz values and vectors Q s
//   residual |A Q s - theta Q s| = beta_m+1 |s_m|; an eigenvalue of A lies at most that far from theta
//
// Vectors are f32 in host memory, scalars double. One start vector shows one of several equal eigenvalues. Cost of m
// steps: m products, 4 n m^2 flops and 4 n m bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace skein {

// Product of the matrix and a vector of unit length.
using UnitProduct = std::function<std::vector<float>(std::span<const float>)>;

struct LanczosOptions {
  int64_t count = 1;        // of largest eigenvalues, counted with their signs
  int64_t max_steps = 100;  // products; the method ends earlier where all are found
  double tolerance = 1e-3;  // largest residual of a value that is found, as a part of the greatest |theta|
};

struct RitzValue {
  double value = 0, residual = 0;
};

struct LanczosResult {
  std::vector<RitzValue> largest;  // in descending order; fewer than `count` where the matrix has no more
  RitzValue least;                 // the smallest Ritz value, seldom converged
  std::vector<float> top;          // Ritz vector of largest[0], of unit length
  int64_t steps = 0;
  bool converged = false;  // all of `largest`
};

// start: any vector that is not zero. Entries at which it and all products are zero stay zero.
LanczosResult lanczos(const UnitProduct& product, std::vector<float> start, const LanczosOptions& options);

// Sums in double.
double dot(std::span<const float> a, std::span<const float> b);
double norm(std::span<const float> a);

}  // namespace skein
