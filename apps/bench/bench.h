// The measurements behind `skein bench`, one file each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cases/op_case.h"
#include "data/dataset.h"
#include "train/config_types.h"

namespace skein {

struct Timing {
  double median = 0, fastest = 0, spread = 0;  // seconds; spread: (slowest - fastest) / median
};
Timing timing_of(std::vector<double> seconds);

struct KernelBench {
  std::string filter;  // part of a case's name; empty: all
  DeviceChoice device = DeviceChoice::cpu;
  bool all = false;  // the tests' small and odd shapes as well
  int64_t repetitions = 7;
  bool json = false;
};
void bench_kernels(const KernelBench&);
void bench_kernels_on_gpu(const KernelBench&, const std::vector<OpCase>&);

struct StepBench {
  std::string model = "resnet20", conv = "auto";
  DeviceChoice device = DeviceChoice::cpu;
  ComputeType dtype = ComputeType::f32;
  int64_t batch = 128, size = 32, channels = 3, classes = 10;
  int64_t steps = 30, warmup = 5;
  int64_t threads = 0;  // 0: all
  bool recompute = false, json = false;
};
void bench_step(const StepBench&);
void bench_step_on_gpu(const StepBench&);
double peak_rss_mb();  // of this process

struct DataBench {
  std::string data = "fashion-mnist", data_dir;
  int64_t batch = 128, batches = 2000;
  int64_t crop = 224, decode_threads = 0;  // of encoded images
  bool json = false;
};
void bench_data(const DataBench&);

// Images per second of one core's time, over the first images of an encoded set; medians of rounds taken by turns.
struct DecodeSpeed {
  double crop = 0;                   // decode, random resized crop, normalise: what training does
  double library = 0;                // libjpeg-turbo alone, whole images; 0 where it is absent
  double stb_crop = 0, stb = 0;      // the same crop with stb_image in its place; stb_image alone
  int64_t images = 0, by_skein = 0;  // the latter: whose crops need no library
};
DecodeSpeed bench_decode(const Dataset& dataset, int64_t side);

struct CommBench {
  int64_t workers = 8, elements = 0;  // 0: of ResNet-50, or 100 MB with mpi
  int64_t turns = 7;
  bool mpi = false;  // this process is one of mpirun's: the sum over MPI instead of threads
  bool json = false;
};
void bench_comm(const CommBench&);

struct WorkersBench {
  std::string model = "resnet20";
  int64_t workers = 16, batch = 128;
  int64_t steps = 3, turns = 5;  // steps of every worker in a turn; one worker alone takes workers x steps of them
  bool json = false;
};
void bench_workers(const WorkersBench&);

}  // namespace skein
