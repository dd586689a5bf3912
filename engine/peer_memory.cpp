#include "engine/peer_memory.h"

#include "kernels/device/peers.h"

namespace skein {

bool PeerMemory::is_foreign(View v) {
  if (queue_.device == Device::cpu || v.numel() == 0) return false;
  if (own_ < 0) own_ = cuda::current_device();
  return cuda::device_of(v.data) != own_;
}

bool PeerMemory::reaches(View v) {
  if (!is_foreign(v)) return true;
  const int peer = cuda::device_of(v.data);
  const auto [known, is_new] = reach_.try_emplace(peer);
  if (is_new) known->second = cuda::reach_device(peer);
  return known->second;
}

void PeerMemory::copy(View from, View to) {
  if (from.data == to.data || from.numel() == 0) return;
  // Asked for even where the copy does not need it: within reach it takes the direct way.
  const bool near = reaches(from) && reaches(to);
  if (near && !is_foreign(from) && !is_foreign(to))
    queue_.run(kernel::copy, from, to);
  else
    cuda::copy_between(queue_.stream, from, to);
}

void PeerMemory::finish() {
  if (staged_.defined()) queue_.run(kernel::synchronize);
}

std::vector<View> PeerMemory::readable(std::span<const View> views) {
  std::vector<View> all(views.begin(), views.end());
  size_t bytes = 0;
  for (const View& v : views)
    if (!reaches(v)) bytes += padded_bytes(DType::u8, {int64_t(v.bytes())});
  if (bytes == 0) return all;
  if (!staged_.defined() || staged_.view().bytes() < bytes) {
    finish();
    staged_ = Tensor::empty(queue_.device, DType::u8, {int64_t(bytes)});
  }
  char* at = staged_.view().as<char>();
  for (View& v : all) {
    if (reaches(v)) continue;
    const View there = v;
    v.data = at;
    cuda::copy_between(queue_.stream, there, v);
    at += padded_bytes(DType::u8, {int64_t(v.bytes())});
  }
  return all;
}

}  // namespace skein
