#include "comm/transports/mpi_communicator.h"

#include <cstdio>
#include <exception>

#include "base/check.h"
#include "comm/shards.h"
#include "comm/transports/mpi_requests.h"
#include "kernels/all_sum.h"
#include "kernels/runtime.h"

namespace skein {
namespace {

enum Tag : int { kPart = 1, kSum, kData };

// MPI itself: stopped when the last communicator goes, but not while an error is on its way. MPI_Finalize would wait
// for the others then, who wait for us; without it mpirun ends the job as soon as this process ends.
struct MpiSession {
  MpiSession(const MpiApi& api, MpiOptions options) : api(api), options(options) {}
  const MpiApi& api;
  MpiOptions options;
  bool failed = false;
  bool healthy() const { return !failed && std::uncaught_exceptions() == 0; }
  ~MpiSession() {
    if (healthy()) api.stop();
  }
};

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator(std::shared_ptr<MpiSession> session, MpiComm comm)
      : session_(std::move(session)), api_(session_->api), comm_(comm) {
    check_mpi(api_, api_.rank(comm_, &rank_), "rank");
    check_mpi(api_, api_.size(comm_, &size_), "size");
  }
  ~MpiCommunicator() override {
    if (session_->healthy()) api_.release(&comm_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  Traffic traffic() const override { return traffic_; }
  MpiComm handle() const { return comm_; }

  void all_reduce(View data, float scale) override {
    CHECK(data.dtype == DType::f32, "sum is of f32");
    count(sum_bytes(data, rank_, size_), 2);
    guarded([&] {
      const int64_t longest = (data.numel() + size_ - 1) / size_, piece = std::min(session_->options.piece, longest);
      const int64_t pieces = piece == 0 ? 0 : (longest + piece - 1) / piece;
      if (size_ > 1) scratch_.resize(size_t(2 * size_ * piece));
      MpiRequests parts[2] = {requests(), requests()}, sums[2] = {requests(), requests()};
      for (int64_t i = 0; i < std::min<int64_t>(pieces, 2); ++i) start_parts(data, i, parts[i]);
      for (int64_t i = 0; i < pieces; ++i) {
        parts[i % 2].wait();
        add_parts(data, i, scale);
        if (i + 2 < pieces) start_parts(data, i + 2, parts[i % 2]);
        sums[i % 2].wait();
        start_sums(data, i, sums[i % 2]);
      }
      sums[0].wait();
      sums[1].wait();
    });
  }

  void all_gather(View mine, View all) override {
    CHECK(all.dtype == mine.dtype && all.numel() == size() * mine.numel(), "gather of {} elements into {}",
          mine.numel(), all.numel());
    count(gather_bytes(mine, size_));
    guarded([&] {
      MpiRequests open = requests();
      for_others([&](int r) { open.receive(slice(all, shard(all.numel(), r, size_)), r, kData); });
      for_others([&](int r) { open.send(mine, r, kData); });
      copy(mine, slice(all, shard(all.numel(), rank_, size_)));
      open.wait();
    });
  }

  void all_to_all(View to, View from) override {
    CHECK(to.dtype == from.dtype && to.numel() == from.numel() && to.numel() % size() == 0,
          "exchange of {} elements with {} among {} ranks", to.numel(), from.numel(), size());
    count(exchange_bytes(to, size_));
    guarded([&] {
      MpiRequests open = requests();
      for_others([&](int r) { open.receive(slice(from, shard(from.numel(), r, size_)), r, kData); });
      for_others([&](int r) { open.send(slice(to, shard(to.numel(), r, size_)), r, kData); });
      const Shard own = shard(to.numel(), rank_, size_);
      copy(slice(to, own), slice(from, own));
      open.wait();
    });
  }

  void broadcast(View data, int root) override {
    CHECK(0 <= root && root < size(), "rank {} of {}", root, size());
    count(broadcast_bytes(data, rank_ == root, size_));
    guarded([&] { requests().broadcast(data, root); });
  }

  void barrier() override {
    guarded([&] { requests().barrier(); });
  }

  std::unique_ptr<Communicator> split(int color) override {
    MpiComm part;
    guarded([&] { check_mpi(api_, api_.split(comm_, color, rank_, &part), "split"); });
    return std::make_unique<MpiCommunicator>(session_, part);
  }

 private:
  MpiRequests requests() const { return {api_, comm_, session_->options.message, session_->options.patience}; }

  Shard piece_of(int64_t n, int rank, int64_t i) const {
    const Shard s = shard(n, rank, size_);
    const int64_t begin = std::min(s.end, s.begin + i * session_->options.piece);
    return {begin, std::min(s.end, begin + session_->options.piece)};
  }

  // Where rank r's part of piece i of this rank's shard arrives; two pieces are on their way at a time.
  View part(int r, int64_t i, int64_t length) {
    const int64_t room = int64_t(scratch_.size()) / (2 * size_);
    return {scratch_.data() + (i % 2 * size_ + r) * room, DType::f32, {1, 1, 1, length}};
  }

  void start_parts(View data, int64_t i, MpiRequests& open) {
    const int64_t length = piece_of(data.numel(), rank_, i).size();
    for_others([&](int r) { open.receive(part(r, i, length), r, kPart); });
    for_others([&](int r) { open.send(slice(data, piece_of(data.numel(), r, i)), r, kPart); });
  }

  void add_parts(View data, int64_t i, float scale) {
    const View own = slice(data, piece_of(data.numel(), rank_, i));
    std::vector<View> all;
    for (int r = 0; r < size_; ++r) all.push_back(r == rank_ ? own : part(r, i, own.numel()));
    cpu::sum_to_one(nullptr, all, scale, own);
  }

  // This rank's parts of piece i have left (the wait was for the sends too), so the sums may come into their place.
  void start_sums(View data, int64_t i, MpiRequests& open) const {
    for_others([&](int r) { open.receive(slice(data, piece_of(data.numel(), r, i)), r, kSum); });
    for_others([&](int r) { open.send(slice(data, piece_of(data.numel(), rank_, i)), r, kSum); });
  }

  // The others, each rank starting with its right neighbour, so that not all send to the same one at once.
  template <class Body>
  void for_others(Body&& body) const {
    for (int step = 1; step < size_; ++step) body((rank_ + step) % size_);
  }

  template <class Body>
  void guarded(Body&& body) {
    try {
      body();
    } catch (...) {
      session_->failed = true;
      throw;
    }
  }

  void count(int64_t bytes, int64_t rounds = 1) {
    if (size_ == 1) return;
    traffic_.bytes += bytes;
    traffic_.rounds += rounds;
  }

  static void copy(View from, View to) {
    if (from.data != to.data && from.numel() > 0) cpu::copy(nullptr, from, to);
  }

  std::shared_ptr<MpiSession> session_;
  const MpiApi& api_;
  MpiComm comm_;
  int rank_ = 0, size_ = 1;
  Traffic traffic_;
  std::vector<float> scratch_;
};

}  // namespace

std::unique_ptr<Communicator> join_mpi(const MpiApi& api, int expected, MpiOptions options) {
  MpiComm world;
  check_mpi(api, api.start(&world), "start");
  auto session = std::make_shared<MpiSession>(api, options);
  auto communicator = std::make_unique<MpiCommunicator>(std::move(session), world);
  if (expected != 0 && communicator->size() != expected)
    throw BadInput(
        "the launcher started {} processes, but MPI knows of {}: start skein with the mpirun of the MPI that "
        "it was built with",
        expected, communicator->size());
  return communicator;
}

void abort_mpi(const MpiApi& api, const Communicator& world, const std::string& reason, int status) {
  fmt::print(stderr, "skein: rank {}: {}\n", world.rank(), reason);
  std::fflush(stderr);
  api.abort(status);
}

void all_reduce_of_mpi(const MpiApi& api, Communicator& world, View data) {
  const auto& mpi = dynamic_cast<const MpiCommunicator&>(world);
  check_mpi(api, api.all_reduce(mpi.handle(), data.as<float>(), data.numel()), "all_reduce");
}

}  // namespace skein
