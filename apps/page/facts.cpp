#include "apps/page/facts.h"

#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "train/machine/version.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr size_t kPictureBytes = 700000;  // of all runs together; a page of 20 runs stays under 3 MB

// Folders of runs as names: what they do not have in common.
std::map<std::string, std::string> names_of(const std::vector<std::string>& folders) {
  fs::path common = folders.empty() ? fs::path() : fs::path(folders[0]).parent_path();
  for (const std::string& folder : folders)
    while (!common.empty() && fs::path(folder).lexically_relative(common).string().starts_with(".."))
      common = common == common.parent_path() ? fs::path() : common.parent_path();
  std::map<std::string, std::string> names;
  for (const std::string& folder : folders)
    names[folder] = common.empty() ? folder : fs::path(folder).lexically_relative(common).string();
  return names;
}

// Indices of runs whose settings are the same but for the seed, in the order of the runs.
Json groups_of(const std::vector<RunLog>& logs) {
  std::vector<std::vector<size_t>> groups;
  for (size_t i = 0; i < logs.size(); ++i) {
    const auto same = [&](const std::vector<size_t>& group) {
      const std::vector<std::string> differing = differing_settings({logs[group[0]], logs[i]});
      return std::all_of(differing.begin(), differing.end(), [](const std::string& key) { return key == "seed"; });
    };
    const auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end())
      groups.push_back({i});
    else
      group->push_back(i);
  }
  Json all = Json::array();
  for (const std::vector<size_t>& group : groups) all.push_back(std::vector<int64_t>(group.begin(), group.end()));
  return all;
}

}  // namespace

bool Facts::update() {
  const std::vector<std::string> before = std::exchange(left_out_, {});
  std::set<std::string> found;
  for (const std::string& folder : folders_) {
    const std::vector<std::string> runs = find_runs(folder);
    for (const std::string& run : runs) found.insert(fs::path(run).lexically_normal().string());
    if (runs.empty() && folders_.size() > 1) left_out_.push_back(printable(folder) + ": holds no run yet");
  }
  bool changed = std::erase_if(runs_, [&](const auto& run) { return !found.contains(run.first); }) > 0;
  for (const std::string& run : found) try {
      auto& reader = runs_[run];
      if (!reader) reader = std::make_unique<RunReader>(run);
      changed |= reader->update();
    } catch (const BadInput& e) {
      runs_.erase(run);
      left_out_.push_back(printable(e.what()));
    }
  changed |= left_out_ != before;
  changes_ += changed;
  return changed;
}

std::string Facts::digest() const { return fmt::format("{}-{}", process_, changes_); }

Json Facts::document(bool live) const {
  std::vector<RunLog> logs;
  std::vector<std::string> folders;
  for (const auto& [folder, reader] : runs_) {
    logs.push_back(reader->log());
    folders.push_back(folder);
  }
  const std::map<std::string, std::string> names = names_of(folders);
  Json runs = Json::array();
  for (const auto& [folder, reader] : runs_)
    runs.push_back(reader->facts(names.at(folder), kPictureBytes / runs_.size()));
  std::vector<std::string> titles;
  for (const std::string& folder : folders_) titles.push_back(printable(fs::path(folder).lexically_normal().string()));
  return {{"schema", 1},
          {"version", version()},
          {"title",
           titles.size() > 3 ? fmt::format("{} folders", titles.size()) : fmt::format("{}", fmt::join(titles, ", "))},
          {"made", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)))},
          {"live", live},
          {"digest", digest()},
          {"runs", runs},
          {"groups", groups_of(logs)},
          {"differs", logs.empty() ? std::vector<std::string>() : differing_settings(logs)},
          {"left_out", left_out_}};
}

}  // namespace skein
