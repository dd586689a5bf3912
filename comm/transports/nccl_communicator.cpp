#include "comm/transports/nccl_communicator.h"

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/check.h"
#include "comm/shards.h"
#include "comm/transports/nccl_api.h"
#include "engine/tensor.h"
#include "kernels/all_sum.h"
#include "kernels/device/runtime.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPoll = std::chrono::microseconds(50);
static_assert(sizeof(ncclUniqueId) == sizeof(NcclId));

class NcclCommunicator : public Communicator {
 public:
  // Not yet connected: connect() or a split sets the handle.
  NcclCommunicator(const NcclApi& api, int rank, int size, Queue queue, NcclOptions options)
      : Communicator(rank, size, queue), api_(api), options_(options), done_(cuda::create_event()) {}

  ~NcclCommunicator() override {
    if (comm_ && std::uncaught_exceptions() == 0 && !failed_) {
      if (api_.finalize(comm_) == ncclInProgress) finalize_quietly();
      api_.destroy(comm_);
    } else if (comm_) {
      api_.abort(comm_);
    }
    cuda::destroy_event(done_);
  }

  void connect(const NcclId& id) {
    ncclUniqueId same{};
    std::memcpy(&same, id.data(), sizeof(same));
    ncclConfig_t config = non_blocking();
    check(api_.init_rank(&comm_, size(), same, rank(), &config), "ncclCommInitRankConfig");
  }

  const char* library_all_reduce(View data) override {
    on_device({data}, [&](View all) {
      check(api_.all_reduce(all.data, all.data, size_t(all.numel()), ncclFloat, ncclSum, comm_, queue().stream),
            "ncclAllReduce");
    });
    return "ncclAllReduce";
  }

 protected:
  void do_all_reduce(View data, float scale) override {
    on_device({data}, [&](View all) {
      const View own = slice(all, shard(all.numel(), rank(), size()));
      std::vector<View> parts = parts_like(own);
      parts[size_t(rank())] = own;
      in_group([&] {
        for_other_ranks([&](int r) { send(slice(all, shard(all.numel(), r, size())), r); });
        for_other_ranks([&](int r) { receive(parts[size_t(r)], r); });
      });
      cuda::sum_to_one(queue().stream, parts, scale, own);
      in_group([&] {
        for_other_ranks([&](int r) { send(own, r); });
        for_other_ranks([&](int r) { receive(slice(all, shard(all.numel(), r, size())), r); });
      });
    });
  }

  void do_all_gather(View mine, View all) override {
    on_device({mine, all}, [&](View from, View to) {
      check(api_.all_gather(from.data, to.data, from.bytes(), ncclUint8, comm_, queue().stream), "ncclAllGather");
    });
  }

  void do_all_to_all(View sent, View received) override {
    on_device({sent, received}, [&](View out, View in) {
      const Shard own = shard(out.numel(), rank(), size());
      copy(slice(out, own), slice(in, own));
      in_group([&] {
        for_other_ranks([&](int r) { send(slice(out, shard(out.numel(), r, size())), r); });
        for_other_ranks([&](int r) { receive(slice(in, shard(in.numel(), r, size())), r); });
      });
    });
  }

  void do_barrier() override {
    float nothing = 0;
    do_all_reduce({&nothing, DType::f32, {1, 1, 1, 1}}, 1);
  }

  std::unique_ptr<Communicator> do_split(int color) override {
    const std::vector<int32_t> colors = gather_colors(color);
    int part_rank = 0, members = 0;
    for (int r = 0; r < size(); ++r)
      if (colors[size_t(r)] == color) part_rank += r < rank(), ++members;
    auto part = std::make_unique<NcclCommunicator>(api_, part_rank, members, queue(), options_);
    ncclConfig_t config = non_blocking();
    check(api_.split(comm_, color, rank(), &part->comm_, &config), "ncclCommSplit");
    part->poll_until_done("ncclCommSplit");
    return part;
  }

 private:
  static ncclConfig_t non_blocking() {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    return config;
  }

  template <class Body>
  void in_group(Body&& body) {
    check(api_.group_start(), "ncclGroupStart");
    body();
    check(api_.group_end(), "ncclGroupEnd");
  }

  // Within a group these only queue; the group's end reports errors.
  void send(View v, int to) {
    if (v.bytes() > 0) check_queued(api_.send(v.data, v.bytes(), ncclUint8, to, comm_, queue().stream), "ncclSend");
  }
  void receive(View v, int from) {
    if (v.bytes() > 0)
      check_queued(api_.receive(v.data, v.bytes(), ncclUint8, from, comm_, queue().stream), "ncclRecv");
  }

  // Memory for the other ranks' parts of this rank's shard.
  std::vector<View> parts_like(View own) {
    const int64_t n = own.numel();
    if (!parts_.defined() || parts_.numel() < n * size())
      parts_ = Tensor::empty(Device::cuda, DType::f32, {std::max<int64_t>(n * size(), 1)});
    std::vector<View> parts;
    for (int r = 0; r < size(); ++r) parts.push_back({parts_.view().as<float>() + r * n, DType::f32, {1, 1, 1, n}});
    return parts;
  }

  // Calls body with views of device memory and waits until its work is done. Host views are staged: copied to the
  // device before, and back afterwards.
  template <class Body>
  void on_device(std::initializer_list<View> views, Body&& body) {
    std::vector<Tensor> staged;
    std::vector<View> there;
    for (const View& v : views) {
      there.push_back(v);
      if (v.numel() == 0 || cuda::on_device(v.data)) continue;
      staged.push_back(Tensor::empty(Device::cuda, v.dtype, {v.numel()}));
      cuda::copy_from_host(queue().stream, v.data, staged.back());
      there.back().data = staged.back().view().data;
    }
    try {
      if constexpr (std::is_invocable_v<Body, View>)
        body(there[0]);
      else
        body(there[0], there[1]);
      wait_for_stream();
    } catch (...) {
      if (!staged.empty()) abort_and_synchronize();  // before the staging memory is released
      throw;
    }
    size_t i = 0;
    for (const View& v : views) {
      if (there[i].data != v.data) cuda::copy_to_host(queue().stream, there[i], v.data);
      ++i;
    }
  }

  // Aborts NCCL's work on the stream, so that the stream can end.
  void abort_and_synchronize() {
    if (comm_) api_.abort(std::exchange(comm_, nullptr));
    cuda::synchronize(queue().stream);
  }

  void wait_for_stream() {
    cuda::record(done_, queue().stream);
    const auto begin = Clock::now();
    while (!cuda::passed(done_)) {
      ncclResult_t state = ncclSuccess;
      api_.async_error(comm_, &state);
      if (state != ncclSuccess && state != ncclInProgress) throw_lost("a collective", state);
      sleep_or_time_out("a collective", begin);
    }
  }

  // The communicator does not block, so a call may still be in progress when it returns.
  void check(ncclResult_t result, const char* call) {
    check_queued(result, call);
    if (result == ncclInProgress) poll_until_done(call);
  }
  void check_queued(ncclResult_t result, const char* call) {
    if (result != ncclSuccess && result != ncclInProgress) throw_lost(call, result);
  }

  void poll_until_done(const char* call) {
    const auto begin = Clock::now();
    for (;;) {
      ncclResult_t state = ncclInProgress;
      const ncclResult_t result = comm_ ? api_.async_error(comm_, &state) : ncclSuccess;
      if (result != ncclSuccess) throw_lost(call, result);
      if (state == ncclSuccess) return;
      if (state != ncclInProgress) throw_lost(call, state);
      sleep_or_time_out(call, begin);
    }
  }

  void finalize_quietly() noexcept {
    try {
      poll_until_done("ncclCommFinalize");
    } catch (const PeerLost&) {  // the run has ended and its results are saved
    }
  }

  void sleep_or_time_out(const char* call, Clock::time_point begin) {
    if (std::chrono::duration<double>(Clock::now() - begin).count() > options_.timeout) {
      failed_ = true;
      throw PeerLost(fmt::format("rank {}: {} of {} ranks is not done after {} seconds. A rank has died or hangs",
                                 rank(), call, size(), options_.timeout));
    }
    std::this_thread::sleep_for(kPoll);
  }

  [[noreturn]] void throw_lost(const char* call, ncclResult_t why) {
    failed_ = true;
    const char* detail = api_.last_error(comm_);
    throw PeerLost(fmt::format("rank {}: {} failed: {}{}{}. Set NCCL_DEBUG=INFO to see more", rank(), call,
                               api_.error_string(why), detail && *detail ? ": " : "", detail ? detail : ""));
  }

  const NcclApi& api_;
  ncclComm_t comm_ = nullptr;
  NcclOptions options_;
  cuda::Event done_;
  bool failed_ = false;
  Tensor parts_;
};

}  // namespace

NcclId make_nccl_id(const NcclApi& api) {
  ncclUniqueId made{};
  if (const ncclResult_t result = api.get_unique_id(&made); result != ncclSuccess)
    throw RunFailed("NCCL cannot make the id of a communicator: {}. Set NCCL_DEBUG=INFO to see more",
                    api.error_string(result));
  NcclId id;
  std::memcpy(id.data(), &made, sizeof(made));
  return id;
}

std::unique_ptr<Communicator> join_nccl(const NcclApi& api, const NcclId& id, int rank, int size, Queue queue,
                                        NcclOptions options) {
  CHECK(queue.device == Device::cuda && queue.stream, "NCCL needs a stream of a GPU");
  auto communicator = std::make_unique<NcclCommunicator>(api, rank, size, queue, options);
  communicator->connect(id);
  return communicator;
}

}  // namespace skein
