#include "train/elastic/elastic_run.h"

#include <omp.h>

#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/terminal/standard_files.h"
#include "comm/launcher.h"
#include "train/elastic/chair_name.h"
#include "train/elastic/elastic_member.h"
#include "train/elastic/membership_file.h"
#include "train/machine/machine.h"
#include "train/run/interrupt.h"
#include "train/run/memory.h"
#include "train/run/report.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr auto kRetry = std::chrono::milliseconds(50);

// The model as every process makes it: the layout of the consensus, and the first one.
struct FirstModel {
  ParameterStore parameters;
  std::unique_ptr<Model> model;
  explicit FirstModel(const ModelInfo& info) : model(make_model(info.config.model, info.model_options(), parameters)) {
    parameters.build(Device::cpu, uint64_t(info.config.seed), activations(info.config));
  }
};

class Entrance {
 public:
  Entrance(const ElasticInputs& in, const JoinOptions& how, std::function<bool()> stop)
      : in_(in), first_(in.info), consensus_(in.info.config, first_.parameters), stop_(std::move(stop)) {
    const std::string own = what_members_share(in);
    options_ = {
        .elastic = in.options,
        .timeout = how.timeout,
        .secret = how.secret,
        .state_bytes = consensus_.state_bytes(),
        .contribution_bytes = consensus_.contribution_bytes(),
        .joins = own,
        .objection = [own](const std::string& its) { return difference_of_newcomer(its, own); },
        .on_chair =
            [&in](const std::string& address) { write_chair(in.call.out, chair_text(address, in.is_encrypted)); },
        .stop = stop_};
  }

  // Null: stopped, or `complete` is set: there is nothing left to train.
  std::unique_ptr<ElasticMember> enter(bool& complete) {
    const std::string& run = in_.call.out;
    make_folders(run);
    for (const auto begin = Clock::now(); !stop_(); std::this_thread::sleep_for(kRetry)) {
      require_same_encryption(run, in_.is_encrypted);
      if (const std::string address = address_of_chair(run); !address.empty()) {
        warm_up();
        auto presence = std::make_unique<Presence>(run);
        if (auto meeting = Meeting::join(options_, address)) return member(std::move(presence), std::move(meeting));
      }
      if (auto lock = try_lock_run(run); lock && !is_anybody_present(run)) {
        auto presence = std::make_unique<Presence>(run);
        return begin_run(std::move(presence), std::move(lock), complete);
      }
      if (seconds_since(begin) > in_.options.grace + options_.timeout)
        throw RunFailed(
            "the run in {} has members, but none lets this process in within {:.0f} s. See what they say, and whether "
            "this machine reaches {}",
            run, in_.options.grace + options_.timeout, address_of_chair(run));
    }
    return nullptr;
  }

 private:
  // Takes a step on zeros with the kernels of the run. A first step takes longest, and the others would wait for it.
  void warm_up() {
    if (std::exchange(warm_, true)) return;
    try {
      const MembershipHeader run = read_membership(in_.call.out).header;
      use_threads(run.threads);
      use_conv_choices(run.convolutions);
    } catch (const BadInput&) {
      return;  // the chair will say what is wrong
    }
    StepContextPool contexts(one_context(), device_of(in_.info.config.device), in_.info.config.recompute);
    MemberWorker(in_.info, in_.data.train, 0, contexts).worker().warm_up_convolutions();
  }

  std::unique_ptr<ElasticMember> member(std::unique_ptr<Presence> presence, std::unique_ptr<Meeting> meeting,
                                        std::unique_ptr<ChairFiles> files = nullptr) {
    return std::make_unique<ElasticMember>(in_, std::move(presence), std::move(meeting), std::move(files), consensus_,
                                           stop_);
  }

  std::unique_ptr<ElasticMember> begin_run(std::unique_ptr<Presence> presence, std::unique_ptr<OutputLock> lock,
                                           bool& complete) {
    const bool goes_on = progress_of(in_.call.out) == RunProgress::saved;
    std::unique_ptr<RunFolder> logs;
    int64_t next_id = 0;
    ElasticState state = goes_on ? resumed_state(next_id) : ElasticState{};
    complete = is_complete(state, in_.info.config.epochs);
    if (complete) return nullptr;
    if (goes_on) {
      append_membership(in_.call.out, state.record);
      report("resume   from round {} of the run in {}\n", state.round, in_.call.out);
      logs = RunFolder::reopen(in_.call.out, train_state_of(state, in_.fingerprints), in_.info.config, std::move(lock));
    } else {
      logs = new_run(state, std::move(lock));
    }
    auto payload = std::make_shared<const std::string>(consensus_.bytes());
    auto files = std::make_unique<ChairFiles>(in_, std::move(logs));
    auto meeting =
        Meeting::open(options_, tcp_rendezvous(Launcher::none), {{}, {}, next_id, to_json(state), std::move(payload)});
    return member(std::move(presence), std::move(meeting), std::move(files));
  }

  std::unique_ptr<RunFolder> new_run(ElasticState& state, std::unique_ptr<OutputLock> lock) {
    const TrainConfig& c = in_.info.config;
    StepContextPool contexts(one_context(), device_of(c.device), c.recompute);
    MemberWorker(in_.info, in_.data.train, 0, contexts).worker().warm_up_convolutions();
    state.ledger = SampleLedger::whole(0, in_.data.train.size());
    state.threads = omp_get_max_threads();
    state.convolutions = conv_choices();
    state.consensus = sha256(consensus_.bytes());
    state.record = header_line({c.seed, in_.data.train.size(), state.threads, state.convolutions, state.consensus});
    auto logs = RunFolder::create(in_.call.out, c, true, std::move(lock));
    append_membership(in_.call.out, state.record);
    return logs;
  }

  // The state of the last checkpoint, by the lines of membership.jsonl up to it.
  ElasticState resumed_state(int64_t& next_id) {
    const std::string& run = in_.call.out;
    const Checkpoint checkpoint = open_checkpoint(last_checkpoint(run));
    require_same_settings(in_.info.config, checkpoint.info.config, run);
    check_same_data(in_.info, in_.fingerprints, checkpoint);
    check_epochs(in_.info.config.epochs, checkpoint);
    load_model(checkpoint, first_.parameters);
    consensus_ = Consensus(in_.info.config, first_.parameters);
    if (consensus_.outer_momentum().defined())
      load_worker(checkpoint, 0, {{"outer_momentum", consensus_.outer_momentum()}});
    const int64_t round = checkpoint.state.rounds.world;
    if (rounds_in(run) < round)
      throw BadInput(
          "{}{}: has {} rounds, but the checkpoint {} is of round {}. Take the file as the run has written it", run,
          kMembershipFile, rounds_in(run), checkpoint.folder, round);
    const bool has_best = !is_best_later(run, checkpoint.state.epoch);
    tidy_checkpoints(run, checkpoint.state.epoch);  // the lines of a later one are cut off after it
    cut_membership(run, round);
    const Membership file = read_membership(run);
    ElasticState state;
    state.ledger = SampleLedger::whole(0, in_.data.train.size());
    for (const MembershipLine& line : file.lines) {
      if (line.kind != MembershipLine::Kind::round) continue;
      const RoundPlan plan = plan_of(line, in_.info.config, state, run);
      finish_round(plan, places_of_merged(line), in_.data.train.size(), state);
      for (const int64_t id : line.ids) next_id = std::max(next_id, id + 1);
      state.consensus = line.consensus;
    }
    if (round > 0 && sha256(consensus_.bytes()) != state.consensus)
      throw BadInput(
          "{}{}: its consensus of round {} is not that of the checkpoint {}. Take both as the run has written "
          "them",
          run, kMembershipFile, round, checkpoint.folder);
    state.totals = checkpoint.state.totals;
    state.averaged = checkpoint.state.averaged;
    if (!has_best) state.averaged.forget_best();
    state.seconds = checkpoint.state.seconds;
    state.threads = checkpoint.state.threads_per_worker;
    state.convolutions = checkpoint.conv_choices;
    state.record = {{"type", "resume"}, {"round", round}, {"consensus", state.consensus}};
    return state;
  }

  const ElasticInputs& in_;
  FirstModel first_;
  Consensus consensus_;
  std::function<bool()> stop_;
  MeetingOptions options_;
  bool warm_ = false;
};

}  // namespace

bool train_elastic(const TrainCall& call, const JoinOptions& how, const std::function<bool()>& stop) {
  ElasticInputs inputs = open_elastic_inputs(call);
  inputs.is_encrypted = how.secret.tls.given();
  set_up_member(inputs);
  ProcessGroup alone;
  check_memory(alone, inputs.info);
  const Interrupt interrupt;
  const auto should_stop = [&] { return stop() || Interrupt::signal() != 0; };
  for (;;) {
    Entrance entrance(inputs, how, should_stop);
    bool complete = false;
    const std::unique_ptr<ElasticMember> member = entrance.enter(complete);
    if (complete) report("done     the run in {} is complete\n", call.out);
    if (!member) return complete;
    const ElasticMember::End end = member->run();
    if (end != ElasticMember::End::dropped) return end == ElasticMember::End::complete;
    report("joins    the run in {} again\n", call.out);
  }
}

}  // namespace skein
