// A sequence of all collective operations on seeded data. Its results must be the same on every transport.
#pragma once

#include <vector>

#include "base/random.h"
#include "comm/communicator.h"

namespace skein::testing {

inline View view_of(std::vector<float>& x) { return {x.data(), DType::f32, {1, 1, 1, int64_t(x.size())}}; }
inline View view_of(std::vector<uint8_t>& x) { return {x.data(), DType::u8, {1, 1, 1, int64_t(x.size())}}; }

// The input of rank `rank`: normal numbers of very different sizes, so that the bits of a sum depend on its order.
inline std::vector<float> contribution(int64_t n, int rank, uint32_t item = 0) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) {
    const RandomWords w = random_words(7, Purpose::test, uint32_t(rank), item, uint32_t(i));
    x[i] = float(normal(w[0], w[1])) * (w[2] % 3 == 0 ? 1000.0f : 1.0f);
  }
  return x;
}

inline const std::vector<int64_t> kSizes = {0, 1, 2, 3, 7, 64, 1001, 20001};

// Everything that this rank received, in order.
inline std::vector<float> run_script(Communicator& world) {
  std::vector<float> log;
  auto keep = [&](const std::vector<float>& x) { log.insert(log.end(), x.begin(), x.end()); };
  auto use = [&](Communicator& c, uint32_t item) {
    for (const int64_t n : kSizes) {
      std::vector<float> x = contribution(n, world.rank(), item);
      c.all_reduce(view_of(x), item == 0 ? 1.0f : 1.0f / float(c.size()));
      keep(x);
      std::vector<float> mine = contribution(n, world.rank(), item), all(mine.size() * size_t(c.size()));
      c.all_gather(view_of(mine), view_of(all));
      keep(all);
      std::vector<float> to = contribution(n * c.size(), world.rank(), item), from(to.size());
      c.all_to_all(view_of(to), view_of(from));
      keep(from);
      c.barrier();
    }
    log.push_back(float(c.rank())), log.push_back(float(c.size()));
    log.push_back(float(c.traffic().bytes)), log.push_back(float(c.traffic().rounds));
  };
  use(world, 0);
  const auto parity = world.split(world.rank() % 2);
  use(*parity, 1);
  const auto half = parity->split(parity->rank() / 2);
  use(*half, 2);
  use(world, 3);
  // The library's own sum, where the transport has one: of whole numbers, whose order does not matter.
  std::vector<float> sum = {1, 2, 3};
  const float ranks = world.library_all_reduce(view_of(sum)) ? float(world.size()) : 1.0f;
  log.push_back(sum == std::vector<float>{ranks, 2 * ranks, 3 * ranks} ? 1.0f : 0.0f);
  return log;
}

}  // namespace skein::testing
