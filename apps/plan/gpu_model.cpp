#include "apps/plan/gpu_model.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/formats/json.h"

namespace skein {
namespace {

struct Row {
  const char* name;
  const char* device_name;
  int compute, multiprocessors;
  int shared_memory;        // per block at most, opted in, bytes
  int blocks, threads;      // per multiprocessor
  int64_t memory, l2;       // bytes
  int clock, memory_clock;  // MHz, boost
  GpuPeaks peaks;
};

constexpr int64_t kMiB = 1 << 20;

// NVIDIA's data sheets, architecture white papers and the table of compute capabilities in the CUDA programming guide.
// Peaks are dense, at boost clock. Not in those documents, and taken from published reports: the free part of the
// memory, memory clocks, L2 cache and clocks of the B200. Values of H100 and H200 were read from the GPUs.
constexpr Row kRows[] = {
    {"t4", "Tesla T4", 75, 40, 65536, 16, 1024, 15109 * kMiB, 4 * kMiB, 1590, 5001, {320e9, 8.1e12, 0, 0}},
    {"a10",
     "NVIDIA A10",
     86,
     72,
     101376,
     16,
     1536,
     22731 * kMiB,
     6 * kMiB,
     1695,
     6251,
     {600e9, 31.2e12, 62.5e12, 125e12}},
    {"l4", "NVIDIA L4", 89, 58, 101376, 24, 1536, 22570 * kMiB, 48 * kMiB, 2040, 6251, {300e9, 30.3e12, 60e12, 121e12}},
    {"l40s",
     "NVIDIA L40S",
     89,
     142,
     101376,
     24,
     1536,
     45589 * kMiB,
     96 * kMiB,
     2520,
     9001,
     {864e9, 91.6e12, 183e12, 362e12}},
    {"rtx3090",
     "NVIDIA GeForce RTX 3090",
     86,
     82,
     101376,
     16,
     1536,
     24253 * kMiB,
     6 * kMiB,
     1695,
     9751,
     {936e9, 35.6e12, 35.6e12, 71e12}},
    {"rtx4090",
     "NVIDIA GeForce RTX 4090",
     89,
     128,
     101376,
     24,
     1536,
     24210 * kMiB,
     72 * kMiB,
     2520,
     10501,
     {1008e9, 82.6e12, 82.6e12, 165.2e12}},
    {"a100",
     "NVIDIA A100-SXM4-80GB",
     80,
     108,
     166912,
     32,
     2048,
     81105 * kMiB,
     40 * kMiB,
     1410,
     1593,
     {2039e9, 19.5e12, 156e12, 312e12}},
    {"h100",
     "NVIDIA H100 80GB HBM3",
     90,
     132,
     232448,
     32,
     2048,
     81079 * kMiB,
     50 * kMiB,
     1980,
     2619,
     {3350e9, 67e12, 494.5e12, 989e12}},
    {"h200",
     "NVIDIA H200",
     90,
     132,
     232448,
     32,
     2048,
     143156 * kMiB,
     60 * kMiB,
     1980,
     3201,
     {4800e9, 67e12, 494.5e12, 989e12}},
    {"b200",
     "NVIDIA B200",
     100,
     148,
     232448,
     32,
     2048,
     182642 * kMiB,
     126 * kMiB,
     1965,
     3996,
     {8000e9, 75e12, 1100e12, 2250e12}},
};

std::string json_of(const Row& r) {
  const Json keys = {{"deviceVer", r.compute * 10},  // major * 100 + minor * 10
                     {"multiProcessorCount", r.multiprocessors},
                     {"warpSize", 32},
                     {"maxSharedMemoryPerBlock", 49152},
                     {"maxSharedMemoryPerBlockOptin", r.shared_memory},
                     {"reservedSharedMemoryPerBlock", r.compute < 80 ? 0 : 1024},
                     {"maxRegistersPerSM", 65536},
                     {"maxCtasPerSM", r.blocks},
                     {"maxThreadsPerBlock", 1024},
                     {"maxThreadsPerSM", r.threads},
                     {"regsPerBlock", 65536},
                     {"totalGlobalMem", r.memory},
                     {"smClockRateKHz", r.clock * 1000},
                     {"memClockRateKHz", r.memory_clock * 1000},
                     {"l2CacheSize", r.l2},
                     {"maxBlockSize", Json::array({1024, 1024, 64})},
                     {"maxGridSize", Json::array({2147483647, 65535, 65535})},
                     {"supportCoopLaunch", 1},
                     {"pciDeviceId", 0},
                     {"isTccDriver", 0},
                     {"cudaDeviceId", 0},
                     {"driverVer", 13000},
                     {"deviceName", r.device_name}};
  return keys.dump();
}

GpuModel from_row(const Row& r) {
  return {r.name, r.device_name, json_of(r), r.compute, r.multiprocessors, r.memory, r.peaks};
}

GpuPeaks peaks_of(const Json& file, const std::string& device_name) {
  if (file.contains("peaks")) {
    const Json& p = file.at("peaks");
    const auto optional = [&](const char* key) { return p.contains(key) ? p.at(key).get<double>() : 0; };
    return {p.at("bandwidth").get<double>(), p.at("f32").get<double>(), optional("tf32"), optional("bf16")};
  }
  for (const Row& r : kRows)
    if (device_name == r.device_name) return r.peaks;
  return {};
}

GpuModel from_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw BadInput("{} cannot be read", path);
  try {
    Json file = Json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
    if (file.contains("gpus")) {  // output of skein devices --json
      if (file.at("gpus").size() == 0) throw BadInput("{} names no GPU: it was written where there was none", path);
      file = Json(file.at("gpus").at(0));
    }
    const auto device_name = file.at("deviceName").get<std::string>();
    const GpuPeaks peaks = peaks_of(file, device_name);
    file.erase("peaks");
    const int version = file.at("deviceVer").get<int>();
    const int multiprocessors = file.at("multiProcessorCount").get<int>();
    return {path, device_name, file.dump(), version / 10, multiprocessors, file.at("totalGlobalMem").get<int64_t>(),
            peaks};
  } catch (const JsonError& e) {
    throw BadInput("{} does not describe a GPU in cuDNN's JSON: {}", path, e.what());
  }
}

}  // namespace

std::vector<std::string> gpu_names() {
  std::vector<std::string> names;
  for (const Row& r : kRows) names.push_back(r.name);
  return names;
}

GpuModel find_gpu(const std::string& name_or_file) {
  for (const Row& r : kRows)
    if (name_or_file == r.name) return from_row(r);
  if (std::filesystem::exists(name_or_file)) return from_file(name_or_file);
  throw BadInput("there is no GPU called {}, nor a file of that name. Known: {}", name_or_file,
                 fmt::join(gpu_names(), ", "));
}

}  // namespace skein
