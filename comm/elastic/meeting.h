// A member of an elastic run over TCP: the rules of comm/elastic/meeting_machine.h on a thread of their own, with the
// sockets. Every connection begins with the handshake of comm/sockets/handshake.h. A member listens at one address,
// from its first connection to its end; newcomers, and members that look for the next chair, come there.
//
// Threading: the calls by one thread, `on_chair` by the meeting's. Errors: BadInput where this process may not join;
// RunFailed where no file descriptor is left.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/thread_team.h"
#include "comm/elastic/meeting_machine.h"
#include "comm/elastic/packet_link.h"
#include "comm/launcher.h"
#include "comm/secret.h"
#include "comm/sockets/reception.h"

namespace skein {

struct MeetingOptions {
  ElasticOptions elastic;
  double timeout = 300;                             // seconds of waiting for members beyond grace
  SecretSource secret = {};                         // folder: the run's, which all members share
  int64_t state_bytes = 0, contribution_bytes = 0;  // of the payloads
  std::string joins = {};                           // what members must have in common; a newcomer sends its own
  // Why a newcomer with this text may not join. Empty: it may.
  std::function<std::string(const std::string& joins)> objection = {};
  // This member listens at `address` and has become the chair.
  std::function<void(const std::string& address)> on_chair = {};
  std::function<bool()> stop = {};  // ends every wait
};

class Meeting {
 public:
  // The first chair, and only member, of a run: listens at `place`, without one at 127.0.0.1. BadInput where it cannot.
  static std::unique_ptr<Meeting> open(const MeetingOptions& options, const std::optional<Rendezvous>& place,
                                       MeetingState start);
  // A member, with state(). Null: nobody is there who lets it in now. BadInput where the chair refuses it by name.
  static std::unique_ptr<Meeting> join(const MeetingOptions& options, const std::string& address);
  ~Meeting();
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;

  // As of MeetingMachine; return the event that answers.
  MeetingEvent contribute(Contribution own);
  MeetingEvent gather();
  MeetingEvent await_end();
  MeetingEvent publish(Json run, Payload consensus);
  void finish();  // chair: tells the members that the run is complete, and returns when they have it

  MeetingState state() const;
  int64_t own() const { return machine_.own(); }
  bool is_chair() const;
  // Takes what has come from the others first: a process that was stopped finds out that it is not the chair any more.
  bool leads();

 private:
  struct Link {
    int64_t id;  // of the member; kUnknown until its first packet
    int64_t claimed;
    PacketLink packets;
    Deadline until;        // within which an unknown one must say what it wants
    std::string listens;   // at this address
    std::string process;   // "process 4711 on node2"
    bool refused = false;  // it ends when it has been told
  };
  static constexpr int64_t kUnknown = -2;

  Meeting(const MeetingOptions& options, RunSecret secret, Socket door, int64_t own, MeetingState start, bool is_chair);
  void start();
  MeetingEvent answer();
  void wake();
  void run();
  void step();
  void read_links();
  void take_first(Link& link, const Packet& packet);
  void let_in(Link& link, const Packet& packet);
  bool resumes(Link& link, const Packet& packet);
  void carry_out();
  void connect(const Outgoing& o);
  Link* link_to(int64_t id);
  void add_link(Socket socket, int64_t id, const std::string& process);
  void note_chair();
  double now() const;

  const MeetingOptions options_;
  const RunSecret secret_;
  const Address own_address_;
  const Deadline begin_;
  Reception reception_;
  std::unique_ptr<SecretFile> file_;  // of the chair
  mutable std::mutex mutex_;          // guards the members below
  std::condition_variable answered_;
  MeetingMachine machine_;
  std::list<Link> links_;  // the newest last
  bool stop_ = false, known_as_chair_ = false;
  double looked_for_file_ = -1;
  std::exception_ptr error_;
  const Socket wake_;  // an eventfd
  ThreadTeam thread_{[this] {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake();
  }};
};

}  // namespace skein
