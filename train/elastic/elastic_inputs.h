// What every process of an elastic run begins with, and its replay.
#pragma once

#include "comm/elastic_options.h"
#include "train/run/resume.h"
#include "train/run/run_signature.h"
#include "train/run/train_call.h"
#include "train/trainer.h"

namespace skein {

struct ElasticInputs {
  TrainCall call;
  ElasticOptions options;
  Splits data;
  ModelInfo info;
  DataFingerprints fingerprints;
  bool is_encrypted = false;  // the connections between members
};

// Checks the configuration and opens the data. BadInput.
ElasticInputs open_elastic_inputs(const TrainCall& call);

// What all members have in common, as text; and the first difference between a newcomer's and one's own, as a sentence
// for the newcomer. Empty: there is none.
std::string what_members_share(const ElasticInputs& inputs);
std::string difference_of_newcomer(const std::string& its, const std::string& own);

// Sets threads, GPU and convolution kernels of this process. On a GPU the images are there afterwards.
void set_up_member(ElasticInputs& inputs);

}  // namespace skein
