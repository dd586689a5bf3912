// Messages under way over MPI: started together, waited for together. wait() sleeps between two tests, because there
// may be fewer cores than ranks.
//
// A long wait is reported on stderr, at growing intervals.
// Errors: PeerLost with MPI's text, or with the rank that has been silent for `timeout` seconds.
#pragma once

#include <vector>

#include "comm/communicator.h"
#include "comm/transports/mpi_api.h"
#include "comm/wait_report.h"

namespace skein {

void check_mpi(const MpiApi&, int code, const char* doing);  // PeerLost with MPI's text where code is not 0

class MpiRequests {
 public:
  struct Limits {
    double timeout, report_after;  // seconds without any progress
    UsualWait* usual;              // this rank's waits
  };
  // rank: this one's, for messages. message: bytes; a longer view travels in several messages.
  MpiRequests(const MpiApi& api, MpiComm comm, int rank, int64_t message, const Limits& limits)
      : api_(&api), comm_(comm), rank_(rank), message_(message), limits_(limits) {}
  void send(View, int peer, int tag);
  void receive(View, int peer, int tag);
  void barrier();  // and waits
  void wait();

 private:
  bool test_all();
  std::string account(double seconds) const;
  template <class Start>
  void in_messages(View, Start&&);

  const MpiApi* api_;
  MpiComm comm_;
  int rank_;
  int64_t message_;
  Limits limits_;
  std::vector<MpiRequest> open_;
};

}  // namespace skein
