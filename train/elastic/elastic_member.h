// One life of a process as a member of an elastic run: from the state that it begins with to the run's end, or until
// the others go on without it. The loop is algorithm 1 with members that come and go:
//
//   until all epochs are trained:
//     this member's H local steps, from the consensus
//     contribute c - w_k;  the chair merges those that come in time
//     the new consensus, and the members of the next round
#pragma once

#include <memory>

#include "comm/elastic/meeting.h"
#include "train/elastic/chair_files.h"
#include "train/elastic/member_worker.h"
#include "train/elastic/presence.h"

namespace skein {

class ElasticMember {
 public:
  enum class End : uint8_t {
    complete,  // all epochs are trained
    stopped,   // by a signal
    dropped,   // the others go on without this process
  };

  // presence: held until the end of this life. files: of the first chair. `inputs` must outlive the member.
  ElasticMember(const ElasticInputs& inputs, std::unique_ptr<Presence> presence, std::unique_ptr<Meeting> meeting,
                std::unique_ptr<ChairFiles> files, const Consensus& layout, std::function<bool()> stop);
  End run();  // RunFailed where it is left without a majority, with where it has saved the consensus

 private:
  std::optional<End> begin();
  std::optional<End> take(const MeetingEvent& event);  // empty: the run goes on from state_
  MeetingEvent settle(MeetingEvent event);             // merges as long as that is asked for
  MeetingEvent merge(const std::vector<Contribution>& contributions);
  std::optional<End> take_state();
  End finish();
  [[noreturn]] void save_alone(const MeetingEvent& event);
  End leave();
  bool record_state();  // as the chair, with the state's consensus in the worker; false: another has gone on
  void report_members(const MeetingState& before, const MeetingState& now) const;

  const ElasticInputs& inputs_;
  const std::unique_ptr<Presence> presence_;
  const std::function<bool()> stop_;
  StepContextPool contexts_;
  Consensus consensus_;
  MeetingState meeting_state_;
  ElasticState state_;
  Clock::time_point state_at_ = Clock::now();
  double round_seconds_ = 0;  // that the state has taken
  std::unique_ptr<MemberWorker> worker_;
  std::unique_ptr<ChairFiles> files_;  // null: another is the chair
  std::unique_ptr<Meeting> meeting_;
};

}  // namespace skein
