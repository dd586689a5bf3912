// Measurements of `skein bench`, one file each. Each prints its results as text, or with `json` nothing, and returns
// its report for the one line of JSON (apps/bench/bench_report.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/bench/bench_report.h"
#include "cases/op_case.h"
#include "comm/measured_ranks.h"
#include "data/dataset.h"
#include "train/config/config.h"

namespace skein {

struct KernelBench {
  std::string filter;  // part of a case's name; empty: all
  std::string dtype;   // f32 or bf16; empty: both
  std::string conv = "auto";
  DeviceChoice device = DeviceChoice::cpu;
  bool all = false;  // also the small and odd shapes of the tests
  int64_t repetitions = 7;
  bool json = false;
};
BenchReport bench_kernels(const KernelBench&);
std::string shape_of(const OpCase&);  // by its name, op/shape/options
std::string types_of(const OpCase&);
BenchReport bench_kernels_on_gpu(const KernelBench&, const std::vector<OpCase>&);

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
  std::vector<double> seconds;  // of each step
  size_t bytes = 0;
  int64_t allocations = 0;
};
StepMeasurement measure_step(const StepBench&);
BenchReport bench_step(const StepBench&);
BenchReport bench_step_on_gpu(const StepBench&);
BenchReport bench_step_profile(const StepBench&);  // apps/bench/step_profile.cpp
std::string name_of(const StepBench&);             // of the case
std::string shape_of(const StepBench&);            // of its images
double peak_rss_mb();                              // largest resident memory of this process, in MiB

struct DataBench {
  std::string data = "fashion-mnist", data_dir;
  int64_t batch = 128, batches = 2000;
  int64_t crop = 224, decode_threads = 0;  // for encoded images
  TrainConfig augmentation = {};           // the flags of list_augmentation() only
  bool json = false;
};
BenchReport bench_data(const DataBench&);

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
  Transport transport = Transport::automatic;
  int64_t workers = 4;                                  // ranks of one process; a launcher's processes are ranks
  std::string collective, sizes = "1KB,32KB,1MB,32MB";  // collective: empty: all
  std::string tls = "none";                             // certificates, over TCP
  int64_t repetitions = 9;
  bool json = false;
};
BenchReport bench_comm(const CommBench&);
// One rank's part: the cases, alike on all ranks. `queue` is that of the views, for NCCL of the rank's GPU. RunFailed
// where a collective has a wrong result.
std::vector<BenchCase> bench_collectives(Communicator&, const CommBench&, const std::string& transport, Queue queue);

struct WorkersBench {
  std::string model = "resnet20";
  int64_t workers = 16, batch = 128;
  int64_t steps = 3, turns = 5;  // steps of every worker in a turn; one worker alone takes workers x steps
  bool json = false;
};
BenchReport bench_workers(const WorkersBench&);

struct CompareBench {
  std::string a, b;  // files of --json
  bool json = false;
};
void bench_compare(const CompareBench&);

struct AbBench {
  std::string against;                 // the program A; B is this one
  std::vector<std::string> arguments;  // of skein bench
  int64_t rounds = 4;                  // of A B B A
  bool json = false;
};
void bench_ab(const AbBench&);

}  // namespace skein
