#include "train/elastic/replay.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/check.h"
#include "base/sha256.h"
#include "train/elastic/elastic_inputs.h"
#include "train/elastic/member_worker.h"
#include "train/elastic/membership_file.h"
#include "train/machine/machine.h"

namespace skein {
namespace {

class Replay {
 public:
  Replay(const std::string& run, const ElasticInputs& in, const Membership& file, const std::function<bool()>& stop)
      : run_(run),
        in_(in),
        stop_(stop),
        contexts_(one_context(), device_of(in.info.config.device), in.info.config.recompute),
        first_(in.info, in.data.train, 0, contexts_),
        consensus_(in.info.config, first_.worker().parameters()) {
    state_.ledger = SampleLedger::whole(0, in.data.train.size());
    compare("the first consensus", file.header.consensus);
  }

  void take(const MembershipLine& line) {
    if (line.kind == MembershipLine::Kind::resume) {
      compare(fmt::format("round {}, from which the run was gone on with", line.round), line.consensus);
      workers_.clear();
    }
    if (line.kind == MembershipLine::Kind::round)
      repeat(line);
    else
      state_.merged.clear();
  }
  const ElasticState& state() const { return state_; }

 private:
  void repeat(const MembershipLine& line) {
    const TrainConfig& c = in_.info.config;
    const RoundPlan plan = plan_of(line, c, state_, run_);
    const std::vector<int64_t> places = places_of_merged(line);
    std::vector<MemberRound> rounds;
    std::vector<MergeTerm> terms;
    for (const int64_t place : places) {
      auto& worker = workers_[line.ids[size_t(place)]];
      if (!worker)
        worker = std::make_unique<MemberWorker>(in_.info, in_.data.train, line.ids[size_t(place)], contexts_);
      auto round = worker->take_steps(consensus_, state_, plan, place, stop_);
      if (!round) return;
      rounds.push_back(std::move(*round));
    }
    for (const MemberRound& r : rounds) terms.push_back({r.samples, r.bytes});
    const int64_t samples = in_.data.train.size();
    consensus_.merge(terms, rate_of_step(c, state_, samples, std::ssize(plan.parts), plan.steps - 1));
    state_.merged = line.merged;
    finish_round(plan, places, samples, state_);
    std::erase_if(workers_, [&](const auto& w) {
      return std::find(line.merged.begin(), line.merged.end(), w.first) == line.merged.end();
    });
    compare(fmt::format("round {} (line {})", line.round, line.number), line.consensus);
  }

  void compare(const std::string& what, const std::string& expected) const {
    const std::string own = sha256(consensus_.bytes());
    if (own != expected)
      throw RunFailed(
          "{}: {}: the consensus is {}, but {} has {}. Either the file was changed, or this machine rounds otherwise "
          "than those of the run (another processor, or another build of skein)",
          run_, what, own, kMembershipFile + 1, expected);
  }

  const std::string& run_;
  const ElasticInputs& in_;
  const std::function<bool()>& stop_;
  StepContextPool contexts_;
  MemberWorker first_;  // its parameters are those of every run with this seed
  Consensus consensus_;
  ElasticState state_;
  std::map<int64_t, std::unique_ptr<MemberWorker>> workers_;
};

}  // namespace

ReplayResult replay(const std::string& run, const std::string& data_dir, const std::function<bool()>& stop) {
  const Membership file = read_membership(run);
  TrainCall call;
  read_config(run + "/config.toml", call.config);
  if (!data_dir.empty()) call.config.data_dir = data_dir;
  call.config.threads = file.header.threads;
  if (call.config.elastic.empty())
    throw BadInput("{}/config.toml: has no elastic. Give the folder of a run that was started with --elastic", run);
  ElasticInputs in = open_elastic_inputs(call);
  if (file.header.seed != call.config.seed || file.header.samples != in.data.train.size())
    throw BadInput("{}{}: is of seed {} and {} training images, but config.toml and the data are of seed {} and {}",
                   run, kMembershipFile, file.header.seed, file.header.samples, call.config.seed, in.data.train.size());
  set_up_member(in);
  use_conv_choices(file.header.convolutions);
  Replay r(run, in, file, stop);
  for (const MembershipLine& line : file.lines) {
    r.take(line);
    if (stop()) break;
  }
  return {r.state().round, is_complete(r.state(), call.config.epochs), file.cut_short};
}

}  // namespace skein
