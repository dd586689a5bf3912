// Eigenvalues and eigenvectors of a real symmetric tridiagonal matrix of a few hundred rows, by the QL method with
// implicit shifts (Bowdler, Martin, Reinsch and Wilkinson, "The QR and QL algorithms for symmetric matrices",
// Numerische Mathematik 11, 1968). Work: about 3 n^3.
#pragma once

#include <vector>

namespace skein {

struct TridiagonalEigen {
  std::vector<double> values;                // in ascending order
  std::vector<std::vector<double>> vectors;  // of unit length, one for each value
};

// diagonal: n numbers, n >= 1. beside: the n - 1 numbers next to the diagonal.
TridiagonalEigen tridiagonal_eigen(std::vector<double> diagonal, std::vector<double> beside);

}  // namespace skein
