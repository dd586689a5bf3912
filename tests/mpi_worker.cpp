// One rank of tests/mpi_test.cpp and mpi_train_test.cpp:  skein_mpi_worker script DIR | cells DIR | throw | kill |
// silent | short
#include <omp.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "apps/machine.h"
#include "comm/launcher.h"
#include "comm/mpi_communicator.h"
#include "kernels/check.h"
#include "tests/communicator_script.h"
#include "tests/train_cells.h"

namespace skein::testing {
namespace {

void write(const std::string& path, const std::vector<float>& x) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(x.data()), std::streamsize(x.size() * 4));
}

void run(const std::string& mode, const std::string& dir, Communicator& world) {
  std::vector<float> x(world.rank() == 2 && mode == "short" ? 400 : 1000), all(x.size() * size_t(world.size()));
  if (mode == "script") return write(fmt::format("{}/{}", dir, world.rank()), run_script(world));
  if (world.rank() == 2) {
    if (mode == "throw") throw RunFailed("the disk is full");
    if (mode == "kill") std::raise(SIGKILL);
    if (mode == "silent") std::this_thread::sleep_for(std::chrono::seconds(30));
  }
  if (mode == "short") world.gather(view_of(x), view_of(all));
  world.sum(view_of(x));
}

int run_cells(const std::string& dir) {
  omp_set_num_threads(1);
  use_conv("onednn");
  Job job = Job::join();
  std::ofstream out(fmt::format("{}/{}", dir, job.rank()));
  const Splits data = open_dataset("synthetic", dataset_options(cells().front()));
  for (const TrainConfig& cell : cells())
    for (const auto& [rank, hash] : run_cell(job, cell, data))
      out << name_of(cell) << ": " << rank << " " << hash << "\n";
  return 0;
}

}  // namespace

int run_worker(const std::string& mode, const std::string& dir) {
  if (mode == "cells") return run_cells(dir);
  omp_set_num_threads(1);
  const MpiApi& mpi = mpi_library();
  MpiOptions options;
  options.patience = mode == "silent" ? 1 : 60;
  options.piece = 1000, options.message = 3000;  // so that small data make many pieces and messages
  const auto world = join_mpi(mpi, find_place().size, options);
  try {
    run(mode, dir, *world);
  } catch (const std::exception& e) {
    abort_mpi(mpi, *world, e.what(), 3);
  }
  return 0;
}

}  // namespace skein::testing

int main(int argc, char** argv) { return skein::testing::run_worker(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : ""); }
