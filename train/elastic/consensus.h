// The consensus of an elastic run: parameters c, running statistics and, with an outer step, its momentum. Members send
// each other its bytes, and compare their SHA-256. It lies in host memory and is merged there, so that its bits do not
// depend on the members' device; the parameters of a worker may be on a GPU.
//
//   bytes of a state          c, outer momentum (only with an outer step), running statistics; f32
//   bytes of a contribution   c - w_k, running statistics
#pragma once

#include <span>
#include <string>

#include "engine/parameters.h"
#include "local_sgd/outer_step.h"
#include "train/config/config.h"

namespace skein {

// A member's part of a merge.
struct MergeTerm {
  int64_t samples;
  std::string_view bytes;  // of a contribution; empty without samples
};

class Consensus {
 public:
  // Starts as the values of the parameters, whose layout it has.
  Consensus(const TrainConfig& config, const ParameterStore& parameters);

  // The merge of local_sgd/weighted_merge.h, and the outer step at the rate of the last local step. Without samples
  // nothing changes.
  void merge(std::span<const MergeTerm> terms, double rate);
  std::string bytes() const;
  void set(std::string_view bytes);  // as many as bytes() has
  void copy_to(ParameterStore& parameters) const;
  std::string contribution(const ParameterStore& parameters) const;

  int64_t state_bytes() const;
  int64_t contribution_bytes() const;
  Tensor outer_momentum() const { return outer_.momentum(); }  // undefined without an outer step

 private:
  Tensor value_, statistics_;
  OuterStep outer_;
};

}  // namespace skein
