#include "train/geometry/directions.h"

#include "base/random.h"
#include "train/geometry/lanczos.h"

namespace skein {
namespace {

enum class Draw : uint32_t { normal, sign };

// value(a block of random words) for every parameter.
template <class Value>
std::vector<float> draw(const ParameterStore& store, uint64_t seed, Draw kind, uint32_t number, Value value) {
  std::vector<float> x(size_t(store.value.numel()), 0.0f);
  for (const Segment& s : store.segments())
    for (int64_t i = s.begin; i < s.begin + s.count; ++i) {
      const RandomWords words = random_words(seed, Purpose::geometry, uint32_t(kind), number, uint32_t(i));
      x[size_t(i)] = value(words);
    }
  return x;
}

}  // namespace

std::vector<float> normal_direction(const ParameterStore& store, uint64_t seed, uint32_t number) {
  return draw(store, seed, Draw::normal, number,
              [](const RandomWords& words) { return float(normal(words[0], words[1])); });
}

std::vector<float> sign_direction(const ParameterStore& store, uint64_t seed, uint32_t number) {
  return draw(store, seed, Draw::sign, number,
              [](const RandomWords& words) { return words[0] >> 31 != 0 ? 1.0f : -1.0f; });
}

std::vector<float> filter_normalised_direction(const ParameterStore& store, std::span<const float> w, uint64_t seed,
                                               uint32_t number) {
  std::vector<float> d = normal_direction(store, seed, number);
  for (size_t p = 0; p < store.specs().size(); ++p) {
    const Segment& s = store.segments()[p];
    const std::vector<int64_t>& shape = store.specs()[p].shape;
    const int64_t filters = shape.size() > 1 ? shape[0] : 1, each = s.count / filters;
    for (int64_t f = 0; f < filters; ++f) {
      const size_t begin = size_t(s.begin + f * each), count = size_t(each);
      const std::span<float> part(d.data() + begin, count);
      const double length = shape.size() > 1 ? norm(w.subspan(begin, count)) / norm(part) : 0;
      for (float& x : part) x = float(length * double(x));
    }
  }
  return d;
}

}  // namespace skein
