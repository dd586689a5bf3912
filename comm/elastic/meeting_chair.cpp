// What the chair does between two rounds.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "comm/elastic/meeting_machine.h"

namespace skein {

bool MeetingMachine::has_contributed(int64_t id) const {
  const auto c = contributions_.find(id);
  return c != contributions_.end() && c->second.base == state_.key;
}

std::optional<int64_t> MeetingMachine::admit(const std::string& address, const std::string& process) {
  if (role_ != Role::chair || int64_t(present().size() + newcomers_.size()) >= options_.max) return {};
  newcomers_.push_back({next_id_++, address, process});
  return newcomers_.back().id;
}

// Those whose contribution came and who follow this chair still, with newcomers, are the members of a state without a
// merge.
bool MeetingMachine::is_void_possible() const {
  if (waiting_ == Waiting::members) return int64_t(1 + newcomers_.size()) >= options_.min;
  const auto here = present();
  const auto come =
      std::count_if(here.begin(), here.end(), [&](int64_t id) { return has_contributed(id) && !left_.contains(id); });
  return is_majority(come) && come + int64_t(newcomers_.size()) >= options_.min;
}

void MeetingMachine::review_round(double now) {
  if (merging_ || (waiting_ != Waiting::round && waiting_ != Waiting::members)) return;
  const std::vector<int64_t> here = present();
  int64_t come = 0, contributed = 0;
  for (const Member& m : state_.members) {
    if (!has_contributed(m.id)) continue;
    ++contributed;
    if (!departed_.contains(m.id) && !left_.contains(m.id)) ++come;
  }
  const bool gathering = waiting_ == Waiting::members;
  const bool over = come == int64_t(here.size()) || now >= waiting_since_ + options_.grace;
  if (gathering ? is_void_possible() : over && is_majority(come) && contributed >= options_.min) return start_merge();
  if (!gathering && over && is_void_possible()) return start_merge();
  if (now < waiting_since_ + options_.grace + timeout_) return;
  if (gathering || is_majority(come))
    leave(MeetingEvent::alone,
          fmt::format("{} members are here, and a round needs {}",
                      come + int64_t(newcomers_.size()) + (gathering ? 1 : 0), options_.min),
          true);
  else
    leave(MeetingEvent::alone, fmt::format("{} of the {} members that have not ended are within reach, which is no "
                                           "majority",
                                           come, here.size()));
}

void MeetingMachine::start_merge() {
  MeetingEvent event{MeetingEvent::merge};
  for (const Member& m : state_.members)
    if (has_contributed(m.id)) event.contributions.push_back(contributions_.at(m.id));
  if (int64_t(event.contributions.size()) < options_.min) event.contributions.clear();
  merging_ = true;
  raise(std::move(event));
}

void MeetingMachine::publish(Json run, Payload consensus, double now) {
  if (role_ != Role::chair || !merging_) return;
  MeetingState next{{state_.key.epoch + 1, state_.place_of(own_)}, {}, 0, std::move(run), std::move(consensus)};
  for (const Member& m : state_.members) {
    if (departed_.contains(m.id)) continue;
    if (m.id == own_ || (has_contributed(m.id) && !left_.contains(m.id)))
      next.members.push_back(m);
    else
      send(m.id, {PacketKind::dropped});
  }
  const auto room = size_t(std::max(options_.max - int64_t(next.members.size()), int64_t{0}));
  const auto come = std::min(room, newcomers_.size());
  next.members.insert(next.members.end(), newcomers_.begin(), newcomers_.begin() + std::ptrdiff_t(come));
  newcomers_.erase(newcomers_.begin(), newcomers_.begin() + std::ptrdiff_t(come));
  next.next_id = next_id_;
  copying_.clear();
  for (const Member& m : next.members) {
    if (m.id != own_) send(m.id, to_packet(PacketKind::state, next, m.id));
    if (!state_.has(m.id)) copying_.insert(m.id);
  }
  published_ = std::move(next);
  published_at_ = now;
  acknowledged_ = {own_};
  tick(now);
}

void MeetingMachine::review_commit(double now) {
  const std::vector<int64_t> here = present();
  const auto of_these = std::count_if(here.begin(), here.end(), [&](int64_t id) { return acknowledged_.contains(id); });
  const bool all = std::all_of(published_->members.begin(), published_->members.end(), [&](const Member& m) {
    return acknowledged_.contains(m.id) || departed_.contains(m.id);
  });
  const double waited = now - published_at_;
  if (is_majority(of_these) && (all || waited >= options_.grace)) {
    merging_ = false;
    mine_.reset();
    state_ = *std::exchange(published_, {});
    std::erase_if(contributions_, [&](const auto& c) { return c.second.base != state_.key; });
    return raise({MeetingEvent::state});
  }
  if (waited >= options_.grace + timeout_)
    leave(MeetingEvent::alone, fmt::format("{} of the {} members that have not ended have taken the new state, which "
                                           "is no majority",
                                           of_these, here.size()));
}

// The newcomer has had no whole state, so that it has acknowledged nothing and is part of no majority. Only this chair
// has taken it for departed, and no merge has begun since. It is present again as if its connection had not broken: one
// member more that counts in every later majority.
bool MeetingMachine::resume(const Resumption& r, const std::string& address, const std::string& process) {
  if (role_ != Role::chair || (merging_ && !published_)) return false;
  const MeetingState& s = published_ ? *published_ : state_;
  const int64_t place = s.place_of(r.id);
  if (r.key != s.key || place < 0 || !copying_.contains(r.id)) return false;
  if (s.members[size_t(place)] != Member{r.id, address, process}) return false;
  if (r.bytes < 0 || !s.payload || r.bytes >= int64_t(s.payload->size())) return false;
  departed_.erase(r.id);
  send(r.id, {PacketKind::rest, {}, std::make_shared<const std::string>(*s.payload, size_t(r.bytes))});
  return true;
}

// A member has come to this chair after an election, perhaps late.
void MeetingMachine::welcome(int64_t id) {
  const MeetingState its = followers_.at(id);
  followers_.erase(id);
  if (!state_.has(id) || its.key > state_.key) return send(id, {PacketKind::dropped});
  if (its.key < state_.key) send(id, to_packet(PacketKind::state, state_, id));
}

// A chair that was silent finds out that most members follow another.
void MeetingMachine::review_departure() {
  if (role_ != Role::chair) return;
  const std::vector<int64_t> here = present();
  const auto left = std::count_if(here.begin(), here.end(), [&](int64_t id) { return left_.contains(id); });
  if (!is_majority(int64_t(here.size()) - left))
    leave(MeetingEvent::deposed, "it was silent, and the other members have gone on without it");
}

void MeetingMachine::finish() {
  for (const int64_t id : present())
    if (id != own_) send(id, {PacketKind::done});
}

}  // namespace skein
