#include "comm/communicator.h"

#include "base/activity.h"
#include "base/check.h"
#include "comm/shards.h"
#include "kernels/device/runtime.h"

namespace skein {

void Communicator::all_reduce(View data, float scale) {
  CHECK(data.dtype == DType::f32, "all_reduce is of f32");
  const activity::Call call("all_reduce", int64_t(data.bytes()));
  do_all_reduce(data, scale);
  count(all_reduce_bytes(data, rank_, size_), 2);
}

void Communicator::all_gather(View mine, View all) {
  CHECK(all.dtype == mine.dtype && all.numel() == size_ * mine.numel(), "all_gather of {} elements into {}",
        mine.numel(), all.numel());
  const activity::Call call("all_gather", int64_t(all.bytes()));
  do_all_gather(mine, all);
  count(all_gather_bytes(mine, size_), 1);
}

void Communicator::all_to_all(View sent, View received) {
  CHECK(sent.dtype == received.dtype && sent.numel() == received.numel() && sent.numel() % size_ == 0,
        "all_to_all of {} elements into {} among {} ranks", sent.numel(), received.numel(), size_);
  const activity::Call call("all_to_all", int64_t(sent.bytes()));
  do_all_to_all(sent, received);
  count(all_to_all_bytes(sent, size_), 1);
}

void Communicator::barrier() {
  const activity::Call call("barrier", 0);
  do_barrier();
}

std::unique_ptr<Communicator> Communicator::split(int color) {
  const activity::Call call("split", 0);
  return do_split(color);
}

void Communicator::copy(View from, View to) const {
  if (from.data != to.data && from.numel() > 0) queue_.run(kernel::copy, from, to);
}

std::vector<int32_t> Communicator::gather_colors(int32_t color) {
  std::vector<int32_t> all(static_cast<size_t>(size_));
  do_all_gather({&color, DType::i32, {1, 1, 1, 1}}, {all.data(), DType::i32, {1, 1, 1, size_}});
  return all;
}

void Communicator::count(int64_t bytes, int64_t rounds) {
  if (size_ == 1) return;
  traffic_.bytes += bytes;
  traffic_.rounds += rounds;
}

}  // namespace skein
