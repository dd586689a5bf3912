#include "apps/model/geometry_report.h"

#include <fmt/format.h>

#include "apps/table.h"
#include "base/formats/csv.h"

namespace skein {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string checkpoints_table(const GeometryReport& report) {
  Rows rows = {{"checkpoint", "epoch", "loss", "top-1 %"}};
  const bool eigenvalues = report.checkpoints[0].eigenvalues.has_value();
  const bool traces = report.checkpoints[0].trace.has_value();
  if (eigenvalues)
    for (const char* title : {"eigenvalue", "residual", "step error", "least", "products"}) rows[0].push_back(title);
  if (traces) rows[0].push_back("trace");
  for (const CheckpointGeometry& c : report.checkpoints) {
    rows.push_back({c.checkpoint, fmt::format("{}", c.epoch), number_cell(c.train.loss, "{:.5f}"),
                    number_cell(c.train.top1, "{:.2f}")});
    std::vector<std::string>& row = rows.back();
    if (c.eigenvalues) {
      const Eigenvalues& e = *c.eigenvalues;
      row.push_back(fmt::format("{:.4g}{}", e.largest[0].value, e.converged ? "" : " (not converged)"));
      for (const double x : {e.largest[0].residual, e.step_error}) row.push_back(fmt::format("{:.2g}", x));
      row.push_back(fmt::format("{:.3g} ± {:.1g}", e.least.value, e.least.residual));
      row.push_back(fmt::format("{}", e.products));
    }
    if (c.trace) row.push_back(fmt::format("{:.4g} ± {:.2g}", c.trace->value, c.trace->standard_error));
  }
  std::vector<Align> align(rows[0].size(), Align::right);
  align[0] = Align::left;
  return format_table(align, rows);
}

// All eigenvalues, where there are more than one.
std::string eigenvalues_table(const GeometryReport& report) {
  Rows rows = {{"eigenvalue"}};
  size_t most = 0;
  for (const CheckpointGeometry& c : report.checkpoints) {
    rows[0].push_back(c.checkpoint);
    if (c.eigenvalues) most = std::max(most, c.eigenvalues->largest.size());
  }
  if (most < 2) return "";
  for (size_t i = 0; i < most; ++i) {
    rows.push_back({fmt::format("{}", i + 1)});
    for (const CheckpointGeometry& c : report.checkpoints) {
      const auto& all = c.eigenvalues->largest;
      rows.back().push_back(i < all.size() ? fmt::format("{:.4g} ± {:.1g}", all[i].value, all[i].residual) : "-");
    }
  }
  return format_table(std::vector<Align>(rows[0].size(), Align::right), rows);
}

std::string line_table(const std::vector<LinePoint>& line) {
  if (line.empty()) return "";
  Rows rows = {{"place", "loss", "top-1 %"}};
  const bool test = line[0].test.has_value();
  if (test) rows[0].insert(rows[0].end(), {"test loss", "test top-1 %"});
  for (const LinePoint& p : line) {
    rows.push_back({fmt::format("{:.3f}{}", p.t,
                                p.t == 0   ? " first"
                                : p.t == 1 ? " second"
                                           : ""),
                    number_cell(p.train.loss, "{:.5f}"), number_cell(p.train.top1, "{:.2f}")});
    if (p.test)
      rows.back().insert(rows.back().end(), {number_cell(p.test->loss, "{:.5f}"), number_cell(p.test->top1, "{:.2f}")});
  }
  return format_table(std::vector<Align>(rows[0].size(), Align::right), rows);
}

std::string plane_table(const CheckpointGeometry& c) {
  if (!c.plane) return "";
  Rows rows = {{"loss"}};
  for (const double x : c.plane->places) rows[0].push_back(fmt::format("{:.2f}", x));
  for (size_t y = 0; y < c.plane->places.size(); ++y) {
    rows.push_back({fmt::format("{:.2f}", c.plane->places[y])});
    for (const LossPoint& p : c.plane->z[y]) rows.back().push_back(number_cell(p.loss, "{:.4g}"));
  }
  return fmt::format("plane    {}\n{}", c.checkpoint,
                     format_table(std::vector<Align>(rows[0].size(), Align::right), rows));
}

std::string with_gap(const std::string& table) { return table.empty() ? "" : "\n" + table; }

Json json_of(const RitzValue& value) { return {{"value", value.value}, {"residual", value.residual}}; }

Json json_of(const Plane& plane) {
  Json losses = Json::array(), top1 = Json::array();
  for (const std::vector<LossPoint>& row : plane.z) {
    Json of_row = Json::array(), top1_of_row = Json::array();
    for (const LossPoint& p : row) {
      of_row.push_back(p.loss);
      top1_of_row.push_back(p.top1);
    }
    losses.push_back(of_row);
    top1.push_back(top1_of_row);
  }
  return {{"places", plane.places}, {"loss", losses}, {"top1", top1}};
}

Json json_of(const CheckpointGeometry& c, int64_t probes) {
  Json json = {{"checkpoint", c.checkpoint},
               {"model", c.model},
               {"epoch", c.epoch},
               {"loss", c.train.loss},
               {"top1", c.train.top1}};
  if (c.eigenvalues) json["hessian"] = json_of(*c.eigenvalues);
  if (c.trace)
    json["trace"] = {{"value", c.trace->value}, {"standard_error", c.trace->standard_error}, {"probes", probes}};
  if (c.eigenvalues || c.trace) json["product_seconds"] = c.product_seconds;
  if (c.plane) json["plane"] = json_of(*c.plane);
  return json;
}

}  // namespace

std::string text_of(const GeometryReport& r) {
  std::string text = fmt::format(
      "loss       mean over {} training images of {}, without weight decay; batch norms by the statistics of each "
      "batch "
      "of {}\n\n",
      r.sample.images, r.data, r.sample.batch);
  text += checkpoints_table(r) + with_gap(eigenvalues_table(r)) + with_gap(line_table(r.line));
  for (const CheckpointGeometry& c : r.checkpoints) text += with_gap(plane_table(c));
  return text;
}

Json json_of(const Eigenvalues& e) {
  Json largest = Json::array();
  for (const RitzValue& value : e.largest) largest.push_back(json_of(value));
  return {{"eigenvalues", largest}, {"least", json_of(e.least)}, {"converged", e.converged}, {"products", e.products},
          {"step", e.step},         {"step_error", e.step_error}};
}

Json json_of(const GeometryReport& r) {
  Json checkpoints = Json::array(), line = Json::array();
  for (const CheckpointGeometry& c : r.checkpoints) checkpoints.push_back(json_of(c, r.probes));
  for (const LinePoint& p : r.line) {
    Json point = {{"place", p.t}, {"loss", p.train.loss}, {"top1", p.train.top1}};
    if (p.test) point["test_loss"] = p.test->loss;
    if (p.test) point["test_top1"] = p.test->top1;
    line.push_back(point);
  }
  return {{"data", r.data},
          {"images", r.sample.images},
          {"batch", r.sample.batch},
          {"seed", int64_t(r.sample.seed)},
          {"checkpoints", checkpoints},
          {"line", line}};
}

std::string csv_of(const GeometryReport& r) {
  std::string text = "checkpoint,quantity,x,y,value\n";
  const auto add = [&](const std::string& checkpoint, const char* quantity, const std::string& x, const std::string& y,
                       double value) {
    text += fmt::format("{},{},{},{},{}\n", csv_field(checkpoint), quantity, x, y, value);
  };
  const auto place = [](double x) { return fmt::format("{}", x); };
  for (const CheckpointGeometry& c : r.checkpoints) {
    add(c.checkpoint, "loss", "", "", c.train.loss);
    add(c.checkpoint, "top1", "", "", c.train.top1);
    for (size_t i = 0; c.eigenvalues && i < c.eigenvalues->largest.size(); ++i) {
      add(c.checkpoint, "eigenvalue", fmt::format("{}", i + 1), "", c.eigenvalues->largest[i].value);
      add(c.checkpoint, "residual", fmt::format("{}", i + 1), "", c.eigenvalues->largest[i].residual);
    }
    if (c.eigenvalues) add(c.checkpoint, "step error", "", "", c.eigenvalues->step_error);
    if (c.trace) add(c.checkpoint, "trace", "", "", c.trace->value);
    if (c.trace) add(c.checkpoint, "standard error of the trace", "", "", c.trace->standard_error);
    for (size_t y = 0; c.plane && y < c.plane->places.size(); ++y)
      for (size_t x = 0; x < c.plane->places.size(); ++x) {
        const std::string at_x = place(c.plane->places[x]), at_y = place(c.plane->places[y]);
        add(c.checkpoint, "plane loss", at_x, at_y, c.plane->z[y][x].loss);
        add(c.checkpoint, "plane top1", at_x, at_y, c.plane->z[y][x].top1);
      }
  }
  for (const LinePoint& p : r.line) {
    add("", "line loss", place(p.t), "", p.train.loss);
    add("", "line top1", place(p.t), "", p.train.top1);
    if (p.test) add("", "line test loss", place(p.t), "", p.test->loss);
    if (p.test) add("", "line test top1", place(p.t), "", p.test->top1);
  }
  return text;
}

}  // namespace skein
