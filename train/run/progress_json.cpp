#include "train/run/progress_json.h"

#include <string>

#include "train/machine/machine.h"

namespace skein {
namespace {

Json to_json(const Traffic& t) { return {{"bytes", t.bytes}, {"rounds", t.rounds}}; }

void from_json(const Json& j, Traffic& t) {
  j.at("bytes").get_to(t.bytes);
  j.at("rounds").get_to(t.rounds);
}

void from_json(const Json& j, CommunicationTotals& r) {
  j.at("world").get_to(r.world);
  j.at("block").get_to(r.block);
  j.at("bytes").get_to(r.bytes);
  j.at("compute").get_to(r.compute);
  j.at("network").get_to(r.network);
  from_json(j.at("sent").at(0), r.sent.block);
  from_json(j.at("sent").at(1), r.sent.world);
  if (!j.contains("delayed")) return;  // absent in checkpoints of older versions
  from_json(j.at("delayed").at(0), r.delayed.block);
  from_json(j.at("delayed").at(1), r.delayed.world);
  j.at("overlap").get_to(r.overlap);
}

void from_json(const Json& j, SyncScope& scope) {
  const int number = j.get<int>();
  if (number < int(SyncScope::none) || number > int(SyncScope::world)) throw JsonError("no such scope");
  scope = SyncScope(number);
}

}  // namespace

Json to_json(const EpochTotals& t) {
  return {{"loss", t.loss},
          {"images", t.images},
          {"correct", t.correct},
          {"seconds", t.seconds},
          {"data_seconds", t.times.data},
          {"compute_seconds", t.times.compute},
          {"average_seconds", t.times.average}};
}

void from_json(const Json& j, EpochTotals& t) {
  j.at("loss").get_to(t.loss);
  j.at("images").get_to(t.images);
  j.at("correct").get_to(t.correct);
  j.at("seconds").get_to(t.seconds);
  if (!j.contains("data_seconds")) return;  // absent in checkpoints of older versions
  j.at("data_seconds").get_to(t.times.data);
  j.at("compute_seconds").get_to(t.times.compute);
  j.at("average_seconds").get_to(t.times.average);
}

Json to_json(const BestSoFar& r) { return {{"last", r.last}, {"best", r.best}, {"best_epoch", r.best_epoch}}; }

void from_json(const Json& j, BestSoFar& r) {
  j.at("last").get_to(r.last);
  j.at("best").get_to(r.best);
  j.at("best_epoch").get_to(r.best_epoch);
}

Json to_json(const TrainState& s) {
  Json plans = Json::object();
  for (const ConvChoice& p : conv_choices()) plans[p.layer] = p.implementation;
  return {{"step", s.step},
          {"epoch", s.epoch},
          {"step_in_epoch", s.step_in_epoch},
          {"totals", to_json(s.totals)},
          {"averaged_top1", to_json(s.averaged)},
          {"local_top1", to_json(s.local)},
          {"ema_top1", to_json(s.ema)},
          {"seconds", s.seconds},
          {"rounds",
           {{"world", s.rounds.world},
            {"block", s.rounds.block},
            {"bytes", s.rounds.bytes},
            {"compute", s.rounds.compute},
            {"network", s.rounds.network},
            {"sent", Json::array({to_json(s.rounds.sent.block), to_json(s.rounds.sent.world)})},
            {"delayed", Json::array({to_json(s.rounds.delayed.block), to_json(s.rounds.delayed.world)})},
            {"overlap", s.rounds.overlap}}},
          {"to_start", int(s.to_start)},
          {"under_way", int(s.under_way)},
          {"threads_per_worker", s.threads_per_worker},
          {"data", {{"train", s.data.train}, {"test", s.data.test}}},
          {"conv_plans", plans}};
}

void from_json(const Json& j, Checkpoint& c) {
  TrainState& s = c.state;
  j.at("step").get_to(s.step);
  j.at("epoch").get_to(s.epoch);
  j.at("step_in_epoch").get_to(s.step_in_epoch);
  from_json(j.at("totals"), s.totals);
  from_json(j.at("averaged_top1"), s.averaged);
  from_json(j.at("local_top1"), s.local);
  if (j.contains("ema_top1")) from_json(j.at("ema_top1"), s.ema);  // older versions of the format do not have it
  j.at("seconds").get_to(s.seconds);
  from_json(j.at("rounds"), s.rounds);
  if (j.contains("under_way")) {  // absent in checkpoints of older versions
    from_json(j.at("to_start"), s.to_start);
    from_json(j.at("under_way"), s.under_way);
  }
  j.at("threads_per_worker").get_to(s.threads_per_worker);
  if (j.contains("data")) {  // absent in checkpoints of older versions
    j.at("data").at("train").get_to(s.data.train);
    j.at("data").at("test").get_to(s.data.test);
  }
  for (const auto& [layer, name] : j.at("conv_plans").items())
    c.conv_choices.push_back({layer, name.get<std::string>()});
}

}  // namespace skein
