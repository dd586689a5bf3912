#include "train/elastic/elastic_member.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/activity.h"
#include "base/check.h"
#include "base/sha256.h"
#include "base/terminal/standard_files.h"
#include "train/elastic/membership_file.h"
#include "train/machine/machine.h"
#include "train/run/checkpoint.h"
#include "train/run/run_folder.h"

namespace skein {
namespace {

constexpr const char kGoneOn[] = "the run has gone on without it";

}  // namespace

ElasticMember::ElasticMember(const ElasticInputs& in, std::unique_ptr<Presence> presence,
                             std::unique_ptr<Meeting> meeting, std::unique_ptr<ChairFiles> files,
                             const Consensus& layout, std::function<bool()> stop)
    : inputs_(in),
      presence_(std::move(presence)),
      stop_(std::move(stop)),
      contexts_(one_context(), device_of(in.info.config.device), in.info.config.recompute),
      consensus_(layout),
      files_(std::move(files)),
      meeting_(std::move(meeting)) {}

ElasticMember::End ElasticMember::run() {
  if (const auto end = begin()) return *end;
  const TrainConfig& c = inputs_.info.config;
  while (!is_complete(state_, c.epochs)) {
    activity::set_step(state_.steps);
    const int64_t place = meeting_state_.place_of(meeting_->own());
    const RoundPlan plan = plan_round(c, state_, std::ssize(meeting_state_.members));
    auto own = worker_->take_steps(consensus_, state_, plan, place, stop_);
    if (!own) return leave();
    Json run = {{"samples", own->samples}, {"loss", own->loss}, {"correct", own->correct}};
    const auto event = meeting_->contribute({meeting_->own(), meeting_state_.key, std::move(run),
                                             std::make_shared<const std::string>(std::move(own->bytes))});
    if (const auto end = take(settle(event))) return *end;
  }
  return finish();
}

std::optional<ElasticMember::End> ElasticMember::begin() {
  meeting_state_ = meeting_->state();
  state_ = elastic_state_from(meeting_state_.run);
  use_threads(state_.threads);
  use_conv_choices(state_.convolutions);
  worker_ = std::make_unique<MemberWorker>(inputs_.info, inputs_.data.train, meeting_->own(), contexts_);
  const bool first = meeting_->is_chair();
  report("member   {}{} of the run in {}\n", meeting_->own(), first ? ", the chair," : "", inputs_.call.out);
  if (!first) return take_state();
  consensus_.set(*meeting_state_.payload);
  consensus_.copy_to(worker_->worker().parameters());
  if (inputs_.options.min > 1) report("waiting  for {} members\n", inputs_.options.min);
  return take(settle(meeting_->gather()));
}

std::optional<ElasticMember::End> ElasticMember::take(const MeetingEvent& event) {
  switch (event.kind) {
    case MeetingEvent::state:
      return take_state();
    case MeetingEvent::deposed:
      report("dropped  member {}: {}\n", meeting_->own(), event.why);
      return End::dropped;
    case MeetingEvent::stopped:
      return leave();
    default:
      save_alone(event);
  }
}

std::optional<ElasticMember::End> ElasticMember::take_state() {
  MeetingState now = meeting_->state();
  state_ = elastic_state_from(now.run);
  consensus_.set(*now.payload);
  if (sha256(*now.payload) != state_.consensus)
    throw RunFailed(
        "the consensus of round {} has not come whole: its SHA-256 is not that which the chair has sent. Look at the "
        "machines' memory and network, and start this process again",
        state_.round);
  consensus_.copy_to(worker_->worker().parameters());
  report_members(meeting_state_, now);
  meeting_state_ = std::move(now);
  round_seconds_ = seconds_since(std::exchange(state_at_, Clock::now()));
  if (!meeting_->is_chair()) {
    files_.reset();
    return {};
  }
  if (record_state()) return {};
  report("dropped  member {}: {}\n", meeting_->own(), kGoneOn);
  return End::dropped;
}

bool ElasticMember::record_state() {
  if (!files_) {
    report("chair    member {} has become the chair\n", meeting_->own());
    files_ = std::make_unique<ChairFiles>(inputs_, nullptr);
  }
  const Member& own = meeting_state_.members[size_t(meeting_state_.place_of(meeting_->own()))];
  if (!files_->begin(state_, own.address, worker_->worker().parameters().count(), [&] { return meeting_->leads(); }))
    return false;
  if (state_.merged.empty() || files_->is_saved(state_)) return true;
  if (files_->is_written(state_)) return files_->save(state_, consensus_, worker_->worker());
  files_->write_round(state_, state_.record.at("lr").get<double>(), round_seconds_);
  if (ends_epoch(state_, inputs_.data.train.size()))
    return files_->end_epoch(state_, consensus_, worker_->worker(), contexts_.first());
  return !files_->is_checkpoint_due() || files_->save(state_, consensus_, worker_->worker());
}

// A chair records a state before it merges the next: the one before it may have ended in between.
MeetingEvent ElasticMember::settle(MeetingEvent event) {
  while (event.kind == MeetingEvent::merge) {
    if (!files_) {
      consensus_.copy_to(worker_->worker().parameters());
      if (!record_state()) return {MeetingEvent::deposed, {}, kGoneOn};
    }
    event = merge(event.contributions);
  }
  return event;
}

MeetingEvent ElasticMember::merge(const std::vector<Contribution>& contributions) {
  const TrainConfig& c = inputs_.info.config;
  const int64_t samples = inputs_.data.train.size();
  const RoundPlan plan = plan_round(c, state_, std::ssize(meeting_state_.members));
  ElasticState next = state_;
  next.merged.clear();
  next.record = {{"type", "members"}, {"round", state_.round}, {"epoch", meeting_state_.key.epoch}};
  if (!contributions.empty()) {
    if (count(state_.ledger.left) == samples) next.totals = {};
    std::vector<MergeTerm> terms;
    std::vector<int64_t> places;
    double loss = 0;
    int64_t trained = 0;
    for (const Contribution& part : contributions) {
      places.push_back(meeting_state_.place_of(part.member));
      next.merged.push_back(part.member);
      const int64_t own = count(plan.parts[size_t(places.back())]);
      terms.push_back({own, part.payload ? std::string_view(*part.payload) : std::string_view()});
      trained += own;
      loss += part.run.at("loss").get<double>();
      next.totals.correct += part.run.at("correct").get<int64_t>();
    }
    if (!std::isfinite(loss))
      throw RunFailed("the loss is {} in round {}; lower --lr, or lengthen the warm-up", std::abs(loss),
                      state_.round + 1);
    const double rate = rate_of_step(c, state_, samples, std::ssize(plan.parts), plan.steps - 1);
    consensus_.merge(terms, rate);
    finish_round(plan, places, samples, next);
    next.totals.loss += loss;
    next.totals.images += trained;
    next.totals.seconds += seconds_since(state_at_);
    next.record = record_of(meeting_state_, plan, next, rate, trained > 0 ? loss / double(trained) : 0, trained);
  }
  next.seconds += seconds_since(state_at_);
  auto bytes = std::make_shared<const std::string>(consensus_.bytes());
  next.consensus = sha256(*bytes);
  if (!contributions.empty()) next.record["consensus"] = next.consensus;
  return meeting_->publish(to_json(next), std::move(bytes));
}

void ElasticMember::report_members(const MeetingState& before, const MeetingState& now) const {
  if (!meeting_->is_chair()) return;
  for (const Member& m : before.members)
    if (!now.has(m.id)) report("lost     member {}, {}, in round {}\n", m.id, m.process, state_.round);
  for (const Member& m : now.members)
    if (!before.has(m.id)) report("new      member {}, {}, from round {} on\n", m.id, m.process, state_.round + 1);
}

// The chair has evaluated and saved the end of the last epoch. Where it ends before it says so, another does it.
ElasticMember::End ElasticMember::finish() {
  const MeetingEvent event = meeting_->await_end();
  if (event.kind == MeetingEvent::done) return End::complete;
  if (event.kind != MeetingEvent::chair) {
    if (const auto end = take(event)) return *end;
  }
  if (!files_ && !record_state()) return End::dropped;
  files_->end(state_, true);
  meeting_->finish();
  report("done     test top-1 {:.2f} % after the last epoch, {:.2f} % after the best (epoch {})\n",
         state_.averaged.last, state_.averaged.best, state_.averaged.best_epoch);
  return End::complete;
}

ElasticMember::End ElasticMember::leave() {
  if (!files_) return End::stopped;
  consensus_.set(*meeting_state_.payload);  // it may have been merged into a state that the others have not taken
  consensus_.copy_to(worker_->worker().parameters());
  if (!files_->save(state_, consensus_, worker_->worker())) return End::stopped;
  files_->end(state_, false);
  report("stopped  after round {}; the same command goes on with the run\n", state_.round);
  return End::stopped;
}

void ElasticMember::save_alone(const MeetingEvent& event) {
  const bool for_all = event.has_majority && files_;
  const std::string folder = for_all ? last_folder(inputs_.call.out)
                                     : fmt::format("{}/checkpoints/alone-{}", inputs_.call.out, meeting_->own());
  consensus_.set(*meeting_state_.payload);
  consensus_.copy_to(worker_->worker().parameters());
  ProcessGroup alone;
  write_checkpoint(alone, folder,
                   {inputs_.info, worker_->worker().parameters(), outer_step_of(consensus_),
                    train_state_of(state_, inputs_.fingerprints)},
                   for_all ? inputs_.info.config.keep : 1);
  throw RunFailed("member {}: {}. It has saved the consensus of round {} in {} and ends. {}", meeting_->own(),
                  event.why, state_.round, folder,
                  for_all ? "The same command goes on from it"
                          : "If no other member has gone on, the same command goes on from the run's last checkpoint");
}

}  // namespace skein
