// The rules by which the members of an elastic run meet, as a state machine without sockets, threads and clock. Every
// member has one. The lowest member that lives is the chair; the others follow it.
//
//   round      Every member sends its contribution to the chair. The chair merges when all that are present have sent
//              theirs, or `grace` seconds after its own. At least `min` contributions and a majority of the members
//              present are needed. It sends the new state to the members of the next round: those that came in time, in
//              their order, then newcomers. Who did not is dropped.
//   commit     The new state counts when a majority of the members present has acknowledged it.
//   void       With a majority, but fewer than `min` contributions: a state without a merge, when newcomers make up for
//              it.
//   resume     A newcomer whose connection breaks amid its first state is taken for departed, but may come back for the
//              rest of it until the next merge begins.
//   election   A member whose chair has departed, or is silent for longer than `grace`, goes to the next in order of
//              members, and never back, with its whole last state. The one that finds itself next is the chair when a
//              majority of the members present has come; the newest state among them is the run's.
//
// Present is who has not departed. A closed socket, or a port that refuses, has departed: sockets of members that live
// are never closed by others. Who is silent is present and counts. So of two parts that do not reach each other at most
// one has a majority, and two majorities one after the other have a member in common, which tells what it has
// acknowledged.
//
// Times are in seconds, of any clock that does not jump. Threading: one call at a time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "comm/elastic/meeting_state.h"
#include "comm/elastic_options.h"

namespace skein {

// For the sockets.
struct Outgoing {
  // connect: then connected(), close() where the port refuses, or unreachable(). probe: the same, without connected()
  // and unreachable(); the packet is sent. Both take the connection that there is.
  enum Kind : uint8_t { send, connect, probe } kind;
  int64_t to;
  Packet packet = {};
};

// For the training loop.
struct MeetingEvent {
  enum Kind : uint8_t {
    merge,    // chair: merge these contributions, in this order, and call publish(); none: a state without a merge
    state,    // a new state, committed where this is the chair
    chair,    // this has become the chair after the last round
    done,     // the run is complete
    deposed,  // no member any more
    alone,    // no majority, or too few members, within the timeout
    stopped,  // the caller's `stop` has said so
  } kind;
  std::vector<Contribution> contributions = {};
  std::string why = {};
  bool has_majority = false;  // of `alone`: the others have departed
};

class MeetingMachine {
 public:
  // own: this member's id, which `start` has. The chair of a new run is its only member.
  MeetingMachine(const ElasticOptions& options, double timeout, int64_t own, MeetingState start, bool is_chair,
                 double now);

  // The training loop's calls. Each of the first three is answered by an event.
  void contribute(Contribution own, double now);
  void gather(double now);  // chair, before the first round: wait for `min` members
  void await_end(double now);
  void publish(Json run, Payload consensus, double now);  // after `merge`
  void finish();                                          // chair, after the last round
  void acknowledge_first();  // of a newcomer: the state that it started with has come whole

  // What has come over the sockets. `from`: a member's id, or a newcomer's.
  void receive(int64_t from, const Packet& packet, double now);  // BadInput where it makes no sense
  void hear(int64_t from, double now) { heard_[from] = now; }    // any bytes
  void close(int64_t id, double now);                            // the socket has ended, or the port refuses
  void connected(int64_t id, double now);
  void unreachable(int64_t id, double now);                                              // no answer
  std::optional<int64_t> admit(const std::string& address, const std::string& process);  // a newcomer; empty: is full
  // Sends the rest of its first state to a newcomer that is known by that address and process. False: it begins anew.
  bool resume(const Resumption& r, const std::string& address, const std::string& process);
  bool accepts(int64_t follower, const MeetingState& its) const;
  void tick(double now);

  std::vector<Outgoing> take_outgoing() { return std::exchange(outgoing_, {}); }
  std::optional<MeetingEvent> take_event() { return std::exchange(event_, {}); }
  const MeetingState& state() const { return state_; }
  int64_t own() const { return own_; }
  bool is_chair() const { return role_ == Role::chair; }
  double beat_seconds() const;

 private:
  enum class Role : uint8_t { chair, follower, candidate, out };
  enum class Waiting : uint8_t { nothing, round, members, end };

  std::vector<int64_t> present() const;
  bool is_majority(int64_t part) const { return 2 * part > int64_t(present().size()); }
  bool has_contributed(int64_t id) const;
  void send(int64_t to, Packet packet) { outgoing_.push_back({Outgoing::send, to, std::move(packet)}); }
  void raise(MeetingEvent event);
  void leave(MeetingEvent::Kind kind, const std::string& why, bool has_majority = false);
  void answer(Waiting what, double now);

  // meeting_chair.cpp
  void review_round(double now);
  void review_commit(double now);
  void start_merge();
  bool is_void_possible() const;
  void welcome(int64_t follower);
  void review_departure();

  // election
  void next_candidate(double now);
  void stand(double now);
  void probe(double now);
  void review_election(double now);
  void take_chair(double now);
  void follow_packet(int64_t from, const Packet& packet, double now);
  void state_packet(int64_t from, const Packet& packet, double now);
  void adopt(MeetingState state);
  void beat(double now);

  const ElasticOptions options_;
  const double timeout_;
  const int64_t own_;
  MeetingState state_;
  Role role_;
  Waiting waiting_ = Waiting::nothing;
  double waiting_since_ = 0, stands_since_ = 0, beaten_ = 0, probed_ = 0;
  int64_t chair_;
  std::optional<Contribution> mine_;
  std::map<int64_t, Contribution> contributions_;  // the last of each member
  std::map<int64_t, double> heard_;
  std::set<int64_t> departed_, passed_, left_;  // passed: silent candidates; left: follow another chair
  std::map<int64_t, MeetingState> followers_;   // that have come to this candidate, or will need one
  std::vector<Member> newcomers_;
  int64_t next_id_;
  bool merging_ = false, finished_ = false;
  std::optional<MeetingState> published_;
  double published_at_ = 0;
  std::set<int64_t> acknowledged_;
  std::set<int64_t> copying_;  // newcomers of the last state published here that have not acknowledged it
  std::vector<Outgoing> outgoing_;
  std::optional<MeetingEvent> event_;
};

}  // namespace skein
