// Messages under way over MPI: started together, waited for together. wait() sleeps between two tests, because there
// may be fewer cores than ranks.
//
// Errors: PeerLost with MPI's text, or with the rank that has been silent for `timeout` seconds.
#pragma once

#include <vector>

#include "comm/communicator.h"
#include "comm/transports/mpi_api.h"

namespace skein {

void check_mpi(const MpiApi&, int code, const char* doing);  // PeerLost with MPI's text where code is not 0

class MpiRequests {
 public:
  // message: bytes; a longer view travels in several messages. timeout: seconds without any progress.
  MpiRequests(const MpiApi& api, MpiComm comm, int64_t message, double timeout)
      : api_(&api), comm_(comm), message_(message), timeout_(timeout) {}
  void send(View, int peer, int tag);
  void receive(View, int peer, int tag);
  void barrier();  // and waits
  void wait();

 private:
  bool test_all();
  template <class Start>
  void in_messages(View, Start&&);

  const MpiApi* api_;
  MpiComm comm_;
  int64_t message_;
  double timeout_;
  std::vector<MpiRequest> open_;
};

}  // namespace skein
