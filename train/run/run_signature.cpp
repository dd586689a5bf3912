#include "train/run/run_signature.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "base/check.h"
#include "train/machine/version.h"

namespace skein {
namespace {

constexpr size_t kMostRanks = 4;  // named in a message

// The first difference between a rank and rank 0, as text. Empty: there is none.
std::string difference(size_t rank, const RunSignature& signature, const RunSignature& of_root) {
  for (size_t i = 0; i < std::min(signature.size(), of_root.size()); ++i) {
    if (signature[i] == of_root[i]) continue;
    return fmt::format("on rank {} {} is '{}', on rank 0 '{}'", rank, signature[i].first, signature[i].second,
                       of_root[i].second);
  }
  return signature.size() == of_root.size() ? "" : fmt::format("rank {} has other flags than rank 0", rank);
}

}  // namespace

RunSignature signature_of(const TrainCall& call) {
  RunSignature signature{{"the version of skein", version()},
                         {"--limit-steps", std::to_string(call.limit_steps)},
                         {"--trace", call.trace.file.empty() ? "not given" : "given"},
                         {"--trace-steps", fmt::format("{}:{}", call.trace.first, call.trace.last)},
                         {"--resume", call.resume.empty() ? "not given" : "given"},
                         {"--from-consensus", call.from_consensus ? "given" : "not given"}};
  for (auto& [flag, value] : config_values(call.config)) {
    if (flag == "--data-dir" || flag == "--init") continue;  // contents are compared, not places
    signature.emplace_back(flag, flag == "--data" ? std::filesystem::path(value).filename().string() : value);
  }
  return signature;
}

RunSignature signature_of(const Splits& data, const DataFingerprints& fingerprints) {
  RunSignature signature;
  for (const auto& [name, set, print] :
       {std::tuple{"training", &data.train, fingerprints.train}, std::tuple{"test", &data.test, fingerprints.test}}) {
    signature.emplace_back(fmt::format("the number of {} images", name), std::to_string(set->size()));
    signature.emplace_back(fmt::format("the size of the {} images", name),
                           fmt::format("{} x {} x {}", set->height(), set->width(), set->channels()));
    signature.emplace_back(fmt::format("the classes of the {} images", name),
                           fmt::format("{}", fmt::join(set->classes, ", ")));
    signature.emplace_back(fmt::format("the fingerprint of the {} images", name), fmt::format("{:016x}", print));
  }
  return signature;
}

RunSignature signature_of(const Checkpoint& checkpoint) {
  return {{"the step of the checkpoint", std::to_string(checkpoint.state.step)},
          {"the test accuracy in the checkpoint", fmt::format("{}", checkpoint.state.averaged.last)},
          {"the training loss in the checkpoint", fmt::format("{}", checkpoint.state.totals.loss)}};
}

void require_same(ProcessGroup& group, const RunSignature& signature) {
  const std::vector<std::string> all = group.all_gather_text(to_wire(signature));
  const RunSignature of_root = from_wire(all[0]);
  std::vector<std::string> differences;
  for (size_t rank = 1; rank < all.size(); ++rank)
    if (std::string d = difference(rank, from_wire(all[rank]), of_root); !d.empty()) differences.push_back(d);
  if (differences.empty()) return;
  const size_t named = std::min(differences.size(), kMostRanks);
  std::string text =
      fmt::format("{}", fmt::join(differences.begin(), differences.begin() + std::ptrdiff_t(named), "; "));
  if (named < differences.size()) text += fmt::format("; and {} ranks more", differences.size() - named);
  group.on_all_ranks([&] { throw BadInput("the processes of a run must be alike, but {}. Start all alike", text); });
}

}  // namespace skein
