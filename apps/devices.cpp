// skein devices: processor and GPUs of this machine. --json describes a GPU by cuDNN's keys; `skein plan --gpu FILE`
// reads them.
#include <fmt/format.h>
#include <omp.h>
#include <unistd.h>

#include "apps/commands.h"
#include "base/check.h"
#include "base/formats/json.h"
#include "base/terminal/printable.h"
#include "base/terminal/terminal.h"
#include "base/thread_team.h"
#include "kernels/conv.h"
#include "kernels/device/conv_plan.h"
#include "kernels/device/device_info.h"
#include "kernels/device/emulated.h"
#include "kernels/device/peers.h"
#include "train/machine/bf16_instructions.h"
#include "train/machine/machine.h"

namespace skein {
namespace {

// GPUs whose memory kernels of this one may access.
std::vector<int> peers_of(int gpu) {
  std::vector<int> peers;
  for (int other = 0; other < int(cuda::devices().size()); ++other)
    if (other != gpu && cuda::can_reach(gpu, other)) peers.push_back(other);
  return peers;
}

std::string peers_text(int gpu) {
  const std::vector<int> peers = peers_of(gpu);
  return peers.empty() ? "none, so that averaging goes through host memory" : fmt::format("{}", fmt::join(peers, ", "));
}

void print_table() {
  const Processor p = processor();
  std::string text = fmt::format("cpu   {}\n", p.name);
  text += fmt::format("      {}, {}, {}\n", counted(p.cores, "core"), counted(omp_get_max_threads(), "thread"),
                      fmt::join(p.instruction_sets, " "));
  text += fmt::format("      bf16: {}\n", to_text(bf16_instructions(p)));
  text += fmt::format("      convolutions: {}\n", fmt::join(cpu::conv_implementations(DType::bf16), " "));
  if (!cuda::available()) text += fmt::format("cuda  absent: {}\n", cuda::absent_reason());
  const std::vector<cuda::DeviceInfo> all = cuda::devices();
  for (int i = 0; i < int(all.size()); ++i) {
    const cuda::DeviceInfo& d = all[size_t(i)];
    text += fmt::format("cuda  {}: {}\n      compute capability {}.{}, {} multiprocessors, {:.1f} GB\n", i, d.name,
                        d.major, d.minor, d.multiprocessors, double(d.memory) * 1e-9);
    if (all.size() > 1) text += fmt::format("      reads and writes directly the memory of: {}\n", peers_text(i));
  }
  fmt::print("{}", fit(text, STDOUT_FILENO));
}

// Description by the CUDA runtime, with cuDNN's values over it. Without cuDNN, `without` says why.
Json describe_gpu(int index, std::string& without) {
  Json keys = Json::parse(cuda::describe_device(index));
  // A thread of its own: cuDNN's handle and the current GPU belong to a thread and end with it.
  start_thread("the thread that asks cuDNN", [&] {
    try {
      cuda::use_device(index);
      const Json of_cudnn = Json::parse(cuda::device_description());
      for (const auto& [key, value] : of_cudnn.items()) keys[key] = value;
    } catch (const std::exception& e) {
      without = e.what();
    }
  }).join();
  return keys;
}

void print_json() {
  const Processor p = processor();
  const Bf16Instructions bf16 = bf16_instructions(p);
  Json all = {{"cpu",
               {{"name", p.name},
                {"cores", p.cores},
                {"threads", omp_get_max_threads()},
                {"instruction_sets", p.instruction_sets},
                {"bf16", bf16.names},
                {"convolutions", cpu::conv_implementations(DType::bf16)}}},
              {"gpus", Json::array()},
              {"peers", Json::array()}};
  if (!bf16.refused.empty()) all["cpu"]["amx_refused"] = bf16.refused;
  if (!cuda::available()) all["no_gpu"] = cuda::absent_reason();
  if (cuda::emulated()) all["emulated"] = true;
  std::string without;
  for (int i = 0; i < int(cuda::devices().size()); ++i) {
    all["gpus"].push_back(describe_gpu(i, without));
    all["peers"].push_back(peers_of(i));
  }
  if (!without.empty()) all["without_cudnn"] = without;
  fmt::print("{}\n", all.dump());
}

}  // namespace

void add_devices_command(Command& skein) {
  auto json = std::make_shared<bool>(false);
  Command& command = skein.add("devices", "What there is to compute on");
  command.flag("--json", *json, "print one JSON object; skein plan --gpu FILE reads its first GPU");
  command.body = [json] { *json ? print_json() : print_table(); };
}

}  // namespace skein
