#include "comm/transports/tcp_communicator.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/check.h"
#include "base/terminal/standard_files.h"
#include "comm/shards.h"
#include "comm/sockets/tcp_rendezvous.h"
#include "comm/transports/tcp_streams.h"
#include "kernels/all_sum.h"

namespace skein {
namespace {

int position_of(int rank, const std::vector<int>& members) {
  return int(std::find(members.begin(), members.end(), rank) - members.begin());
}

class TcpCommunicator : public Communicator {
 public:
  // members: the group's ranks among all, in order. group: marks this communicator's messages.
  TcpCommunicator(std::shared_ptr<TcpStreams> streams, std::vector<int> members, uint32_t group, int64_t piece)
      : Communicator(position_of(streams->rank(), members), int(members.size()), {}),
        streams_(std::move(streams)),
        members_(std::move(members)),
        group_(group),
        piece_(piece) {}

  TcpStreams& streams() const { return *streams_; }

 protected:
  // While the parts of piece i travel to the shards' owners, the sums of piece i - 1 travel back.
  void do_all_reduce(View data, float scale) override {
    const int64_t longest = (data.numel() + size() - 1) / size();
    const int64_t length = std::min(piece_, longest), pieces = length == 0 ? 0 : (longest + length - 1) / length;
    if (size() > 1) scratch_.resize(size_t(size() * length));
    for (int64_t i = 0; i <= pieces; ++i) {
      if (i < pieces) exchange_parts(data, i);
      if (i > 0) exchange_sums(data, i - 1);
      streams_->wait("all_reduce", int64_t(data.bytes()));
      if (i < pieces) add_parts(data, i, scale);
    }
  }

  void do_all_gather(View mine, View all) override {
    for_other_ranks([&](int r) { receive(slice(all, shard(all.numel(), r, size())), r); });
    for_other_ranks([&](int r) { send(mine, r); });
    copy(mine, slice(all, shard(all.numel(), rank(), size())));
    streams_->wait("all_gather", int64_t(all.bytes()));
  }

  void do_all_to_all(View sent, View received) override {
    for_other_ranks([&](int r) { receive(slice(received, shard(received.numel(), r, size())), r); });
    for_other_ranks([&](int r) { send(slice(sent, shard(sent.numel(), r, size())), r); });
    const Shard own = shard(sent.numel(), rank(), size());
    copy(slice(sent, own), slice(received, own));
    streams_->wait("all_to_all", int64_t(sent.bytes()));
  }

  void do_barrier() override { gather_colors(0); }

  std::unique_ptr<Communicator> do_split(int color) override {
    const std::vector<int32_t> colors = gather_colors(color);
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

  View piece_of(View data, int rank, int64_t i) const {
    return slice(data, piece(shard(data.numel(), rank, size()), i, piece_));
  }

  // Memory for rank r's part of a piece of this rank's shard.
  View part(int r, int64_t length) {
    const int64_t room = int64_t(scratch_.size()) / size();
    return {scratch_.data() + r * room, DType::f32, {1, 1, 1, length}};
  }

  void exchange_parts(View data, int64_t i) {
    const int64_t length = piece_of(data, rank(), i).numel();
    for_other_ranks([&](int r) { receive(part(r, length), r); });
    for_other_ranks([&](int r) { send(piece_of(data, r, i), r); });
  }

  void add_parts(View data, int64_t i, float scale) {
    const View own = piece_of(data, rank(), i);
    std::vector<View> all;
    for (int r = 0; r < size(); ++r) all.push_back(r == rank() ? own : part(r, own.numel()));
    cpu::sum_to_one(nullptr, all, scale, own);
  }

  // The sums may overwrite this rank's parts of piece i: those had been sent when the last wait ended.
  void exchange_sums(View data, int64_t i) {
    for_other_ranks([&](int r) { receive(piece_of(data, r, i), r); });
    for_other_ranks([&](int r) { send(piece_of(data, rank(), i), r); });
  }

  std::shared_ptr<TcpStreams> streams_;
  const std::vector<int> members_;
  const uint32_t group_;
  uint32_t splits_ = 0;
  const int64_t piece_;
  std::vector<float> scratch_;
};

}  // namespace

std::unique_ptr<Communicator> join_tcp(const Rendezvous& rendezvous, int rank, int size, TcpOptions options) {
  TcpRanks ranks =
      rendezvous_over_tcp(rendezvous, rank, size, {options.rendezvous_timeout, options.report_after, options.secret});
  std::vector<int> all;
  for (int r = 0; r < size; ++r) all.push_back(r);
  auto streams = std::make_shared<TcpStreams>(
      std::move(ranks), rank,
      StreamOptions{.timeout = options.timeout, .report_after = options.report_after, .heartbeat = options.heartbeat});
  return std::make_unique<TcpCommunicator>(std::move(streams), std::move(all), 0, options.piece);
}

void abort_tcp(const Communicator& world, const std::string& reason, int status) {
  print_error(fmt::format("rank {}: {}", world.rank(), reason));
  std::fflush(stderr);
  dynamic_cast<const TcpCommunicator&>(world).streams().send_abort(reason);
  std::_Exit(status);
}

}  // namespace skein
