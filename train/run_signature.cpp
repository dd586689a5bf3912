#include "train/run_signature.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "data/fingerprint.h"
#include "train/version.h"

namespace skein {
namespace {

constexpr char kEnd = '\0';
constexpr size_t kMostRanks = 4;  // named in a message

std::string to_text(const RunSignature& signature) {
  std::string text;
  for (const auto& [name, value] : signature) text += name + kEnd + value + kEnd;
  return text;
}

RunSignature from_text(const std::string& text) {
  RunSignature signature;
  for (size_t begin = 0; begin < text.size();) {
    const size_t middle = text.find(kEnd, begin), end = text.find(kEnd, middle + 1);
    signature.emplace_back(text.substr(begin, middle - begin), text.substr(middle + 1, end - middle - 1));
    begin = end + 1;
  }
  return signature;
}

// Empty: there is none.
std::string difference(size_t rank, const RunSignature& theirs, const RunSignature& first) {
  for (size_t i = 0; i < std::min(theirs.size(), first.size()); ++i) {
    if (theirs[i] == first[i]) continue;
    return fmt::format("on rank {} {} is '{}', on rank 0 '{}'", rank, theirs[i].first, theirs[i].second,
                       first[i].second);
  }
  return theirs.size() == first.size() ? "" : fmt::format("rank {} has other flags than rank 0", rank);
}

}  // namespace

RunSignature signature_of(const TrainCall& call) {
  RunSignature signature{{"the version of skein", version()},
                         {"--limit-steps", std::to_string(call.limit_steps)},
                         {"--resume", call.resume.empty() ? "not given" : "given"},
                         {"--from-consensus", call.from_consensus ? "given" : "not given"}};
  for (auto& [flag, value] : config_values(call.config))
    if (flag != "--data-dir") signature.emplace_back(flag, value);
  return signature;
}

RunSignature signature_of(const Splits& data) {
  RunSignature signature;
  for (const auto& [name, set] : {std::pair{"training", &data.train}, {"test", &data.test}}) {
    signature.emplace_back(fmt::format("the number of {} images", name), std::to_string(set->size()));
    signature.emplace_back(fmt::format("the size of the {} images", name),
                           fmt::format("{} x {} x {}", set->height(), set->width(), set->channels()));
    signature.emplace_back(fmt::format("the classes of the {} images", name),
                           fmt::format("{}", fmt::join(set->classes, ", ")));
    signature.emplace_back(fmt::format("the fingerprint of the {} images", name),
                           fmt::format("{:016x}", fingerprint(*set)));
  }
  return signature;
}

RunSignature signature_of(const Checkpoint& checkpoint) {
  return {{"the step of the checkpoint", std::to_string(checkpoint.state.step)},
          {"the test accuracy in the checkpoint", fmt::format("{}", checkpoint.state.averaged.last)},
          {"the training loss in the checkpoint", fmt::format("{}", checkpoint.state.totals.loss)}};
}

void require_same(ProcessGroup& group, const RunSignature& signature) {
  const std::vector<std::string> all = group.all_gather_text(to_text(signature));
  const RunSignature first = from_text(all[0]);
  std::vector<std::string> differences;
  for (size_t rank = 1; rank < all.size(); ++rank)
    if (std::string d = difference(rank, from_text(all[rank]), first); !d.empty()) differences.push_back(d);
  if (differences.empty()) return;
  const size_t named = std::min(differences.size(), kMostRanks);
  std::string text =
      fmt::format("{}", fmt::join(differences.begin(), differences.begin() + std::ptrdiff_t(named), "; "));
  if (named < differences.size()) text += fmt::format("; and {} ranks more", differences.size() - named);
  group.on_all_ranks([&] { throw BadInput("the processes of a run must be alike, but {}. Start all alike", text); });
}

}  // namespace skein
