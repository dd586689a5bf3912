#include "comm/transports/tcp_communicator.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/check.h"
#include "comm/shards.h"
#include "comm/transports/tcp_rendezvous.h"
#include "comm/transports/tcp_streams.h"
#include "kernels/all_sum.h"
#include "kernels/runtime.h"

namespace skein {
namespace {

class TcpCommunicator : public Communicator {
 public:
  // members: the group's ranks of all, in order; `group` tells its messages from others'.
  TcpCommunicator(std::shared_ptr<TcpStreams> streams, std::vector<int> members, uint32_t group, int64_t piece)
      : streams_(std::move(streams)), members_(std::move(members)), group_(group), piece_(piece) {
    while (members_[size_t(rank_)] != streams_->rank()) ++rank_;
  }

  int rank() const override { return rank_; }
  int size() const override { return int(members_.size()); }
  Traffic traffic() const override { return traffic_; }
  TcpStreams& streams() const { return *streams_; }

  void all_reduce(View data, float scale) override {
    CHECK(data.dtype == DType::f32, "sum is of f32");
    count(sum_bytes(data, rank_, size()), 2);
    const int64_t longest = (data.numel() + size() - 1) / size();
    const int64_t piece = std::min(piece_, longest), pieces = piece == 0 ? 0 : (longest + piece - 1) / piece;
    if (size() > 1) scratch_.resize(size_t(size() * piece));
    for (int64_t i = 0; i <= pieces; ++i) {
      if (i < pieces) exchange_parts(data, i);
      if (i > 0) exchange_sums(data, i - 1);
      streams_->wait();
      if (i < pieces) add_parts(data, i, scale);
    }
  }

  void all_gather(View mine, View all) override {
    CHECK(all.dtype == mine.dtype && all.numel() == size() * mine.numel(), "gather of {} elements into {}",
          mine.numel(), all.numel());
    count(gather_bytes(mine, size()));
    for_others([&](int r) { receive(slice(all, shard(all.numel(), r, size())), r); });
    for_others([&](int r) { send(mine, r); });
    copy(mine, slice(all, shard(all.numel(), rank_, size())));
    streams_->wait();
  }

  void all_to_all(View to, View from) override {
    CHECK(to.dtype == from.dtype && to.numel() == from.numel() && to.numel() % size() == 0,
          "exchange of {} elements with {} among {} ranks", to.numel(), from.numel(), size());
    count(exchange_bytes(to, size()));
    for_others([&](int r) { receive(slice(from, shard(from.numel(), r, size())), r); });
    for_others([&](int r) { send(slice(to, shard(to.numel(), r, size())), r); });
    const Shard own = shard(to.numel(), rank_, size());
    copy(slice(to, own), slice(from, own));
    streams_->wait();
  }

  void broadcast(View data, int root) override {
    CHECK(0 <= root && root < size(), "rank {} of {}", root, size());
    count(broadcast_bytes(data, rank_ == root, size()));
    if (rank_ == root)
      for_others([&](int r) { send(data, r); });
    else
      receive(data, root);
    streams_->wait();
  }

  void barrier() override { gather_uncounted(0); }

  std::unique_ptr<Communicator> split(int color) override {
    const std::vector<int32_t> colors = gather_uncounted(color);
    std::vector<int> part;
    for (int r = 0; r < size(); ++r)
      if (colors[size_t(r)] == color) part.push_back(members_[size_t(r)]);
    constexpr uint32_t kSpread = 0x9e3779b1;
    const uint32_t group = ((group_ * kSpread + ++splits_) * kSpread + uint32_t(color)) * kSpread + 1;
    return std::make_unique<TcpCommunicator>(streams_, std::move(part), group, piece_);
  }

 private:
  void send(View v, int r) { streams_->send(v, members_[size_t(r)], group_); }
  void receive(View v, int r) { streams_->receive(v, members_[size_t(r)], group_); }

  Shard piece_of(int64_t n, int rank, int64_t i) const {
    const Shard s = shard(n, rank, size());
    const int64_t begin = std::min(s.end, s.begin + i * piece_);
    return {begin, std::min(s.end, begin + piece_)};
  }

  // Where rank r's part of a piece of this rank's shard arrives.
  View part(int r, int64_t length) {
    const int64_t room = int64_t(scratch_.size()) / size();
    return {scratch_.data() + r * room, DType::f32, {1, 1, 1, length}};
  }

  void exchange_parts(View data, int64_t i) {
    const int64_t length = piece_of(data.numel(), rank_, i).size();
    for_others([&](int r) { receive(part(r, length), r); });
    for_others([&](int r) { send(slice(data, piece_of(data.numel(), r, i)), r); });
  }

  void add_parts(View data, int64_t i, float scale) {
    const View own = slice(data, piece_of(data.numel(), rank_, i));
    std::vector<View> all;
    for (int r = 0; r < size(); ++r) all.push_back(r == rank_ ? own : part(r, own.numel()));
    cpu::sum_to_one(nullptr, all, scale, own);
  }

  // This rank's parts of piece i left before the last wait ended, so the sums may come into their place.
  void exchange_sums(View data, int64_t i) {
    for_others([&](int r) { receive(slice(data, piece_of(data.numel(), r, i)), r); });
    for_others([&](int r) { send(slice(data, piece_of(data.numel(), rank_, i)), r); });
  }

  std::vector<int32_t> gather_uncounted(int32_t mine) {
    const Traffic before = traffic_;
    std::vector<int32_t> all(members_.size());
    all_gather({&mine, DType::i32, {1, 1, 1, 1}}, {all.data(), DType::i32, {1, 1, 1, size()}});
    traffic_ = before;
    return all;
  }

  // The others, each rank starting with its right neighbour, so that not all send to the same one at once.
  template <class Body>
  void for_others(Body&& body) const {
    for (int step = 1; step < size(); ++step) body((rank_ + step) % size());
  }

  void count(int64_t bytes, int64_t rounds = 1) {
    if (size() == 1) return;
    traffic_.bytes += bytes;
    traffic_.rounds += rounds;
  }

  static void copy(View from, View to) {
    if (from.data != to.data && from.numel() > 0) cpu::copy(nullptr, from, to);
  }

  std::shared_ptr<TcpStreams> streams_;
  std::vector<int> members_;
  uint32_t group_, splits_ = 0;
  int64_t piece_;
  int rank_ = 0;
  Traffic traffic_;
  std::vector<float> scratch_;
};

}  // namespace

std::unique_ptr<Communicator> join_tcp(const Rendezvous& rendezvous, int rank, int size, TcpOptions options) {
  std::vector<Socket> links = rendezvous_over_tcp(rendezvous, rank, size, options.rendezvous);
  std::vector<int> all;
  for (int r = 0; r < size; ++r) all.push_back(r);
  auto streams = std::make_shared<TcpStreams>(std::move(links), rank, options.patience);
  return std::make_unique<TcpCommunicator>(std::move(streams), std::move(all), 0, options.piece);
}

void abort_tcp(const Communicator& world, const std::string& reason, int status) {
  fmt::print(stderr, "skein: rank {}: {}\n", world.rank(), reason);
  std::fflush(stderr);
  dynamic_cast<const TcpCommunicator&>(world).streams().say_goodbye(reason);
  std::_Exit(status);
}

}  // namespace skein
