#include "kernels/sign.h"

#include <bit>

#include "base/check.h"
#include "kernels/cpu/dialect/workspace.h"
#include "kernels/cpu/sign_loops.h"

namespace skein::cpu {
namespace {

constexpr int64_t kChunk = 4096;  // numbers

float signed_scale(bool negative, float scale) { return negative ? -scale : scale; }

// Calls f(segment, offset, count) for the part of every segment within [from, to): positions in the flat vector with
// key = begin, positions in the bit stream with key = bit.
template <class F>
void pieces(const SignLayout& l, int64_t SignSegment::*key, int64_t from, int64_t to, F&& f) {
  const SignSegment* s = std::partition_point(l.segments, l.segments + l.count,
                                              [&](const SignSegment& x) { return x.*key + x.count <= from; });
  for (; s != l.segments + l.count && s->*key < to; ++s) {
    const int64_t first = std::max(from, s->*key), last = std::min(to, s->*key + s->count);
    f(s - l.segments, first - s->*key, last - first);
  }
}

// Cuts the bits [bit, bit + count) at word boundaries: whole(first word, n, offset) for runs of whole words,
// part(word, shift, n, offset) for a part of a word.
template <class Whole, class Part>
void cut_words(int64_t bit, int64_t count, Whole&& whole, Part&& part) {
  for (int64_t done = 0; done < count;) {
    const int64_t shift = (bit + done) % kWord, word = (bit + done) / kWord, left = count - done;
    if (shift == 0 && left >= kWord) {
      whole(word, left / kWord, done);
      done += left / kWord * kWord;
    } else {
      const int64_t n = std::min(left, kWord - shift);
      part(word, shift, n, done);
      done += n;
    }
  }
}

void pack_piece(const float* d, float scale, int64_t bit, int64_t count, uint32_t* words, float* error,
                const SignTies& ties) {
  cut_words(
      bit, count,
      [&](int64_t word, int64_t n, int64_t at) {
        if (error)
          pack_words_and_remember(d + at, scale, words, error + at, word, n, ties);
        else
          pack_words(d + at, words, word, n, ties);
      },
      [&](int64_t word, int64_t shift, int64_t n, int64_t at) {
        const uint32_t draws = ties.word(word);
        uint32_t bits = 0;
        for (int64_t j = 0; j < n; ++j) {
          const float x = d[at + j];
          const bool negative = x < 0.0f || (x == 0.0f && (draws >> (shift + j) & 1));
          bits |= uint32_t(negative) << (shift + j);
          if (error) error[at + j] = x - signed_scale(negative, scale);
        }
        words[word] = shift == 0 ? bits : words[word] | bits;  // packed in ascending order
      });
}

// The ranks' messages: per row the words, then one scale per segment.
struct Received {
  const uint32_t* words;
  int64_t ranks, stride, segments_at;
  explicit Received(const SignMessages& m)
      : words(m.data.as<uint32_t>()), ranks(m.data.rows()), stride(m.data.channels()), segments_at(m.words) {}
  float scale(int64_t rank, int64_t segment) const {
    return std::bit_cast<float>(words[rank * stride + segments_at + segment]);
  }
};

// Decodes the bits [bit, bit + count) of `words` into to[0, count).
void decode_piece(const uint32_t* words, int64_t stride, const Decoder& d, int64_t bit, int64_t count, float* to) {
  cut_words(
      bit, count, [&](int64_t word, int64_t n, int64_t at) { decode_words(words + word, stride, d, to + at, n); },
      [&](int64_t word, int64_t shift, int64_t n, int64_t at) {
        for (int64_t j = 0; j < n; ++j) {
          float sum = d.base;
          for (int64_t k = 0; k < d.rows; ++k)
            sum += signed_scale(words[k * stride + word] >> (shift + j) & 1, d.weights[k]);
          to[at + j] = sum * d.factor;
        }
      });
}

// Calls decode(segment, first bit, count, output) for every part of a segment in [begin, begin + mean.numel()) and
// writes zeros between the segments.
template <class Decode>
void decode_range(const SignLayout& l, int64_t begin, View mean, Decode&& decode) {
  parallel_ranges(mean.numel(), kChunk, [&](int64_t b, int64_t e) {
    float* to = mean.as<float>();
    int64_t filled = b;
    pieces(l, &SignSegment::begin, begin + b, begin + e, [&](int64_t s, int64_t at, int64_t count) {
      const int64_t first = l.segments[s].begin + at - begin;
      std::fill(to + filled, to + first, 0.0f);
      decode(s, l.segments[s].bit + at, count, to + first);
      filled = first + count;
    });
    std::fill(to + filled, to + e, 0.0f);
  });
}

void check_messages(const SignLayout& l, const SignMessages& m) {
  CHECK(m.data.channels() == m.words + l.count, "a message has {} words, not {} and {} scales", m.data.channels(),
        m.words, l.count);
}

}  // namespace

void sign_scales(Stream, SignLayout l, View consensus, View value, View memory, View d, View scales) {
  const int64_t n = d.numel(), chunks = (n + kChunk - 1) / kChunk;
  CHECK(consensus.numel() == n && value.numel() == n && (!memory || memory.numel() == n) && scales.numel() == l.count,
        "{} numbers, consensus of {}, value of {}; {} segments, {} scales", n, consensus.numel(), value.numel(),
        l.count, scales.numel());
  thread_local Workspace workspace;
  double* partial = workspace.take<double>(chunks + l.count);  // segment s in chunk i: element i + s, which is unique
  parallel_ranges(chunks, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      pieces(l, &SignSegment::begin, i * kChunk, std::min(n, (i + 1) * kChunk),
             [&](int64_t s, int64_t at, int64_t count) {
               const int64_t k = l.segments[s].begin + at;
               const float *c = consensus.as<float>() + k, *w = value.as<float>() + k;
               partial[i + s] = memory ? distances_with_memory(c, w, memory.as<float>() + k, d.as<float>() + k, count)
                                       : distances_alone(c, w, d.as<float>() + k, count);
             });
  });
  for (int64_t s = 0; s < l.count; ++s) {
    const SignSegment& segment = l.segments[s];
    double sum = 0;
    for (int64_t i = segment.begin / kChunk; i * kChunk < segment.begin + segment.count; ++i) sum += partial[i + s];
    scales.as<float>()[s] = float(sum / double(segment.count));
  }
}

void sign_pack(Stream, SignLayout l, View d, View scales, View words, View error, SignTies ties) {
  CHECK(words.numel() == (l.bits() + kWord - 1) / kWord, "{} bits in {} words", l.bits(), words.numel());
  parallel_ranges(words.numel(), kChunk / kWord, [&](int64_t first, int64_t last) {
    pieces(l, &SignSegment::bit, first * kWord, last * kWord, [&](int64_t s, int64_t at, int64_t count) {
      const int64_t k = l.segments[s].begin + at;
      pack_piece(d.as<float>() + k, scales.as<float>()[s], l.segments[s].bit + at, count, words.as<uint32_t>(),
                 error ? error.as<float>() + k : nullptr, ties);
    });
  });
}

void sign_mean(Stream, SignLayout l, SignMessages m, int64_t begin, View mean) {
  check_messages(l, m);
  const Received in(m);
  decode_range(l, begin, mean, [&](int64_t s, int64_t bit, int64_t count, float* to) {
    thread_local Workspace workspace;
    float* scales = workspace.take<float>(in.ranks);
    for (int64_t k = 0; k < in.ranks; ++k) scales[k] = in.scale(k, s);
    const Decoder sum_of_ranks{scales, in.ranks, 0.0f, 1.0f / float(in.ranks)};
    decode_piece(in.words, in.stride, sum_of_ranks, bit - m.first_word * kWord, count, to);
  });
}

void sign_count(Stream, SignMessages m, View planes) {
  const Received in(m);
  CHECK(planes.channels() == m.words && planes.rows() < kWord && in.ranks < int64_t{1} << planes.rows(),
        "{} ranks do not fit {} digits", in.ranks, planes.rows());
  parallel_ranges(m.words, kChunk / kWord, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; i += kChunk / kWord) {  // the planes of a tile stay in L1
      uint32_t* to = planes.as<uint32_t>() + i;
      const int64_t n = std::min(e - i, kChunk / kWord);
      for (int64_t p = 0; p < planes.rows(); ++p) std::fill_n(to + p * m.words, n, 0u);
      for (int64_t k = 0; k < in.ranks; ++k) count_words(in.words + k * in.stride + i, to, m.words, planes.rows(), n);
    }
  });
}

void sign_count_mean(Stream, SignLayout l, SignMessages m, View planes, int64_t begin, View mean) {
  check_messages(l, m);
  const Received in(m);
  // With n ones of K in B digits, the sum of the signs is K - 2n = K - (2^B - 1) + sum over p of 2^p or -2^p.
  const int64_t digits = planes.rows();
  float weights[kWord];
  for (int64_t p = 0; p < digits; ++p) weights[p] = float(int64_t{1} << p);
  const float base = float(in.ranks - (int64_t{1} << digits) + 1);
  decode_range(l, begin, mean, [&](int64_t s, int64_t bit, int64_t count, float* to) {
    float step = 0;
    for (int64_t k = 0; k < in.ranks; ++k) step += in.scale(k, s);
    const Decoder sum_of_digits{weights, digits, base, step / float(in.ranks) / float(in.ranks)};
    decode_piece(planes.as<uint32_t>(), planes.channels(), sum_of_digits, bit - m.first_word * kWord, count, to);
  });
}

}  // namespace skein::cpu
