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
#include "kernels/runtime.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPoll = std::chrono::microseconds(50);
static_assert(sizeof(ncclUniqueId) == sizeof(NcclId));

class NcclCommunicator : public Communicator {
 public:
  // With a null handle, which connect() fills.
  NcclCommunicator(const NcclApi& api, int rank, int size, Queue queue, NcclOptions options)
      : api_(api), rank_(rank), size_(size), queue_(queue), options_(options), done_(cuda::create_event()) {}

  ~NcclCommunicator() override {
    if (comm_ && std::uncaught_exceptions() == 0 && !failed_) {
      if (api_.finalize(comm_) == ncclInProgress) try_to_settle();
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
    check(api_.init_rank(&comm_, size_, same, rank_, &config), "ncclCommInitRankConfig");
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  Traffic traffic() const override { return traffic_; }

  void all_reduce(View data, float scale) override {
    CHECK(data.dtype == DType::f32, "sum is of f32");
    count(sum_bytes(data, rank_, size_), 2);
    on_device({data}, [&](View all) {
      const View own = slice(all, shard(all.numel(), rank_, size_));
      std::vector<View> parts = parts_like(own);
      parts[size_t(rank_)] = own;
      in_group([&] {
        for_others([&](int r) { send(slice(all, shard(all.numel(), r, size_)), r); });
        for_others([&](int r) { receive(parts[size_t(r)], r); });
      });
      cuda::sum_to_one(queue_.stream, parts, scale, own);
      in_group([&] {
        for_others([&](int r) { send(own, r); });
        for_others([&](int r) { receive(slice(all, shard(all.numel(), r, size_)), r); });
      });
    });
  }

  void all_gather(View mine, View all) override {
    CHECK(all.dtype == mine.dtype && all.numel() == size() * mine.numel(), "gather of {} elements into {}",
          mine.numel(), all.numel());
    count(gather_bytes(mine, size_));
    on_device({mine, all}, [&](View from, View to) {
      check(api_.all_gather(from.data, to.data, from.bytes(), ncclUint8, comm_, queue_.stream), "ncclAllGather");
    });
  }

  void all_to_all(View to, View from) override {
    CHECK(to.dtype == from.dtype && to.numel() == from.numel() && to.numel() % size() == 0,
          "exchange of {} elements with {} among {} ranks", to.numel(), from.numel(), size());
    count(exchange_bytes(to, size_));
    on_device({to, from}, [&](View out, View in) {
      const Shard own = shard(out.numel(), rank_, size_);
      cuda::copy(queue_.stream, slice(out, own), slice(in, own));
      in_group([&] {
        for_others([&](int r) { send(slice(out, shard(out.numel(), r, size_)), r); });
        for_others([&](int r) { receive(slice(in, shard(in.numel(), r, size_)), r); });
      });
    });
  }

  void broadcast(View data, int root) override {
    CHECK(0 <= root && root < size(), "rank {} of {}", root, size());
    count(broadcast_bytes(data, rank_ == root, size_));
    on_device({data}, [&](View all) {
      check(api_.broadcast(all.data, all.data, all.bytes(), ncclUint8, root, comm_, queue_.stream), "ncclBroadcast");
    });
  }

  void barrier() override {
    const Traffic before = traffic_;
    float nothing = 0;
    all_reduce({&nothing, DType::f32, {1, 1, 1, 1}}, 1);
    traffic_ = before;
  }

  std::unique_ptr<Communicator> split(int color) override {
    // NCCL does not tell what became of the ranks: they say their colors to each other first.
    std::vector<int32_t> colors(size_t(size_), 0);
    const Traffic before = traffic_;
    all_gather({&color, DType::i32, {1, 1, 1, 1}}, {colors.data(), DType::i32, {1, 1, 1, size_}});
    traffic_ = before;
    int place = 0, members = 0;
    for (int r = 0; r < size_; ++r)
      if (colors[size_t(r)] == color) place += r < rank_, ++members;
    auto part = std::make_unique<NcclCommunicator>(api_, place, members, queue_, options_);
    ncclConfig_t config = non_blocking();
    check(api_.split(comm_, color, rank_, &part->comm_, &config), "ncclCommSplit");
    part->settle("ncclCommSplit");
    return part;
  }

 private:
  static ncclConfig_t non_blocking() {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    return config;
  }

  template <class Body>
  void for_others(Body&& body) const {
    for (int step = 1; step < size_; ++step) body((rank_ + step) % size_);
  }

  template <class Body>
  void in_group(Body&& body) {
    check(api_.group_start(), "ncclGroupStart");
    body();
    check(api_.group_end(), "ncclGroupEnd");
  }

  // Within a group these only note what is to be done; the group's end reports.
  void send(View v, int to) {
    if (v.bytes() > 0) check_queued(api_.send(v.data, v.bytes(), ncclUint8, to, comm_, queue_.stream), "ncclSend");
  }
  void receive(View v, int from) {
    if (v.bytes() > 0) check_queued(api_.receive(v.data, v.bytes(), ncclUint8, from, comm_, queue_.stream), "ncclRecv");
  }

  // Memory for the others' parts of this rank's shard.
  std::vector<View> parts_like(View own) {
    const int64_t n = own.numel();
    if (!parts_.defined() || parts_.numel() < n * size_)
      parts_ = Tensor::empty(Device::cuda, DType::f32, {std::max<int64_t>(n * size_, 1)});
    std::vector<View> parts;
    for (int r = 0; r < size_; ++r) parts.push_back({parts_.view().as<float>() + r * n, DType::f32, {1, 1, 1, n}});
    return parts;
  }

  // Calls body with views of the GPU's memory, copies of those that are not, and waits until it is done; what was
  // copied goes back.
  template <class Body>
  void on_device(std::initializer_list<View> views, Body&& body) {
    std::vector<Tensor> staged;
    std::vector<View> there;
    for (const View& v : views) {
      there.push_back(v);
      if (v.numel() == 0 || cuda::on_device(v.data)) continue;
      staged.push_back(Tensor::empty(Device::cuda, v.dtype, {v.numel()}));
      cuda::copy_from_host(queue_.stream, v.data, staged.back());
      there.back().data = staged.back().view().data;
    }
    try {
      if constexpr (std::is_invocable_v<Body, View>)
        body(there[0]);
      else
        body(there[0], there[1]);
      wait_for_stream();
    } catch (...) {
      if (!staged.empty()) abandon();  // or the copies into them would come after they are gone
      throw;
    }
    size_t i = 0;
    for (const View& v : views) {
      if (there[i].data != v.data) cuda::copy_to_host(queue_.stream, there[i], v.data);
      ++i;
    }
  }

  // Ends what NCCL still has on the stream, which then comes to its end.
  void abandon() {
    if (comm_) api_.abort(std::exchange(comm_, nullptr));
    cuda::synchronize(queue_.stream);
  }

  void wait_for_stream() {
    cuda::record(done_, queue_.stream);
    const auto begin = Clock::now();
    while (!cuda::passed(done_)) {
      ncclResult_t state = ncclSuccess;
      api_.async_error(comm_, &state);
      if (state != ncclSuccess && state != ncclInProgress) lose("a collective", state);
      be_patient("a collective", begin);
    }
  }

  // Of a communicator that does not block, a call may still be under way when it returns.
  void check(ncclResult_t result, const char* call) {
    check_queued(result, call);
    if (result == ncclInProgress) settle(call);
  }
  void check_queued(ncclResult_t result, const char* call) {
    if (result != ncclSuccess && result != ncclInProgress) lose(call, result);
  }

  void settle(const char* call) {
    const auto begin = Clock::now();
    for (;;) {
      ncclResult_t state = ncclInProgress;
      const ncclResult_t asked = comm_ ? api_.async_error(comm_, &state) : ncclSuccess;
      if (asked != ncclSuccess) lose(call, asked);
      if (state == ncclSuccess) return;
      if (state != ncclInProgress) lose(call, state);
      be_patient(call, begin);
    }
  }

  void try_to_settle() noexcept {
    try {
      settle("ncclCommFinalize");
    } catch (const PeerLost&) {  // the run is over and its results are safe
    }
  }

  void be_patient(const char* call, Clock::time_point begin) {
    if (std::chrono::duration<double>(Clock::now() - begin).count() > options_.patience) {
      failed_ = true;
      throw PeerLost(fmt::format("rank {}: {} of {} ranks is not done after {} seconds. A rank has died or hangs",
                                 rank_, call, size_, options_.patience));
    }
    std::this_thread::sleep_for(kPoll);
  }

  [[noreturn]] void lose(const char* call, ncclResult_t why) {
    failed_ = true;
    const char* detail = api_.last_error(comm_);
    throw PeerLost(fmt::format("rank {}: {} failed: {}{}{}. Set NCCL_DEBUG=INFO to see more", rank_, call,
                               api_.error_string(why), detail && *detail ? ": " : "", detail ? detail : ""));
  }

  void count(int64_t bytes, int64_t rounds = 1) {
    if (size_ == 1) return;
    traffic_.bytes += bytes;
    traffic_.rounds += rounds;
  }

  const NcclApi& api_;
  ncclComm_t comm_ = nullptr;
  int rank_, size_;
  Queue queue_;
  NcclOptions options_;
  cuda::Event done_;
  bool failed_ = false;
  Tensor parts_;
  Traffic traffic_;
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
