// Measurements of `skein bench`, one file each. Results are printed; with `json` as one JSON object on the last line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cases/op_case.h"
#include "data/dataset.h"
#include "train/config/config.h"

namespace skein {

struct Timing {
  double median = 0, fastest = 0, spread = 0;  // seconds; spread: (slowest - fastest) / median
};
Timing timing_of(std::vector<double> seconds);

struct KernelBench {
  std::string filter;  // part of a case's name; empty: all
  DeviceChoice device = DeviceChoice::cpu;
  bool all = false;  // also the small and odd shapes of the tests
  int64_t repetitions = 7;
  bool json = false;
};
void bench_kernels(const KernelBench&);
void bench_kernels_on_gpu(const KernelBench&, const std::vector<OpCase>&);

struct StepBench {
  std::string model = "resnet20", conv = "auto";
  DeviceChoice device = DeviceChoice::cpu;
  ComputeType dtype = ComputeType::f32;
  int64_t batch = 128, size = 0, channels = 3, classes = 0;  // size, classes: 0: the model's usual ones
  int64_t steps = 30, warmup = 5;
  int64_t threads = 0;  // 0: all
  bool recompute = false, profile = false, json = false;
};
// Time of a step on the CPU, the activations' memory, and the tensors that the timed steps allocated.
struct StepMeasurement {
  Timing time;
  size_t bytes = 0;
  int64_t allocations = 0;
};
StepMeasurement measure_step(const StepBench&);
void bench_step(const StepBench&);
void bench_step_on_gpu(const StepBench&);
void bench_step_profile(const StepBench&);  // apps/bench/step_profile.cpp
double peak_rss_mb();                       // largest resident memory of this process, in MiB

struct DataBench {
  std::string data = "fashion-mnist", data_dir;
  int64_t batch = 128, batches = 2000;
  int64_t crop = 224, decode_threads = 0;  // for encoded images
  TrainConfig augmentation = {};           // the flags of list_augmentation() only
  bool json = false;
};
void bench_data(const DataBench&);

// Images per second of processor time of one core, on the first images of an encoded dataset. Medians of rounds; all
// variants take turns.
struct DecodeSpeed {
  double crop = 0;       // decode, random resized crop, normalise: as in training
  double library = 0;    // libjpeg-turbo alone, whole images; 0 if it is absent
  double stb_crop = 0;   // as `crop`, decoded by stb_image
  double stb = 0;        // stb_image alone, whole images
  int64_t images = 0;    // of each round
  int64_t by_skein = 0;  // of these, images decoded by skein's own decoder
};
DecodeSpeed bench_decode(const Dataset& dataset, int64_t side);

struct CommBench {
  int64_t workers = 8, elements = 0;  // 0: of ResNet-50, or 100 MB with mpi
  int64_t turns = 7;
  bool mpi = false;  // sum over the ranks of mpirun instead of threads
  bool json = false;
};
void bench_comm(const CommBench&);

struct WorkersBench {
  std::string model = "resnet20";
  int64_t workers = 16, batch = 128;
  int64_t steps = 3, turns = 5;  // steps of every worker in a turn; one worker alone takes workers x steps
  bool json = false;
};
void bench_workers(const WorkersBench&);

}  // namespace skein
