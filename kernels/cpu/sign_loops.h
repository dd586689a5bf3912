// Inner loops of kernels/cpu/sign.cpp, compiled once per instruction set. A word holds the signs of 32 numbers: bit j
// is 1 where number j is negative.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>

#include "base/simd.h"
#include "kernels/sign.h"

// Vectors are passed only to inlined functions, so their calling convention does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace skein::cpu {
namespace {

constexpr int64_t kWord = 32;  // numbers
constexpr int kLanes = 16;

typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));
constexpr Words kLane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Vectors go in and out by reference: a clone's calling convention differs from that of an inlined function.
template <class V, class T>
[[gnu::always_inline]] inline void load(V& v, const T* p) {
  std::memcpy(&v, p, sizeof v);
}
template <class V, class T>
[[gnu::always_inline]] inline void store(T* p, const V& v) {
  std::memcpy(p, &v, sizeof v);
}
// scale, or -scale where the bit is 1, for the bits [16*half, 16*half + 16) of a word.
[[gnu::always_inline]] inline void signed_scales(Floats& v, uint32_t word, int half, float scale) {
  const Words bits =
      ((Words{} + (word >> (kLanes * half))) << (31 - kLane) & 0x80000000u) ^ std::bit_cast<uint32_t>(scale);
  load(v, &bits);
}

// d = c - w (+ memory); returns the sum of |d|.
template <bool kMemory>
[[gnu::always_inline]] inline double distances(const float* c, const float* w, const float* memory, float* d,
                                               int64_t n) {
  Floats sums[2] = {};
  int64_t i = 0;
  for (; i + kWord <= n; i += kWord)
    for (int half = 0; half < 2; ++half) {
      const int64_t k = i + kLanes * half;
      Floats x, other;
      load(x, c + k), load(other, w + k);
      x -= other;
      if (kMemory) load(other, memory + k), x = other + x;
      store(d + k, x);
      Words size;
      load(size, d + k);
      size &= 0x7fffffffu;
      load(x, &size);
      sums[half] += x;
    }
  double total = 0;
  for (const Floats& sum : sums)
    for (int lane = 0; lane < kLanes; ++lane) total += double(sum[lane]);
  for (; i < n; ++i) {
    d[i] = kMemory ? memory[i] + (c[i] - w[i]) : c[i] - w[i];
    total += double(std::fabs(d[i]));
  }
  return total;
}

SKEIN_SIMD double distances_with_memory(const float* c, const float* w, const float* memory, float* d, int64_t n) {
  return distances<true>(c, w, memory, d, n);
}
SKEIN_SIMD double distances_alone(const float* c, const float* w, float* d, int64_t n) {
  return distances<false>(c, w, nullptr, d, n);
}

// Word `index` of the stream, with the bits of d[0, 32).
[[gnu::always_inline]] inline uint32_t pack_word(const float* d, const SignTies& ties, int64_t index) {
  uint32_t negative = 0, zero = 0;
  for (int64_t j = 0; j < kWord; ++j) {
    negative |= uint32_t(d[j] < 0.0f) << j;
    zero |= uint32_t(d[j] == 0.0f) << j;
  }
  return zero ? negative | (zero & ties.word(index)) : negative;
}

// Words [first, first + n) of the stream.
SKEIN_SIMD void pack_words(const float* d, uint32_t* words, int64_t first, int64_t n, const SignTies& ties) {
  for (int64_t i = 0; i < n; ++i) words[first + i] = pack_word(d + i * kWord, ties, first + i);
}

// As pack_words(), and error = d minus its decoded value. error may be d.
SKEIN_SIMD void pack_words_and_remember(const float* d, float scale, uint32_t* words, float* error, int64_t first,
                                        int64_t n, const SignTies& ties) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t word = pack_word(d + i * kWord, ties, first + i);
    words[first + i] = word;
    for (int half = 0; half < 2; ++half) {
      const int64_t k = i * kWord + kLanes * half;
      Floats number, decoded;
      load(number, d + k), signed_scales(decoded, word, half, scale);
      store(error + k, number - decoded);
    }
  }
}

// Value of bit j in several rows of words: numbers[j] = factor * (base + sum over rows k of +-weights[k]), negative
// where bit j of row k is 1, summed in the order of the rows.
struct Decoder {
  const float* weights;
  int64_t rows;
  float base, factor;
};

SKEIN_SIMD void decode_words(const uint32_t* words, int64_t stride, const Decoder& d, float* numbers, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    Floats low = Floats{} + d.base, high = low;
    for (int64_t k = 0; k < d.rows; ++k) {
      const uint32_t word = words[k * stride + i];
      Floats first, second;
      signed_scales(first, word, 0, d.weights[k]), signed_scales(second, word, 1, d.weights[k]);
      low += first, high += second;
    }
    store(numbers + i * kWord, low * d.factor);
    store(numbers + i * kWord + kLanes, high * d.factor);
  }
}

// Ripple-carry adder: adds each bit of `words` to a counter of its own. Digit p of the counters is row p of planes.
SKEIN_SIMD void count_words(const uint32_t* words, uint32_t* planes, int64_t stride, int64_t digits, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Words carry, plane;
    load(carry, words + i);
    for (int64_t p = 0; p < digits; ++p) {
      load(plane, planes + p * stride + i);
      const Words sum = plane ^ carry;
      store(planes + p * stride + i, sum);
      carry &= plane;
    }
  }
  for (; i < n; ++i) {
    uint32_t carry = words[i];
    for (int64_t p = 0; p < digits; ++p) {
      const uint32_t plane = planes[p * stride + i];
      planes[p * stride + i] = plane ^ carry;
      carry &= plane;
    }
  }
}

}  // namespace
}  // namespace skein::cpu
