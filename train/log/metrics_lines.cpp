#include "train/log/metrics_lines.h"

#include <fmt/chrono.h>

#include <ctime>

#include "base/check.h"
#include "train/machine/version.h"

namespace skein {
namespace {

const char* reach_of(SyncScope scope) { return scope == SyncScope::world ? "world" : "block"; }

void add_list(Json& line, const char* key, const std::vector<double>& values) {
  if (!values.empty()) line[key] = values;
}

void add_score(Json& line, const std::string& prefix, const Score& score) {
  line[prefix + "_loss"] = score.loss;
  line[prefix + "_top1"] = score.top1;
  line[prefix + "_top5"] = score.top5;
}

Json layers_of(const EpochMetrics& m) {
  Json layers = Json::array();
  for (const LayerNorms& l : m.layers)
    layers.push_back({{"name", l.name}, {"weight_norm", l.weight}, {"grad_norm", l.gradient}});
  return layers;
}

}  // namespace

Json run_line(const RunDescription& r) {
  Json line = {{"type", "run"}, {"schema", kMetricsSchema}, {"version", version()}};
  if (*commit() != '\0') line["commit"] = commit();
  if (!r.command.empty()) line["command"] = r.command;
  line["started"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  Json machine = {{"cpu", r.cpu}};
  if (!r.gpu.empty()) machine["gpu"] = r.gpu;
  machine["threads"] = r.threads;
  machine["hosts"] = r.hosts;
  line["machine"] = machine;
  line["workers"] = r.workers;
  line["model"] = r.model;
  line["parameters"] = r.parameters;
  line["epochs"] = r.epochs;
  line["steps_per_epoch"] = r.steps_per_epoch;
  line["classes"] = r.classes;
  line["image"] = r.image;
  line["start_step"] = r.start_step;
  return line;
}

Json step_line(const StepMetrics& m) {
  Json line = {{"type", "step"}, {"step", m.step},       {"epoch", m.epoch},   {"loss", m.loss},
               {"lr", m.lr},     {"wait_ms", m.wait_ms}, {"images", m.images}, {"seconds", m.seconds}};
  if (m.round_steps > 0) line["h"] = m.round_steps;
  if (m.sync != SyncScope::none) line["round"] = {{"reach", reach_of(m.sync)}, {"bytes", m.sent.bytes}};
  return line;
}

Json round_line(const StepMetrics& m) {
  const RoundMetrics& r = *m.round;
  Json line = {{"type", "round"},           {"round", r.number}, {"step", m.step},        {"epoch", m.epoch},
               {"reach", reach_of(m.sync)}, {"steps", r.steps},  {"bytes", m.sent.bytes}, {"seconds", r.seconds}};
  add_list(line, "compute_seconds", r.compute);
  add_list(line, "wait_seconds", r.wait);
  add_list(line, "distance", r.distance);
  add_list(line, "delta_norm", r.delta_norm);
  if (r.delta_cosine == r.delta_cosine) line["delta_cosine"] = r.delta_cosine;
  add_list(line, "error_norm", r.error_norm);
  return line;
}

Json epoch_line(const EpochMetrics& m, double checkpoint_seconds, size_t classes) {
  Json line = {{"type", "epoch"}, {"epoch", m.epoch},           {"step", m.step},
               {"lr", m.lr},      {"train_loss", m.train_loss}, {"train_top1", m.train_top1}};
  add_score(line, "test", m.test);
  line["img_per_s"] = m.images_per_second;
  line["seconds"] = m.seconds;
  if (m.local) add_score(line, "local_test", *m.local);
  if (m.ema) add_score(line, "ema_test", *m.ema);
  if (const CommunicationTotals& r = m.rounds; r.world + r.block > 0)
    line["rounds"] = {{"world", r.world},
                      {"block", r.block},
                      {"bytes", r.bytes},
                      {"compute_seconds", r.compute},
                      {"network_seconds", r.network}};
  if (m.predictions) {
    Json top1 = Json::array();
    for (const ClassScore& c : score_classes(m.predictions->all, classes)) top1.push_back(c.top1());
    line["class_top1"] = top1;
  }
  line["layers"] = layers_of(m);
  line["step_seconds"] = {{"data", m.times.data},
                          {"compute", m.times.compute},
                          {"average", m.times.average},
                          {"evaluate", m.times.evaluate},
                          {"checkpoint", checkpoint_seconds}};
  return line;
}

void check_schema(const Json& run_line, const std::string& path) {
  const int64_t schema = run_line.at("schema").get<int64_t>();
  if (schema != kMetricsSchema)
    throw BadInput("{}: has schema {}, and this version of skein reads schema {}. Use the version that wrote it", path,
                   schema, kMetricsSchema);
}

}  // namespace skein
