#include "comm/transports/mpi_communicator.h"

#include <cstdio>
#include <exception>

#include "base/check.h"
#include "base/terminal/standard_files.h"
#include "comm/shards.h"
#include "comm/transports/mpi_requests.h"
#include "kernels/all_sum.h"

namespace skein {
namespace {

enum Tag : int { kPart = 1, kSum, kData };

// Calls MPI_Finalize when the last communicator is destroyed, but not during stack unwinding: MPI_Finalize would wait
// for the other ranks, which wait for this one. mpirun ends the job as soon as this process ends without it.
struct MpiSession {
  MpiSession(const MpiApi& api, MpiOptions options) : api(api), options(options) {}
  const MpiApi& api;
  MpiOptions options;
  bool failed = false;
  UsualWait usual;
  bool healthy() const { return !failed && std::uncaught_exceptions() == 0; }
  ~MpiSession() {
    if (healthy()) api.stop();
  }
};

int number(const MpiApi& api, MpiComm comm, int (*ask)(MpiComm, int*), const char* what) {
  int n = 0;
  check_mpi(api, ask(comm, &n), what);
  return n;
}

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator(std::shared_ptr<MpiSession> session, MpiComm comm)
      : Communicator(number(session->api, comm, session->api.rank, "rank"),
                     number(session->api, comm, session->api.size, "size"), {}),
        session_(std::move(session)),
        api_(session_->api),
        comm_(comm) {}
  ~MpiCommunicator() override {
    if (session_->healthy()) api_.release(&comm_);
  }

  const MpiApi& api() const { return api_; }
  const char* library_all_reduce(View data) override {
    guarded([&] { check_mpi(api_, api_.all_reduce(comm_, data.as<float>(), data.numel()), "all_reduce"); });
    return "MPI_Allreduce";
  }

 protected:
  // Two pieces are under way: while piece i is added up, the parts of piece i + 1 arrive and the sums of i - 1 leave.
  void do_all_reduce(View data, float scale) override {
    guarded([&] {
      const int64_t longest = (data.numel() + size() - 1) / size(), length = std::min(session_->options.piece, longest);
      const int64_t pieces = length == 0 ? 0 : (longest + length - 1) / length;
      if (size() > 1) scratch_.resize(size_t(2 * size() * length));
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

  void do_all_gather(View mine, View all) override {
    guarded([&] {
      MpiRequests open = requests();
      for_other_ranks([&](int r) { open.receive(slice(all, shard(all.numel(), r, size())), r, kData); });
      for_other_ranks([&](int r) { open.send(mine, r, kData); });
      copy(mine, slice(all, shard(all.numel(), rank(), size())));
      open.wait();
    });
  }

  void do_all_to_all(View sent, View received) override {
    guarded([&] {
      MpiRequests open = requests();
      for_other_ranks([&](int r) { open.receive(slice(received, shard(received.numel(), r, size())), r, kData); });
      for_other_ranks([&](int r) { open.send(slice(sent, shard(sent.numel(), r, size())), r, kData); });
      const Shard own = shard(sent.numel(), rank(), size());
      copy(slice(sent, own), slice(received, own));
      open.wait();
    });
  }

  void do_barrier() override {
    guarded([&] { requests().barrier(); });
  }

  std::unique_ptr<Communicator> do_split(int color) override {
    MpiComm part;
    guarded([&] { check_mpi(api_, api_.split(comm_, color, rank(), &part), "split"); });
    return std::make_unique<MpiCommunicator>(session_, part);
  }

 private:
  MpiRequests requests() const {
    const MpiOptions& o = session_->options;
    return {api_, comm_, rank(), o.message, {o.timeout, o.report_after, &session_->usual}};
  }

  View piece_of(View data, int rank, int64_t i) const {
    return slice(data, piece(shard(data.numel(), rank, size()), i, session_->options.piece));
  }

  // Memory for rank r's part of piece i of this rank's shard; two pieces are under way at a time.
  View part(int r, int64_t i, int64_t length) {
    const int64_t room = int64_t(scratch_.size()) / (2 * size());
    return {scratch_.data() + (i % 2 * size() + r) * room, DType::f32, {1, 1, 1, length}};
  }

  void start_parts(View data, int64_t i, MpiRequests& open) {
    const int64_t length = piece_of(data, rank(), i).numel();
    for_other_ranks([&](int r) { open.receive(part(r, i, length), r, kPart); });
    for_other_ranks([&](int r) { open.send(piece_of(data, r, i), r, kPart); });
  }

  void add_parts(View data, int64_t i, float scale) {
    const View own = piece_of(data, rank(), i);
    std::vector<View> all;
    for (int r = 0; r < size(); ++r) all.push_back(r == rank() ? own : part(r, i, own.numel()));
    cpu::sum_to_one(nullptr, all, scale, own);
  }

  // The sums may overwrite this rank's parts of piece i: the wait for the parts was for the sends too.
  void start_sums(View data, int64_t i, MpiRequests& open) const {
    for_other_ranks([&](int r) { open.receive(piece_of(data, r, i), r, kSum); });
    for_other_ranks([&](int r) { open.send(piece_of(data, rank(), i), r, kSum); });
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

  std::shared_ptr<MpiSession> session_;
  const MpiApi& api_;
  MpiComm comm_;
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

void abort_mpi(const Communicator& world, const std::string& reason, int status) {
  print_error(fmt::format("rank {}: {}", world.rank(), reason));
  std::fflush(stderr);
  dynamic_cast<const MpiCommunicator&>(world).api().abort(status);
}

}  // namespace skein
