// Memory that this process may still take: what Linux calls available and the free swap, or what the limits of its
// control groups leave (those of a container, of Slurm, of systemd).
#pragma once

#include <cstdint>
#include <string>

namespace skein {

// Bytes; INT64_MAX where the system does not say. It changes from moment to moment. `root` stands before /proc and
// /sys, for tests.
int64_t available_memory(const std::string& root = "");

}  // namespace skein
