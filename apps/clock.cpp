// skein clock: time that a finished run would have taken on a simulated network. A run counts the bytes and rounds that
// its workers sent, so any network can be charged afterwards (local_sgd/network_model.h) without another run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/commands.h"
#include "base/check.h"
#include "base/json.h"
#include "local_sgd/network_model.h"
#include "train/run/checkpoint.h"
#include "train/run/resume.h"

namespace skein {
namespace {

struct ClockFlags {
  std::string run;
  std::vector<std::string> net;
  bool json = false;
};

void clock(const ClockFlags& flags) {
  const NetworkModel network = parse_network(fmt::format("{}", fmt::join(flags.net, ";")));
  const TrainState state = open_checkpoint(last_checkpoint(flags.run)).state;
  const CommunicationTotals& r = state.rounds;
  if (r.world + r.block == 0)
    throw BadInput("{}: this run has averaged nothing yet. Give one with several workers", flags.run);
  const double seconds = network.seconds(r.sent);
  if (flags.json) {
    const Json line = {{"run", flags.run},
                       {"net", fmt::format("{}", fmt::join(flags.net, ";"))},
                       {"steps", state.step},
                       {"rounds", {{"world", r.world}, {"block", r.block}}},
                       {"compute_seconds", r.compute},
                       {"network_seconds", seconds},
                       {"seconds", r.compute + seconds}};
    fmt::print("{}\n", line.dump());
    return;
  }
  fmt::print("{} steps, {} averagings among all and {} within blocks\n", state.step, r.world, r.block);
  fmt::print("computing  {:.3f} s, the slowest worker of each step\n", r.compute);
  fmt::print("network    {:.3f} s\n", seconds);
  fmt::print("together   {:.3f} s\n", r.compute + seconds);
}

}  // namespace

void add_clock_command(Command& skein) {
  auto flags = std::make_shared<ClockFlags>();
  Command& command = skein.add("clock", "What a run would have taken on a simulated network");
  command.option("run", flags->run, "the run folder", {.type = "RUN", .required = true});
  command.option("--net", flags->net, "1Gbit,200us or, given twice, block=100Gbit,5us and world=1Gbit,1ms",
                 {.type = "SPEC", .required = true});
  command.flag("--json", flags->json, "one line of JSON");
  command.body = [flags] { clock(*flags); };
}

}  // namespace skein
