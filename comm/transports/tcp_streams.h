// Messages between processes over TCP. From one rank to another they arrive in the order in which they were sent. Each
// message carries its length and its group, so ranks that make different calls get an error instead of wrong bytes.
//
// Beside them every rank sends a heartbeat once a second, from a thread of its own: it is alive, what it is doing, and
// how much processor time it has used. So a wait can tell a rank that is slow from one that is lost:
//
//   its stream has ended, or it has sent an abort               lost at once
//   its machine acknowledges nothing                            lost after `vanished` seconds
//   no message and no heartbeat: stopped, or hangs as a whole   lost after `timeout` seconds
//   heartbeats, but it uses no processor: it waits itself       lost after six times as long
//   heartbeats, and it computes                                 waited for
//
// A wait that is longer than `report_after` and than those before is reported on stderr, at growing intervals.
//
// Threading: one thread at a time. Sockets do not block; wait() polls all of them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "comm/sockets/handshake.h"
#include "comm/sockets/heartbeat.h"
#include "comm/sockets/socket.h"
#include "comm/sockets/tcp_rendezvous.h"
#include "comm/wait_report.h"
#include "kernels/view.h"

namespace skein {

struct StreamOptions {
  double timeout = 300, vanished = 60, report_after = 5;  // seconds
  double heartbeat = 1;                                   // seconds between two
};

class TcpStreams {
 public:
  TcpStreams(TcpRanks ranks, int rank, const StreamOptions& options);
  ~TcpStreams();
  TcpStreams(const TcpStreams&) = delete;
  TcpStreams& operator=(const TcpStreams&) = delete;

  // Queued here, moved by wait(), until which the memory must stay valid. Of an empty view nothing is sent.
  void send(View data, int peer, uint32_t group);
  void receive(View data, int peer, uint32_t group);
  // Returns when all that was queued has been moved. call: its name and bytes, for messages. PeerLost names the rank
  // that is lost, or that has sent an abort, with its reason.
  void wait(const char* call, int64_t bytes);

  // Sends the reason to all ranks, which throw it when they next wait for this rank.
  void send_abort(const std::string& reason) noexcept;
  int rank() const { return rank_; }

 private:
  static constexpr uint32_t kDataMark = 0x736b6431, kAbortMark = 0x736b6231, kBeatMark = 0x736b6831;
  struct Header {
    uint32_t kind, group;
    int64_t bytes;
  };
  struct Message {
    Header header;
    char* data;
    int64_t done = 0;  // of header and data
    bool finished() const { return done == int64_t(sizeof(Header)) + header.bytes; }
  };
  struct Link {
    Socket socket;
    ProcessName process;
    std::vector<Message> out = {}, in = {};  // queued, in order
    Header arriving = {};                    // of in.front()
    Heartbeat own = {}, heard = {};          // the one that is sent, and the last that has come
    Heartbeat arriving_heartbeat = {};
    bool beating = false;       // `own` is in `out`
    bool data_unsent = false;   // of a message that is not in `out` any more, the end may be in the socket still
    int64_t in_heartbeat = -1;  // bytes of a heartbeat that have come; -1: none is coming
    PeerClock clock = {};
    bool owes() const { return !in.empty() || data_unsent || out.size() > (beating ? 1U : 0U); }
    bool has_output() const { return !out.empty() || socket.has_unsent(); }
  };

  // Move what can be moved without waiting; true: at least one byte.
  bool push(int peer);
  enum class Pushed : uint8_t { nothing, data, failed };  // a heartbeat alone is nothing
  static Pushed push_some(Link& link);
  bool pull(int peer);
  bool pull_heartbeat(int peer);
  void check_header(int peer);
  void look_for_heartbeats(int peer);
  static void take_heartbeat(Link& link);
  void wait_for_any() const;

  void beat();
  void beat_until_end();
  void settle(double seconds) const noexcept;

  void check_peers(const char* call, int64_t bytes, WaitReport& report);
  std::string name(int peer) const;
  std::string account(const char* call, int64_t bytes, double seconds) const;
  [[noreturn]] void throw_aborted(int peer);
  [[noreturn]] void throw_lost(int peer);

  std::vector<Link> links_;
  const int rank_;
  const StreamOptions options_;
  const double look_;  // seconds between two looks at the peers of a wait
  UsualWait usual_;

  std::mutex mutex_;  // guards links_; held during wait()
  std::condition_variable ended_;
  bool end_ = false;
  Deadline next_beat_{};
  std::thread heart_;
};

}  // namespace skein
