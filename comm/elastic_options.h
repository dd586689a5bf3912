// The expression of --elastic: how many members a run may have, and how long a round waits for them.
//
//   min=2[,max=16][,grace=30s][,interface=eth0]     1 <= min <= max <= 4096 [max=4096]; grace from 100ms to 1h [30s]
#pragma once

#include <cstdint>
#include <string>

namespace skein {

struct ElasticOptions {
  int64_t min = 1, max = 4096;  // members
  double grace = 30;            // seconds that a round waits for a member after the chair has finished its own steps
  std::string interface = {};   // at whose address the first member listens; empty: MASTER_ADDR, or 127.0.0.1
};

ElasticOptions parse_elastic(const std::string& text);  // BadInput says what is wrong and the form

}  // namespace skein
