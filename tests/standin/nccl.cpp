// Stand-in for NCCL: the functions that skein calls, with the signatures of NCCL's header, for ranks that are threads
// of one process and for the emulator's memory. A group's operations run when the group ends, after a synchronisation
// of the stream. Faults can be planted: see the functions at the end.
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/standin/device_check.h"

namespace {

using namespace skein::standin;

struct Message {
  std::vector<char> bytes;
};

// Shared state of the ranks of one communicator: FIFO mailboxes from rank to rank, and the split under way.
struct SharedState {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::pair<int, int>, std::vector<Message>> mail;           // (from, to)
  std::map<std::pair<int, int>, std::shared_ptr<SharedState>> parts;  // (generation, color) of splits
  std::map<int, int> colors;                                          // of the split under way, by rank
  int generation = 0, left = 0;
  bool aborted = false;
};

std::mutex registry_mutex;
std::map<std::vector<char>, std::shared_ptr<SharedState>> registry;
std::atomic<int> calls{0}, live{0}, ids{0};

std::atomic<int> fail_at{0};
std::atomic<bool> stuck{false}, broken{false};

bool planted_fault() { return ++calls == fail_at; }

}  // namespace

struct ncclComm {
  std::shared_ptr<SharedState> shared_state;
  int rank = 0, size = 1, device = 0;
  ncclResult_t state = ncclSuccess;
};

namespace {

struct Operation {
  bool send;
  void* data;
  size_t bytes;
  int peer;
  ncclComm_t comm;
  cudaStream_t stream;
};
thread_local std::vector<Operation> group;
thread_local int depth = 0;

size_t size_of(ncclDataType_t type) { return type == ncclUint8 || type == ncclInt8 ? 1 : type == ncclFloat ? 4 : 0; }

void post(ncclComm& c, int to, const void* data, size_t bytes) {
  const auto* first = static_cast<const char*>(data);
  const std::lock_guard lock(c.shared_state->mutex);
  c.shared_state->mail[{c.rank, to}].push_back({{first, first + bytes}});
  c.shared_state->changed.notify_all();
}

ncclResult_t collect(ncclComm& c, int from, void* data, size_t bytes) {
  std::unique_lock lock(c.shared_state->mutex);
  auto& box = c.shared_state->mail[{from, c.rank}];
  c.shared_state->changed.wait(lock, [&] { return c.shared_state->aborted || !box.empty(); });
  if (box.empty()) return c.state = ncclRemoteError;
  if (box.front().bytes.size() != bytes) return c.state = ncclInvalidArgument;
  if (bytes > 0) std::memcpy(data, box.front().bytes.data(), bytes);
  box.erase(box.begin());
  return ncclSuccess;
}

ncclResult_t run_group() {
  std::vector<Operation> all;
  all.swap(group);
  for (const Operation& o : all)
    if (cudaStreamSynchronize(o.stream) != cudaSuccess) return ncclUnhandledCudaError;
  for (const Operation& o : all)
    if (o.send) post(*o.comm, o.peer, o.data, o.bytes);
  for (const Operation& o : all)
    if (!o.send)
      if (const ncclResult_t result = collect(*o.comm, o.peer, o.data, o.bytes); result != ncclSuccess) return result;
  return ncclSuccess;
}

ncclResult_t enqueue(const Operation& o) {
  if (planted_fault()) return ncclInternalError;
  if (!o.comm || (!o.data && o.bytes > 0) || o.peer < 0 || o.peer >= o.comm->size) return ncclInvalidArgument;
  if (misplaced(o.comm->device, {o.data})) return ncclInvalidArgument;
  group.push_back(o);
  return depth > 0 ? ncclSuccess : run_group();
}

}  // namespace

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (planted_fault()) return ncclSystemError;
  std::memset(id, 0, sizeof(*id));
  const int number = ++ids;
  std::memcpy(id->internal, &number, sizeof(number));
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t* config) {
  const bool fails = planted_fault();
  if (!config || config->blocking != 0 || rank < 0 || rank >= ranks) return ncclInvalidArgument;
  const std::lock_guard lock(registry_mutex);
  auto& shared_state = registry[{id.internal, id.internal + sizeof(id.internal)}];
  if (!shared_state) shared_state = std::make_shared<SharedState>();
  if (fails) {  // the other ranks wait for this one: abort them
    const std::lock_guard inner(shared_state->mutex);
    shared_state->aborted = true;
    shared_state->changed.notify_all();
    return ncclSystemError;
  }
  *comm = new ncclComm{shared_state, rank, ranks, current_device()};
  ++live;
  return ncclInProgress;  // non-blocking, as in NCCL: the communicator's state says when it is done
}

ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int, ncclComm_t* part, ncclConfig_t*) {
  if (planted_fault()) return ncclInternalError;
  std::unique_lock lock(comm->shared_state->mutex);
  SharedState& m = *comm->shared_state;
  const int generation = m.generation;
  m.colors[comm->rank] = color;
  if (int(m.colors.size()) == comm->size) m.changed.notify_all();
  m.changed.wait(lock, [&] { return m.aborted || int(m.colors.size()) == comm->size; });
  if (m.aborted) return comm->state = ncclRemoteError;
  auto& shared = m.parts[{generation, color}];
  if (!shared) shared = std::make_shared<SharedState>();
  auto* made = new ncclComm{shared};
  made->device = comm->device;
  made->size = 0;
  for (const auto& [rank, c] : m.colors) {
    if (c != color) continue;
    made->rank += rank < comm->rank;
    ++made->size;
  }
  ++live;
  if (++m.left == comm->size) {
    m.left = 0;
    ++m.generation;
    m.colors.clear();
    m.changed.notify_all();
  } else {
    m.changed.wait(lock, [&] { return m.generation > generation; });
  }
  *part = made;
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) { return comm ? ncclSuccess : ncclInvalidArgument; }

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  --live;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  {
    const std::lock_guard lock(comm->shared_state->mutex);
    comm->shared_state->aborted = true;
    comm->shared_state->changed.notify_all();
  }
  return ncclCommDestroy(comm);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  *state = broken ? ncclRemoteError : stuck ? ncclInProgress : comm->state;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  return result == ncclRemoteError ? "remote process exited or there was a network error" : "planted fault";
}
const char* ncclGetLastError(ncclComm_t) { return ""; }

ncclResult_t ncclGroupStart() {
  ++depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (depth == 0) return ncclInvalidUsage;
  if (--depth > 0) return ncclSuccess;
  return planted_fault() ? (group.clear(), ncclInternalError) : run_group();
}

ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return enqueue({true, const_cast<void*>(data), count * size_of(type), peer, comm, stream});
}

ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream) {
  return enqueue({false, data, count * size_of(type), peer, comm, stream});
}

ncclResult_t ncclAllGather(const void* own, void* all, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  if (planted_fault()) return ncclInternalError;
  if (misplaced(comm->device, {own, all})) return ncclInvalidArgument;
  if (cudaStreamSynchronize(stream) != cudaSuccess) return ncclUnhandledCudaError;
  const size_t bytes = count * size_of(type);
  for (int r = 0; r < comm->size; ++r) post(*comm, r, own, bytes);
  for (int r = 0; r < comm->size; ++r)
    if (const auto result = collect(*comm, r, static_cast<char*>(all) + size_t(r) * bytes, bytes); result != 0)
      return result;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* own, void* sum, size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream) {
  if (type != ncclFloat || op != ncclSum) return ncclInvalidArgument;
  std::vector<float> all(count * size_t(comm->size));
  if (const auto result = ncclAllGather(own, all.data(), count, type, comm, stream); result != 0) return result;
  std::vector<float> total(count, 0.0f);
  for (size_t i = 0; i < all.size(); ++i) total[i % count] += all[i];
  std::memcpy(sum, total.data(), count * sizeof(float));
  return ncclSuccess;
}

// Interface for tests: number of live communicators; failure of the n-th call from now (0: none); number of calls;
// communicators that never become ready, as if a rank were missing; communicators that report a dead rank.
int skein_nccl_live() { return live; }
void skein_nccl_fail_call(int n) {
  calls = 0;
  fail_at = n;
}
int skein_nccl_calls() { return calls; }
void skein_nccl_stuck(bool yes) { stuck = yes; }
void skein_nccl_broken(bool yes) { broken = yes; }

}  // extern "C"
