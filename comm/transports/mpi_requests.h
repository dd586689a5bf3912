// Messages on their way: started together, waited for together. wait() sleeps between looks, because there may be fewer
// cores than ranks, and names the rank that has been silent for too long.
#pragma once

#include <vector>

#include "comm/communicator.h"
#include "comm/transports/mpi_api.h"

namespace skein {

void check_mpi(const MpiApi&, int code, const char* doing);  // PeerLost with MPI's words

class MpiRequests {
 public:
  // Longer messages than `message` bytes travel in several; `patience` in seconds.
  MpiRequests(const MpiApi& api, MpiComm comm, int64_t message, double patience)
      : api_(&api), comm_(comm), message_(message), patience_(patience) {}
  void send(View, int peer, int tag);
  void receive(View, int peer, int tag);
  void broadcast(View, int root);  // and waits
  void barrier();                  // and waits
  void wait();

 private:
  bool test_all();
  template <class Start>
  void in_messages(View, Start&&);

  const MpiApi* api_;
  MpiComm comm_;
  int64_t message_;
  double patience_;
  std::vector<MpiRequest> open_;
};

}  // namespace skein
