// The functions of MPI that skein calls, as a table of plain functions. Only comm/transports/mpi_module.cpp includes
// MPI's header. It is a library of its own, opened when a run is distributed, so the program also starts where there is
// no MPI, and a test can pass a table of its own.
//
// Errors: functions return 0 or an MPI error code, for error_text. Messages are below 2^31 bytes and match in order per
// tag. Threading: one thread of a process calls at a time.
#pragma once

#include <cstdint>

namespace skein {

struct MpiComm {
  uint64_t handle = 0;
};

struct MpiRequest {
  uint64_t handle = 0;
  int64_t bytes = 0;  // to receive; a shorter message is an error
  int peer = -1;      // -1: all ranks
  bool done = false;
};

struct MpiApi {
  int (*start)(MpiComm* world);  // errors are returned from here on
  void (*stop)();
  int (*rank)(MpiComm, int* rank);
  int (*size)(MpiComm, int* size);
  int (*split)(MpiComm, int color, int key, MpiComm* part);
  int (*release)(MpiComm*);
  int (*send)(MpiComm, const void* data, int64_t bytes, int peer, int tag, MpiRequest*);
  int (*receive)(MpiComm, void* data, int64_t bytes, int peer, int tag, MpiRequest*);
  int (*barrier)(MpiComm, MpiRequest*);
  int (*test)(MpiRequest*, int n);                     // requests that are not done; sets `done` on those that are now
  int (*all_reduce)(MpiComm, float* data, int64_t n);  // MPI_Allreduce, in an order of its choice
  void (*error_text)(int code, char* text, int size);
  void (*abort)(int status);  // ends all processes of the job
};

// In libskein_mpi.so: const MpiApi* skein_mpi_api();
using MpiApiFunction = const MpiApi*();

}  // namespace skein
