// Division of a vector among the ranks, and the bytes that an ideal algorithm sends. All transports use both, so they
// compute the same bits and count the same bytes. With K ranks, rank r owns elements [n*r/K, n*(r+1)/K).
//
//   all_reduce    every rank's part of a shard goes to its owner, the sum comes back:  N + (K-2)*shard = 2*(K-1)/K * N
//   all_gather    (K-1) * mine
//   all_to_all    (K-1)/K * sent
//
// Bytes are those that leave one rank; N is the vector's.
#pragma once

#include <algorithm>

#include "comm/communicator.h"

namespace skein {

struct Shard {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

inline Shard shard(int64_t n, int rank, int ranks) { return {n * rank / ranks, n * (rank + 1) / ranks}; }

// Piece i of a shard that is cut into pieces of `length` elements; the last one is shorter, those behind it are empty.
inline Shard piece(Shard s, int64_t i, int64_t length) {
  const int64_t begin = std::min(s.end, s.begin + i * length);
  return {begin, std::min(s.end, begin + length)};
}

// Elements [begin, end) of a view, as a vector.
inline View slice(View v, int64_t begin, int64_t end) {
  return {v.as<char>() + size_t(begin) * size_of(v.dtype), v.dtype, {1, 1, 1, end - begin}};
}
inline View slice(View v, Shard s) { return slice(v, s.begin, s.end); }

inline int64_t all_reduce_bytes(View data, int rank, int ranks) {
  return int64_t(data.bytes()) + (ranks - 2) * shard(data.numel(), rank, ranks).size() * int64_t(sizeof(float));
}
inline int64_t all_gather_bytes(View mine, int ranks) { return (ranks - 1) * int64_t(mine.bytes()); }
inline int64_t all_to_all_bytes(View sent, int ranks) { return int64_t(sent.bytes()) / ranks * (ranks - 1); }

}  // namespace skein
