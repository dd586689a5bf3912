// Time between two events that were recorded on a stream of a GPU.
#pragma once

#include "kernels/device/runtime.h"

namespace skein::cuda {

Event create_timing_event();                     // an Event of kernels/device/runtime.h that also records the time
double seconds_between(Event begin, Event end);  // both have passed

}  // namespace skein::cuda
