// A run's layers as the page shows them: the norms that the epochs' lines have, the network as a graph, and the times
// of a step by layer. Times are those of RUN/profile.json (`skein bench step --profile --json`) or RUN/trace.json.gz
// (`skein train --trace`), the newer one.
#pragma once

#include <string>
#include <vector>

#include "apps/layer_graph.h"
#include "apps/layer_times.h"
#include "train/log/run_log.h"

namespace skein {

class LayerFacts {
 public:
  void forget_norms();
  // The list "layers" of an epoch's line. JsonError where it is not as docs/metrics.md says.
  void add_epoch(int64_t epoch, const Json& layers);
  // Reads the times where they were written since the last call. True where they are others than before.
  bool read_times(const RunLog& log);

  // {"names", "epochs": those of the norms, "weight", "grad": [layer][epoch]}, and where there are times "inputs":
  // indices per layer, "forward", "backward": ms of a step, "elsewhere": ms that belong to no layer, "source": name of
  // the file. null: neither norms nor times. At most kMostNorms epochs.
  Json facts() const;
  const std::string& note() const { return note_; }  // why times are left out; empty: they are not

  static constexpr size_t kMostNorms = 24;

 private:
  struct Epoch {
    int64_t epoch;
    std::vector<double> weight, gradient;  // by layer
  };
  std::vector<std::string> named_;  // layers that have norms
  std::vector<Epoch> epochs_;
  LayerGraph graph_;
  LayerTimes times_;
  std::string source_, note_;
  int64_t written_ = 0;  // time of the file that was read
};

}  // namespace skein
