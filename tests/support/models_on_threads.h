// Ranks as threads, each with the same small model, for tests of averaging.
#pragma once

#include <omp.h>

#include <cstring>
#include <functional>
#include <thread>

#include "base/random.h"
#include "comm/transports/thread_communicator.h"
#include "local_sgd/model_averager.h"

namespace skein::testing {

// Seven tensors whose sizes are or are not multiples of a word of signs, most of them padded. The third is not decayed,
// so it is stored behind the others, as the parameters of batch norms are.
inline std::unique_ptr<ParameterStore> small_store() {
  auto p = std::make_unique<ParameterStore>();
  const std::vector<int64_t> counts = {31, 64, 16, 9001, 10, 1, 333};
  for (size_t i = 0; i < counts.size(); ++i)
    p->add({"p" + std::to_string(i), {counts[i]}, {Init::normal, 0.1}, i != 2});
  p->add_running_statistics("bn", 16);
  p->build(Device::cpu, 5);
  return p;
}

inline std::unique_ptr<ModelAverager> make_averager(ParameterStore& p, const std::string& compressor,
                                                    OuterMomentum outer) {
  return std::make_unique<ModelAverager>(p, make_compressor(parse_compression(compressor), p, {}), outer, Queue{});
}

// Stands for the local steps between two averagings: adds normal numbers, a sixteenth of them zero, and leaves the
// padding.
inline void drift(ParameterStore& p, int rank, int round, float size = 0.01f) {
  for (const Segment& s : p.segments())
    for (int64_t i = s.begin; i < s.begin + s.count; ++i) {
      const RandomWords w = random_words(3, Purpose::test, uint32_t(round), uint32_t(rank), uint32_t(i));
      if (w[2] % 16 != 0) p.value.host()[i] += size * float(normal(w[0], w[1]));
    }
}

// Runs body on every rank. Rethrows the exception of the lowest rank that has thrown.
inline void on_ranks(int size, const std::function<void(Communicator&)>& body, int threads_of_each = 1) {
  ThreadGroup group(size);
  std::vector<std::exception_ptr> errors(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int r = 0; r < size; ++r)
    threads.emplace_back([&, r] {
      omp_set_num_threads(threads_of_each);
      const auto ranks = group.join(r);
      try {
        body(*ranks);
      } catch (...) {
        errors[size_t(r)] = std::current_exception();
      }
    });
  for (std::thread& t : threads) t.join();
  for (const auto& e : errors)
    if (e) std::rethrow_exception(e);
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// The largest absolute value between the segments: padding, which must stay zero.
inline float largest_in_padding(const ParameterStore& p, std::vector<float> flat) {
  for (const Segment& s : p.segments()) std::fill_n(flat.begin() + s.begin, s.count, 0.0f);
  float largest = 0;
  for (const float x : flat) largest = std::max(largest, std::abs(x));
  return largest;
}

}  // namespace skein::testing
