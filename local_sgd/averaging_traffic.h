// The traffic of one averaging, without models and without a network: a dry run of ModelAverager, in which no kernel
// computes and nothing is sent. It counts what Communicator::traffic() counts, for the rank that sends most.
#pragma once

#include <string>
#include <vector>

#include "local_sgd/compressor.h"

namespace skein {

// Names that parse_compression() accepts, one for each different traffic: those with a number have a usual one.
std::vector<std::string> compression_names();

// Traffic of one averaging among `workers` ranks. The parameters may be planned only (ParameterStore::plan()).
Traffic averaging_traffic(const Compression&, ParameterStore& parameters, int64_t workers);

}  // namespace skein
