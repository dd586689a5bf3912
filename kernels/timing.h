// Time on a stream of a GPU: what lay between two events that were recorded there.
#pragma once

#include "kernels/runtime.h"

namespace skein::cuda {

Event create_timing_event();                     // for record(), destroy_event() and the others
double seconds_between(Event begin, Event end);  // both passed

}  // namespace skein::cuda
