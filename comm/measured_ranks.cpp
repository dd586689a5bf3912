#include "comm/measured_ranks.h"

#include <exception>
#include <future>
#include <mutex>

#include "base/check.h"
#include "base/thread_team.h"
#include "comm/launcher.h"
#include "comm/process_group.h"
#include "comm/sockets/socket.h"
#include "comm/transports/mpi_communicator.h"
#include "comm/transports/tcp_communicator.h"
#include "comm/transports/thread_communicator.h"
#include "comm/worker_communicators.h"

namespace skein {
namespace {

// Runs the body on threads. `join(rank)` gives each its communicator, `abort(rank, why)` ends the others' calls. The
// ranks wait for each other, so none begins before all threads are there.
template <class Join, class Abort>
void on_threads(int ranks, Join join, Abort abort, const std::function<void(Communicator&)>& body) {
  std::exception_ptr first;
  std::mutex mutex;
  std::promise<bool> made;
  const std::shared_future<bool> all_made = made.get_future();
  const auto run = [&](int rank) {
    if (!all_made.get()) return;
    std::unique_ptr<Communicator> communicator;
    try {
      communicator = join(rank);
      body(*communicator);
    } catch (const std::exception& e) {
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
      abort(rank, e.what());
    }
  };
  {
    bool complete = false;
    ThreadTeam threads([&] { made.set_value(complete); });
    for (int rank = 0; rank < ranks; ++rank) threads.add("the thread of a rank", [&, rank] { run(rank); });
    complete = true;
  }
  if (first) std::rethrow_exception(first);
}

void over_memory(int ranks, const std::function<void(Communicator&)>& body) {
  ThreadGroup group(ranks);
  on_threads(
      ranks, [&](int rank) { return group.join(rank); },
      [&](int rank, const std::string& why) { group.abort(rank, why); }, body);
}

// A rank that fails drops its streams, which ends the calls of the others.
void over_loopback(int ranks, const TcpOptions& options, const std::function<void(Communicator&)>& body) {
  const Rendezvous here{"127.0.0.1", Socket::listening(Address::loopback(0)).own_address().port()};
  on_threads(
      ranks, [&](int rank) { return join_tcp(here, rank, ranks, options); }, [](int, const std::string&) {}, body);
}

std::unique_ptr<Communicator> join_as_process(Transport transport, const RankInfo& own, const TcpOptions& options) {
  if (transport == Transport::mpi) return join_mpi(mpi_library(), own.size);
  const auto rendezvous = tcp_rendezvous(own.launcher);
  if (!rendezvous)
    throw BadInput("--transport tcp: the processes do not know where to meet. Set MASTER_ADDR and MASTER_PORT for all");
  return join_tcp(*rendezvous, own.rank, own.size, options);
}

}  // namespace

Transport resolve(Transport wanted) {
  const RankInfo own = rank_from_environment();
  const bool alone = own.size == 1;
  if (wanted == Transport::automatic)
    return alone ? Transport::threads : tcp_rendezvous(own.launcher) ? Transport::tcp : Transport::mpi;
  if (alone && wanted == Transport::mpi)
    throw BadInput("--transport mpi: this process is alone. Start several: mpirun -np 4 skein bench comm");
  if (alone && wanted == Transport::nccl)
    throw BadInput("--transport nccl: this process is alone. Start one per GPU, with mpirun or torchrun");
  if (!alone && wanted == Transport::threads)
    throw BadInput("--transport threads: {} processes were started. Start one, and give --workers", own.size);
  return wanted;
}

void on_ranks(Transport transport, int ranks, Queue queue, const TlsFiles& tls,
              const std::function<void(Communicator&)>& body) {
  const RankInfo own = rank_from_environment();
  if (tls.given() && transport != Transport::tcp)
    throw BadInput("--tls: encrypts what ranks send over TCP, not over {}. Give --transport tcp", to_string(transport));
  TcpOptions options;
  options.secret.tls = tls;
  if (transport == Transport::threads) return over_memory(ranks, body);
  if (transport == Transport::tcp && own.size == 1) return over_loopback(ranks, options, body);
  if (transport != Transport::nccl) return body(*join_as_process(transport, own, options));
  ProcessGroup group = ProcessGroup::join();
  WorkerCommunicators workers(group, 1);
  body(*workers.join(0, queue));
}

}  // namespace skein
