// sweep.json, and what makes two plans the same.
#include <fmt/format.h>

#include <filesystem>

#include "apps/sweep/sweep_plan.h"
#include "base/check.h"
#include "base/files.h"
#include "base/formats/json.h"
#include "base/terminal/printable.h"
#include "base/terminal/shell_words.h"

namespace skein {
namespace {

constexpr int kSchema = 1;

std::string file_of(const std::string& folder) { return folder + "/sweep.json"; }

Json to_json(const SweepAxis& axis) {
  Json choices = Json::array();
  for (const SweepChoice& c : axis.choices) choices.push_back({{"text", c.text}, {"flags", c.flags}});
  return {{"name", axis.name}, {"choices", choices}};
}

SweepAxis axis_of(const Json& json) {
  SweepAxis axis{json.at("name").get<std::string>(), {}};
  for (const Json& c : json.at("choices").elements())
    axis.choices.push_back({c.at("text").get<std::string>(), c.at("flags").get<std::vector<std::string>>()});
  return axis;
}

std::string describe(const SweepAxis& axis) {
  std::string text = axis.name + ":";
  for (const SweepChoice& c : axis.choices)
    text += axis.name == "variant" ? fmt::format(" {} ({})", c.text, shell_words(c.flags)) : " " + c.text;
  return text;
}

[[noreturn]] void refuse(const std::string& folder, const std::string& there, const std::string& here) {
  throw BadInput(
      "--out {}: holds another sweep: it has {}, and this command {}. Give another folder, or the command that began "
      "it",
      folder, there, here);
}

}  // namespace

bool has_plan(const std::string& folder) { return std::filesystem::exists(file_of(folder)); }

SweepPlan read_plan(const std::string& folder) {
  const std::string path = file_of(folder);
  if (!has_plan(folder))
    throw BadInput(
        "--out {}: holds no sweep, as it lacks sweep.json. Begin one: skein sweep --out {} --set … -- train …", folder,
        folder);
  try {
    const Json json = Json::parse(read_text(path));
    if (const int schema = json.at("schema").get<int>(); schema != kSchema)
      throw BadInput("{}: has schema {}, this version reads {}. Use the version that wrote it", path, schema, kSchema);
    SweepPlan plan{json.at("train").get<std::vector<std::string>>(),
                   {},
                   json.at("seeds").get<int64_t>(),
                   json.at("first_seed").get<int64_t>()};
    for (const Json& axis : json.at("axes").elements()) plan.axes.push_back(axis_of(axis));
    return plan;
  } catch (const JsonError& e) {
    throw BadInput("{}: is not the plan of a sweep ({}). Restore it, or give another folder", path, e.what());
  }
}

void write_plan(const SweepPlan& plan, const std::string& folder) {
  Json axes = Json::array();
  for (const SweepAxis& axis : plan.axes) axes.push_back(to_json(axis));
  const Json json = {{"schema", kSchema},
                     {"train", plan.train},
                     {"axes", axes},
                     {"seeds", plan.seeds},
                     {"first_seed", plan.first_seed}};
  write_text(file_of(folder), json.dump(2, Json::BadUtf8::replace) + "\n");
}

void require_same_plan(const SweepPlan& plan, const SweepPlan& there, const std::string& folder) {
  if (plan.train != there.train) refuse(folder, shell_words(there.train), shell_words(plan.train));
  for (size_t i = 0; i < std::max(plan.axes.size(), there.axes.size()); ++i) {
    const auto describe_at = [i](const SweepPlan& p) {
      return i < p.axes.size() ? describe(p.axes[i]) : std::string("no more axes");
    };
    if (i >= plan.axes.size() || i >= there.axes.size() || plan.axes[i] != there.axes[i])
      refuse(folder, describe_at(there), describe_at(plan));
  }
  if (plan.seeds < there.seeds) refuse(folder, counted(there.seeds, "seed"), fmt::format("{}, fewer", plan.seeds));
}

}  // namespace skein
