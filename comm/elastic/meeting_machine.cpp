// What every member does: packets, elections.
#include "comm/elastic/meeting_machine.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace skein {

MeetingMachine::MeetingMachine(const ElasticOptions& options, double timeout, int64_t own, MeetingState start,
                               bool is_chair, double now)
    : options_(options),
      timeout_(timeout),
      own_(own),
      state_(std::move(start)),
      role_(is_chair ? Role::chair : Role::follower),
      chair_(is_chair ? own : state_.members.front().id),
      next_id_(state_.next_id) {
  CHECK(state_.has(own), "member {} is none", own);
  hear(chair_, now);
}

double MeetingMachine::beat_seconds() const { return std::min(1.0, options_.grace / 4); }

std::vector<int64_t> MeetingMachine::present() const {
  std::vector<int64_t> ids;
  for (const Member& m : state_.members)
    if (!departed_.contains(m.id)) ids.push_back(m.id);
  return ids;
}

// The newest event stands. Only that the meeting is over is not replaced.
void MeetingMachine::raise(MeetingEvent event) {
  event_ = std::move(event);
  if (event_->kind != MeetingEvent::merge) waiting_ = Waiting::nothing;
}

void MeetingMachine::leave(MeetingEvent::Kind kind, const std::string& why, bool has_majority) {
  if (role_ == Role::out) return;
  role_ = Role::out;
  raise({kind, {}, why, has_majority});
}

void MeetingMachine::answer(Waiting what, double now) {
  waiting_ = what;
  waiting_since_ = now;
  tick(now);
}

void MeetingMachine::contribute(Contribution own, double now) {
  if (role_ == Role::out) return;
  if (own.base != state_.key) return raise({MeetingEvent::state});
  own.member = own_;
  mine_ = std::move(own);
  contributions_[own_] = *mine_;
  if (role_ == Role::follower && chair_ >= 0) send(chair_, to_packet(*mine_));
  answer(Waiting::round, now);
}

void MeetingMachine::gather(double now) { answer(Waiting::members, now); }

void MeetingMachine::await_end(double now) {
  if (role_ == Role::chair) return raise({MeetingEvent::chair});
  if (finished_) return raise({MeetingEvent::done});
  if (role_ != Role::out) answer(Waiting::end, now);
}

void MeetingMachine::acknowledge_first() { send(chair_, to_packet(PacketKind::ack, state_.key)); }

void MeetingMachine::adopt(MeetingState state) {
  state_ = std::move(state);
  next_id_ = std::max(next_id_, state_.next_id);
  mine_.reset();
  contributions_.erase(own_);
  passed_.clear();
  if (!state_.has(own_)) return leave(MeetingEvent::deposed, "the other members have gone on without it");
  if (waiting_ == Waiting::round) raise({MeetingEvent::state});
}

void MeetingMachine::receive(int64_t from, const Packet& packet, double now) {
  if (role_ == Role::out) return;
  hear(from, now);
  switch (packet.kind) {
    case PacketKind::state:
      return state_packet(from, packet, now);
    case PacketKind::follow:
      return follow_packet(from, packet, now);
    case PacketKind::contribute:
      if (Contribution c = contribution_of(packet); c.member == from) contributions_[from] = std::move(c);
      break;
    case PacketKind::ack:
      copying_.erase(from);
      if (published_ && key_of(packet) == published_->key) acknowledged_.insert(from);
      break;
    case PacketKind::left:
      left_.insert(from);
      followers_.erase(from);
      review_departure();
      break;
    case PacketKind::dropped:
      return leave(MeetingEvent::deposed, "the other members have gone on without it");
    case PacketKind::done:
      finished_ = true;
      if (waiting_ == Waiting::end) raise({MeetingEvent::done});
      break;
    case PacketKind::beat:
      // The sender takes itself for the chair, or wants to be. One that has said that it leaves this chair may be the
      // chair of a majority, whose other members are about to say so too; if not, the next state drops it.
      if (role_ == Role::chair && !left_.contains(from)) send(from, {PacketKind::dropped});
      break;
    default:
      break;
  }
  tick(now);
}

void MeetingMachine::state_packet(int64_t from, const Packet& packet, double now) {
  if (role_ != Role::follower || from != chair_) return;  // of a chair that it does not follow any more
  MeetingState s = state_of(packet).state;
  if (s.key <= state_.key) return;
  send(from, to_packet(PacketKind::ack, s.key));
  adopt(std::move(s));
  tick(now);
}

void MeetingMachine::close(int64_t id, double now) {
  departed_.insert(id);
  followers_.erase(id);
  std::erase_if(newcomers_, [&](const Member& m) { return m.id == id; });
  if (role_ == Role::follower && id == chair_) return next_candidate(now);
  tick(now);
}

void MeetingMachine::unreachable(int64_t id, double now) {
  if (role_ != Role::follower || id != chair_) return;
  passed_.insert(id);
  next_candidate(now);
}

// The first member in order that has neither departed nor was silent. Members before it have been tried.
void MeetingMachine::next_candidate(double now) {
  if (role_ == Role::out) return;
  for (const Member& m : state_.members) {
    if (departed_.contains(m.id) || passed_.contains(m.id)) continue;
    if (m.id == own_) return stand(now);
    chair_ = m.id;
    hear(chair_, now);
    outgoing_.push_back({Outgoing::connect, chair_});
    return;
  }
}

void MeetingMachine::connected(int64_t id, double now) {
  if (role_ != Role::follower || id != chair_) return;
  hear(id, now);
  send(id, to_packet(PacketKind::follow, state_, id));
  if (mine_) send(id, to_packet(*mine_));
}

void MeetingMachine::stand(double now) {
  role_ = Role::candidate;
  chair_ = own_;
  // Members that live come by themselves at this moment; a probe would cross with them.
  stands_since_ = probed_ = now;
  review_election(now);
}

void MeetingMachine::probe(double now) {
  probed_ = now;
  for (const int64_t id : present())
    if (id != own_ && !followers_.contains(id)) outgoing_.push_back({Outgoing::probe, id, {PacketKind::beat}});
}

bool MeetingMachine::accepts(int64_t id, const MeetingState& its) const {
  const int64_t place = its.place_of(id), here = state_.place_of(id);
  return place >= 0 && (here < 0 || state_.members[size_t(here)] == its.members[size_t(place)]);
}

// A member comes while this one still follows another chair: it may be needed later.
void MeetingMachine::follow_packet(int64_t from, const Packet& packet, double now) {
  MeetingState s = state_of(packet).state;
  if (!accepts(from, s)) return send(from, {PacketKind::dropped});
  left_.erase(from);
  followers_[from] = std::move(s);
  if (role_ == Role::candidate) return review_election(now);
  if (role_ == Role::chair) welcome(from);
}

void MeetingMachine::review_election(double now) {
  for (const auto& [id, state] : followers_)
    if (state.key > state_.key) {
      const MeetingState newest = state;
      adopt(newest);
      if (role_ == Role::out) return;
    }
  const std::vector<int64_t> here = present();
  const int64_t came = 1 + std::count_if(here.begin(), here.end(), [&](int64_t id) { return followers_.contains(id); });
  if (came == int64_t(here.size()) || (is_majority(came) && now >= stands_since_ + options_.grace))
    return take_chair(now);
  if (now >= stands_since_ + options_.grace + timeout_)
    leave(MeetingEvent::alone, fmt::format("{} of the {} members that have not ended are within reach, which is no "
                                           "majority",
                                           came, here.size()));
}

void MeetingMachine::take_chair(double now) {
  role_ = Role::chair;
  published_.reset();
  merging_ = false;
  waiting_since_ = now;
  for (const int64_t id : present())
    if (id != own_ && !followers_.contains(id)) send(id, {PacketKind::dropped});
  while (!followers_.empty()) welcome(followers_.begin()->first);
  if (waiting_ == Waiting::end) return raise({MeetingEvent::chair});
  tick(now);
}

void MeetingMachine::beat(double now) {
  if (now < beaten_ + beat_seconds()) return;
  beaten_ = now;
  if (role_ == Role::candidate)
    for (const auto& [id, state] : followers_) send(id, {PacketKind::beat});
  if (role_ != Role::chair) return;
  for (const Member& m : state_.members)
    if (m.id != own_ && !departed_.contains(m.id)) send(m.id, {PacketKind::beat});
  for (const Member& m : newcomers_) send(m.id, {PacketKind::beat});
  if (published_)
    for (const Member& m : published_->members)
      if (!state_.has(m.id) && !departed_.contains(m.id)) send(m.id, {PacketKind::beat});
}

void MeetingMachine::tick(double now) {
  if (role_ == Role::out) return;
  beat(now);
  if (role_ == Role::chair) return published_ ? review_commit(now) : review_round(now);
  if (role_ == Role::candidate) {
    if (now >= probed_ + beat_seconds()) probe(now);
    return review_election(now);
  }
  if (chair_ < 0 || now <= heard_[chair_] + options_.grace) return;
  send(chair_, {PacketKind::left});
  passed_.insert(chair_);
  next_candidate(now);
}

}  // namespace skein
