// libskein_mpi.so: MPI-3 behind the table of comm/transports/mpi_api.h. It is built where MPI is installed, and the
// program opens it when a run is distributed.
#include <mpi.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "comm/transports/mpi_api.h"

namespace skein {
namespace {

// A handle is a pointer in Open MPI and an int in MPICH: both travel as 64 bits.
template <class Handle>
uint64_t pack(Handle h) {
  static_assert(sizeof(Handle) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &h, sizeof h);
  return bits;
}
template <class Handle>
Handle unpack(uint64_t bits) {
  Handle h;
  std::memcpy(&h, &bits, sizeof h);
  return h;
}
MPI_Comm comm_of(MpiComm c) { return unpack<MPI_Comm>(c.handle); }

int start(MpiComm* world) {
  int running = 0, level = 0;
  if (const int e = MPI_Initialized(&running)) return e;
  if (!running)
    if (const int e = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level)) return e;
  MPI_Comm own;  // keeps skein's messages apart from those of other libraries
  if (const int e = MPI_Comm_dup(MPI_COMM_WORLD, &own)) return e;
  world->handle = pack(own);
  if (const int e = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)) return e;
  return MPI_Comm_set_errhandler(own, MPI_ERRORS_RETURN);
}

void stop() {
  int stopped = 0;
  MPI_Finalized(&stopped);
  if (!stopped) MPI_Finalize();
}

int rank(MpiComm c, int* rank) { return MPI_Comm_rank(comm_of(c), rank); }
int size(MpiComm c, int* size) { return MPI_Comm_size(comm_of(c), size); }

int split(MpiComm c, int color, int key, MpiComm* part) {
  MPI_Comm out;
  if (const int e = MPI_Comm_split(comm_of(c), color, key, &out)) return e;
  part->handle = pack(out);
  return MPI_Comm_set_errhandler(out, MPI_ERRORS_RETURN);
}

int release(MpiComm* c) {
  MPI_Comm comm = comm_of(*c);
  return MPI_Comm_free(&comm);
}

int send(MpiComm c, const void* data, int64_t bytes, int peer, int tag, MpiRequest* request) {
  MPI_Request r;
  const int e = MPI_Isend(data, int(bytes), MPI_BYTE, peer, tag, comm_of(c), &r);
  *request = {pack(r), 0, peer, false};
  return e;
}

int receive(MpiComm c, void* data, int64_t bytes, int peer, int tag, MpiRequest* request) {
  MPI_Request r;
  const int e = MPI_Irecv(data, int(bytes), MPI_BYTE, peer, tag, comm_of(c), &r);
  *request = {pack(r), bytes, peer, false};
  return e;
}

int barrier(MpiComm c, MpiRequest* request) {
  MPI_Request r;
  const int e = MPI_Ibarrier(comm_of(c), &r);
  *request = {pack(r), 0, -1, false};
  return e;
}

int finish(MpiRequest& request, const MPI_Status& status) {
  request.done = true;
  if (request.bytes == 0) return 0;
  int count = 0;
  if (const int e = MPI_Get_count(&status, MPI_BYTE, &count)) return e;
  return count == request.bytes ? 0 : MPI_ERR_TRUNCATE;
}

// One call for all requests, since each call may yield the core.
int test(MpiRequest* requests, int n) {
  thread_local std::vector<MPI_Request> handles;
  thread_local std::vector<MPI_Status> statuses;
  thread_local std::vector<int> finished;
  handles.clear(), statuses.resize(size_t(n)), finished.resize(size_t(n));
  for (int i = 0; i < n; ++i) handles.push_back(unpack<MPI_Request>(requests[i].handle));
  int count = 0;
  const int error = MPI_Testsome(n, handles.data(), &count, finished.data(), statuses.data());
  if (error != 0 && error != MPI_ERR_IN_STATUS) return error;
  for (int i = 0; i < count; ++i) {  // count may be MPI_UNDEFINED, which is negative
    if (error != 0 && statuses[size_t(i)].MPI_ERROR != 0) return statuses[size_t(i)].MPI_ERROR;
    if (const int e = finish(requests[finished[size_t(i)]], statuses[size_t(i)])) return e;
  }
  for (int i = 0; i < n; ++i) requests[i].handle = pack(handles[size_t(i)]);
  return 0;
}

int all_reduce(MpiComm c, float* data, int64_t n) {
  return MPI_Allreduce(MPI_IN_PLACE, data, int(n), MPI_FLOAT, MPI_SUM, comm_of(c));
}

void error_text(int code, char* text, int size) {
  char full[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, full, &length);
  std::snprintf(text, size_t(size), "%s", full);
}

void abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }

constexpr MpiApi kApi = {start,   stop,    rank, size,       split,      release, send,
                         receive, barrier, test, all_reduce, error_text, abort};

}  // namespace
}  // namespace skein

extern "C" const skein::MpiApi* skein_mpi_api() { return &skein::kApi; }
