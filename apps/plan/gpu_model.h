// Descriptions of GPUs that need not be in this machine: cuDNN's 23 keys as JSON, and the peak rates that bound a step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skein {

struct GpuPeaks {
  double bandwidth = 0;                // memory, bytes per second
  double f32 = 0, tf32 = 0, bf16 = 0;  // FLOP/s, dense, f32 sums; 0: no such units
  bool known() const { return bandwidth > 0 && f32 > 0; }
};

struct GpuModel {
  std::string name;         // "h100", or the file
  std::string device_name;  // "NVIDIA H100 80GB HBM3"
  std::string json;         // cuDNN's keys
  int compute = 0;          // capability: 90 is 9.0
  int multiprocessors = 0;
  int64_t memory = 0;  // bytes
  GpuPeaks peaks;      // public specifications; unknown for a file without peaks whose GPU is not in the table
};

std::vector<std::string> gpu_names();

// A GPU of the table by name, or a file: the output of `skein devices --json` (its first GPU), or cuDNN's 23 keys
// alone. Besides the keys a file may have {"peaks": {"bandwidth", "f32", "tf32", "bf16"}}. BadInput lists the names, or
// says what the file lacks.
GpuModel find_gpu(const std::string& name_or_file);

}  // namespace skein
