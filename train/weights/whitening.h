// Filters of a first convolution that whiten image patches: Page, "How to Train Your ResNet", part 8 (myrtle.ai, 2019);
// Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv 2404.00498), section 3.2.
//
// Neighbouring pixels and the three colours of an image are correlated, and SGD is slow along directions in which its
// input hardly varies. With v_j the unit eigenvectors of the covariance of the patches of k x k x C normalised pixels,
// and lambda_j the eigenvalues, largest first:
//   filter 2j     =  v_j / sqrt(lambda_j + 5e-4)      for j < n = min(outputs / 2, k k C)
//   filter 2j + 1 = -filter 2j                        as a ReLU follows, which keeps one sign
// Outputs of different j are not correlated, and each has a variance of nearly 1. Filters from 2n on are not set.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace skein {

// Size of the first convolution: filters are (outputs, kernel, kernel, channels).
struct StemShape {
  int64_t outputs, kernel, channels;
};

// The first 2n filters. The covariance is that of all patches within 1000 images at equal distances in the data set, so
// it does not depend on a seed. BadInput where the images are encoded, and where they are smaller than a filter.
std::vector<float> whitening_filters(const Dataset& train, StemShape stem);

// Eigenvalues in descending order, and unit eigenvectors as rows, of a symmetric matrix (n,n) in row order. The sign of
// a vector makes its largest component positive. Cyclic Jacobi rotations: Golub and Van Loan, "Matrix Computations",
// section 8.5.
struct Eigen {
  std::vector<double> values, vectors;
};
Eigen symmetric_eigen(std::vector<double> matrix, int64_t n);

}  // namespace skein
