#include "train/elastic/membership_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/check.h"
#include "base/files.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

MembershipLine line_from(const Json& j, int64_t number) {
  const auto type = j.at("type").get<std::string>();
  MembershipLine line{type == "members"  ? MembershipLine::Kind::members
                      : type == "round"  ? MembershipLine::Kind::round
                      : type == "resume" ? MembershipLine::Kind::resume
                                         : throw JsonError("there is no type '" + type + "'"),
                      number,
                      j.at("round").get<int64_t>(),
                      {},
                      {},
                      {},
                      {},
                      {}};
  if (line.kind != MembershipLine::Kind::members) j.at("consensus").get_to(line.consensus);
  if (line.kind != MembershipLine::Kind::round) return line;
  j.at("members").get_to(line.ids);
  j.at("samples").get_to(line.samples);
  j.at("merged").get_to(line.merged);
  j.at("lost").get_to(line.lost);
  const std::set<int64_t> ids(line.ids.begin(), line.ids.end());
  std::vector<int64_t> parts = line.merged;
  parts.insert(parts.end(), line.lost.begin(), line.lost.end());
  if (ids.size() != line.ids.size() || line.ids.size() != line.samples.size() || parts.size() != ids.size() ||
      std::set<int64_t>(parts.begin(), parts.end()) != ids || line.merged.empty())
    throw JsonError("members, samples, merged and lost do not belong together");
  return line;
}

// A round follows the one before; a resume goes back to none that is not there.
void check_order(const MembershipLine& line, int64_t done) {
  const int64_t expected = line.kind == MembershipLine::Kind::round ? done + 1 : done;
  if (line.round != expected) throw JsonError(fmt::format("round {} comes after round {}", line.round, done));
}

}  // namespace

Membership parse_membership(const std::string& text, const std::string& path) {
  Membership m;
  std::istringstream lines(text);
  std::string line;
  int64_t number = 0, done = 0;
  m.cut_short = !text.empty() && text.back() != '\n';
  while (std::getline(lines, line)) {
    ++number;
    if (m.cut_short && lines.eof()) break;
    try {
      const Json j = Json::parse(line);
      if (number == 1) {
        if (j.at("type").get<std::string>() != "run" || j.at("format").get<int64_t>() != kMembershipFormat)
          throw JsonError("it is not the first line of a membership.jsonl that this version reads");
        j.at("seed").get_to(m.header.seed);
        j.at("samples").get_to(m.header.samples);
        j.at("threads").get_to(m.header.threads);
        m.header.convolutions = convolutions_from(j.at("convolutions"));
        j.at("consensus").get_to(m.header.consensus);
        continue;
      }
      m.lines.push_back(line_from(j, number));
      check_order(m.lines.back(), done);
      done = m.lines.back().round;
    } catch (const JsonError& e) {
      throw BadInput("{}: line {} makes no sense: {}. Take the file as the run has written it", path, number, e.what());
    }
  }
  if (number == 0 || (number == 1 && m.cut_short))
    throw BadInput("{}: has no first line. Take the file as the run has written it", path);
  return m;
}

Membership read_membership(const std::string& run) {
  const std::string path = run + kMembershipFile;
  if (!fs::exists(path))
    throw BadInput("{}: is not there. Give the folder of a run that was started with --elastic", path);
  return parse_membership(read_text(path), path);
}

int64_t rounds_in(const std::string& run) {
  if (!fs::exists(run + kMembershipFile)) return -1;
  const Membership m = read_membership(run);
  return m.lines.empty() ? 0 : m.lines.back().round;
}

RoundPlan plan_of(const MembershipLine& line, const TrainConfig& config, const ElasticState& state,
                  const std::string& run) {
  RoundPlan plan = plan_round(config, state, std::ssize(line.ids));
  for (size_t i = 0; i < line.ids.size(); ++i)
    if (count(plan.parts[i]) != line.samples[i])
      throw BadInput(
          "{}{}: line {}: member {} has {} samples in round {}, but the rounds before leave it {}. Take the file as "
          "the run has written it",
          run, kMembershipFile, line.number, line.ids[i], line.samples[i], line.round, count(plan.parts[i]));
  return plan;
}

std::vector<int64_t> places_of_merged(const MembershipLine& line) {
  std::vector<int64_t> places;
  for (size_t i = 0; i < line.ids.size(); ++i)
    if (std::find(line.merged.begin(), line.merged.end(), line.ids[i]) != line.merged.end())
      places.push_back(int64_t(i));
  return places;
}

Json header_line(const MembershipHeader& h) {
  return {{"type", "run"},           {"format", kMembershipFormat}, {"seed", h.seed},
          {"samples", h.samples},    {"threads", h.threads},        {"convolutions", to_json(h.convolutions)},
          {"consensus", h.consensus}};
}

Json record_of(const MeetingState& of, const RoundPlan& plan, const ElasticState& next, double rate, double loss,
               int64_t trained) {
  std::vector<int64_t> ids, samples, lost;
  std::vector<std::string> processes;
  for (size_t i = 0; i < of.members.size(); ++i) {
    ids.push_back(of.members[i].id);
    processes.push_back(of.members[i].process);
    samples.push_back(count(plan.parts[i]));
    if (std::find(next.merged.begin(), next.merged.end(), ids.back()) == next.merged.end()) lost.push_back(ids.back());
  }
  return {{"type", "round"},
          {"round", next.round},
          {"epoch", of.key.epoch},
          {"members", ids},
          {"processes", processes},
          {"samples", samples},
          {"merged", next.merged},
          {"lost", lost},
          {"trained", trained},
          {"loss", loss},
          {"lr", rate}};
}

int64_t append_membership(const std::string& run, const Json& line) {
  const std::string path = run + kMembershipFile, text = line.dump(-1, Json::BadUtf8::replace) + "\n";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
  const bool written = fd >= 0 && write(fd, text.data(), text.size()) == ssize_t(text.size()) && fdatasync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!written)
    throw RunFailed("{}: cannot be written: {}. Free space, or choose another folder", path, std::strerror(error));
  return std::ssize(text);
}

void cut_membership(const std::string& run, int64_t round) {
  const std::string path = run + kMembershipFile, text = read_text(path);
  const Membership m = parse_membership(text, path);
  std::istringstream lines(text);
  std::string line, kept;
  std::getline(lines, line);
  kept = line + "\n";
  for (const MembershipLine& l : m.lines) {
    std::getline(lines, line);
    if (l.round > round) break;
    kept += line + "\n";
  }
  write_text(path, kept);
}

}  // namespace skein
