// How a vector is divided among the ranks, and what an ideal algorithm sends: shared by all transports, so that they
// compute the same bits and count the same bytes. With K ranks, rank r owns elements [n*r/K, n*(r+1)/K).
//   sum         everybody's part of a shard goes to its owner, the sum comes back: N + (K-2)*shard = 2*(K-1)/K * N
//   gather      (K-1) * mine         exchange  (K-1)/K * to         broadcast  the root (K-1) * data, the others 0
#pragma once

#include "comm/communicator.h"

namespace skein {

struct Shard {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

inline Shard shard(int64_t n, int rank, int ranks) { return {n * rank / ranks, n * (rank + 1) / ranks}; }

// Elements [begin, end) of a view, as a vector.
inline View slice(View v, int64_t begin, int64_t end) {
  return {v.as<char>() + size_t(begin) * size_of(v.dtype), v.dtype, {1, 1, 1, end - begin}};
}
inline View slice(View v, Shard s) { return slice(v, s.begin, s.end); }

inline int64_t sum_bytes(View data, int rank, int ranks) {
  return int64_t(data.bytes()) + (ranks - 2) * shard(data.numel(), rank, ranks).size() * int64_t(sizeof(float));
}
inline int64_t gather_bytes(View mine, int ranks) { return (ranks - 1) * int64_t(mine.bytes()); }
inline int64_t exchange_bytes(View to, int ranks) { return int64_t(to.bytes()) / ranks * (ranks - 1); }
inline int64_t broadcast_bytes(View data, bool root, int ranks) {
  return root ? (ranks - 1) * int64_t(data.bytes()) : 0;
}

}  // namespace skein
