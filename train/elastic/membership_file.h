// membership.jsonl of an elastic run: who was a member in which round, and what became of it. One JSON object per line,
// written after the members have agreed on it. `--replay` repeats the run from it. docs/metrics.md has every key.
//
//   {"type":"run"}       first: format, seed, samples, threads, convolutions, hash of the first consensus
//   {"type":"members"}   the members were changed without a merge: at a start, or where too few were left
//   {"type":"round"}     a merge: members in order, their processes and samples, who was merged and who lost, and the
//                        hash of the consensus after it
//   {"type":"resume"}    all processes had ended, and new ones have gone on from the checkpoint of this round
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/formats/json.h"
#include "comm/elastic/meeting_state.h"
#include "kernels/conv.h"
#include "train/elastic/elastic_state.h"

namespace skein {

inline constexpr const char kMembershipFile[] = "/membership.jsonl";
constexpr int kMembershipFormat = 1;

struct MembershipLine {
  enum class Kind : uint8_t { members, round, resume } kind;
  int64_t number = 0;                               // of the line, from 1
  int64_t round = 0;                                // rounds that were merged, this one included
  std::vector<int64_t> ids, samples, merged, lost;  // ids: in order; samples: of each; merged, lost: ids
  std::string consensus;                            // SHA-256; not of members
};

struct MembershipHeader {
  int64_t seed = 0, samples = 0, threads = 0;
  std::vector<ConvChoice> convolutions;
  std::string consensus;
};

struct Membership {
  MembershipHeader header;
  std::vector<MembershipLine> lines;
  bool cut_short = false;  // the last line is not whole; it is not among the lines
};

// BadInput names file and line where it is no such file, has another format, a line makes no sense, or rounds are
// missing or twice.
Membership read_membership(const std::string& run);
Membership parse_membership(const std::string& text, const std::string& path);

// The number of rounds that the file has; -1: there is no file. BadInput as above.
int64_t rounds_in(const std::string& run);

// The plan of a round of the file. BadInput where its samples are not those that these members are given.
RoundPlan plan_of(const MembershipLine& line, const TrainConfig& config, const ElasticState& state,
                  const std::string& run);
std::vector<int64_t> places_of_merged(const MembershipLine& line);  // in the order of the members

Json header_line(const MembershipHeader& header);

// The line of a merge, but for the hash of the consensus. next: the state that it makes; trained: samples merged.
Json record_of(const MeetingState& of, const RoundPlan& plan, const ElasticState& next, double rate, double loss,
               int64_t trained);

// Appends a line, brings it to the disk and returns its bytes. RunFailed where it cannot.
int64_t append_membership(const std::string& run, const Json& line);
// Removes the lines after round `round`, and one that is not whole.
void cut_membership(const std::string& run, int64_t round);

}  // namespace skein
