#include "train/elastic/elastic_state.h"

#include <algorithm>

#include "local_sgd/sync_schedule.h"
#include "train/run/progress_json.h"

namespace skein {
namespace {

Json to_json(const SampleLedger& ledger) {
  std::vector<int64_t> bounds;
  for (const SampleRange& r : ledger.left) bounds.insert(bounds.end(), {r.begin, r.end});
  return {{"epoch", ledger.epoch}, {"left", bounds}};
}

SampleLedger ledger_from(const Json& json) {
  SampleLedger ledger{json.at("epoch").get<int64_t>(), {}};
  const auto bounds = json.at("left").get<std::vector<int64_t>>();
  int64_t before = -1;
  for (size_t i = 0; i + 1 < bounds.size(); i += 2) {
    if (bounds[i] <= before || bounds[i + 1] <= bounds[i]) throw JsonError("samples that are left");
    ledger.left.push_back({bounds[i], bounds[i + 1]});
    before = bounds[i + 1];
  }
  if (bounds.size() % 2 != 0 || ledger.epoch < 0) throw JsonError("samples that are left");
  return ledger;
}

}  // namespace

Json to_json(const std::vector<ConvChoice>& choices) {
  std::vector<std::string> flat;
  for (const ConvChoice& c : choices) flat.insert(flat.end(), {c.layer, c.implementation});
  return flat;
}

std::vector<ConvChoice> convolutions_from(const Json& json) {
  const auto flat = json.get<std::vector<std::string>>();
  if (flat.size() % 2 != 0) throw JsonError("convolutions");
  std::vector<ConvChoice> choices;
  for (size_t i = 0; i < flat.size(); i += 2) choices.push_back({flat[i], flat[i + 1]});
  return choices;
}

Json to_json(const ElasticState& s) {
  return {{"round", s.round},
          {"steps", s.steps},
          {"ledger", to_json(s.ledger)},
          {"merged", s.merged},
          {"consensus", s.consensus},
          {"record", s.record},
          {"totals", to_json(s.totals)},
          {"averaged", to_json(s.averaged)},
          {"seconds", s.seconds},
          {"threads", s.threads},
          {"convolutions", to_json(s.convolutions)}};
}

ElasticState elastic_state_from(const Json& j) {
  ElasticState s;
  j.at("round").get_to(s.round);
  j.at("steps").get_to(s.steps);
  s.ledger = ledger_from(j.at("ledger"));
  j.at("merged").get_to(s.merged);
  j.at("consensus").get_to(s.consensus);
  s.record = j.at("record");
  from_json(j.at("totals"), s.totals);
  from_json(j.at("averaged"), s.averaged);
  j.at("seconds").get_to(s.seconds);
  j.at("threads").get_to(s.threads);
  s.convolutions = convolutions_from(j.at("convolutions"));
  return s;
}

RoundPlan plan_round(const TrainConfig& c, const ElasticState& s, int64_t members) {
  const int64_t step = c.batch * c.accumulate;
  RoundPlan plan{deal(s.ledger, members, sync_schedule(c).local_steps * step), 0};
  for (const SampleRanges& part : plan.parts) plan.steps = std::max(plan.steps, (count(part) + step - 1) / step);
  return plan;
}

double rate_of_step(const TrainConfig& c, const ElasticState& s, int64_t samples, int64_t members, int64_t j) {
  LearningRateSchedule schedule = rate_schedule(c);
  schedule.workers = double(members);
  const int64_t trained = samples - count(s.ledger.left) + j * members * c.batch * c.accumulate;
  return schedule.at(s.ledger.epoch * samples + std::min(trained, samples - 1), samples);
}

bool ends_epoch(const ElasticState& s, int64_t samples) {
  return s.round > 0 && !s.merged.empty() && count(s.ledger.left) == samples;
}

void finish_round(const RoundPlan& plan, const std::vector<int64_t>& merged_places, int64_t samples, ElasticState& s) {
  for (const int64_t place : merged_places) s.ledger.take(plan.parts[size_t(place)]);
  if (s.ledger.left.empty()) s.ledger = SampleLedger::whole(s.ledger.epoch + 1, samples);
  s.steps += plan.steps;
  ++s.round;
}

}  // namespace skein
