#include "train/machine/gpus.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>

#include "base/check.h"
#include "kernels/device/peers.h"
#include "train/machine/machine.h"
#include "train/machine/threads.h"

namespace skein {
namespace {

std::string visible_devices() {
  const char* text = std::getenv("CUDA_VISIBLE_DEVICES");
  return text ? text : "";
}

std::string what_is_there(int visible) {
  const std::string limit = visible_devices();
  return fmt::format("this process sees {} GPU{}{}", visible, visible == 1 ? "" : "s",
                     limit.empty() ? "" : fmt::format(" (CUDA_VISIBLE_DEVICES={})", limit));
}

[[noreturn]] void refuse_text(const std::string& text) {
  throw BadInput("--gpus '{}': give a number of GPUs from 1 up, all, or a list of their numbers as in 0,2", text);
}

// The whole text.
int to_number(std::string_view digits, const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0) refuse_text(text);
  return number;
}

std::vector<int> first_gpus(int count) {
  std::vector<int> all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<int> parse_list(const std::string& text) {
  std::vector<int> all;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const int gpu = to_number(std::string_view(text).substr(begin, end - begin), text);
    if (std::find(all.begin(), all.end(), gpu) != all.end())
      throw BadInput("--gpus {}: names GPU {} twice. Name each once; --parallel says how many workers compute on one",
                     text, gpu);
    all.push_back(gpu);
    begin = end + 1;
  }
  return all;
}

void check_workers(const TrainConfig& c, int64_t workers, const std::vector<int>& gpus, const std::string& of_process) {
  const int64_t count = int64_t(gpus.size());
  if (workers % count != 0)
    throw BadInput(
        "--gpus {}: {} worker{}{} cannot be spread evenly over {} GPUs. Give --workers a multiple of {}, or fewer GPUs",
        c.gpus, workers, workers == 1 ? "" : "s", of_process, count, count);
  if (c.parallel > 0 && std::min(c.parallel, workers) % count != 0)
    throw BadInput(
        "--parallel {}: so many workers at a time cannot be spread evenly over {} GPUs. Give a multiple of {}, or "
        "leave it out for one on each",
        c.parallel, count, count);
}

}  // namespace

std::vector<int> parse_gpus(const std::string& text, int visible) {
  if (text == "all") return first_gpus(visible);
  if (text.find(',') == std::string::npos) {
    const int count = to_number(text, text);
    if (count == 0) refuse_text(text);
    if (count > visible)
      throw BadInput("--gpus {}: {}. Give at most {}, or all", text, what_is_there(visible), visible);
    return first_gpus(count);
  }
  const std::vector<int> all = parse_list(text);
  for (const int gpu : all)
    if (gpu >= visible)
      throw BadInput("--gpus {}: there is no GPU {}: {}, and they count from 0. skein devices lists them", text, gpu,
                     what_is_there(visible));
  return all;
}

void check_gpus(const TrainConfig& c, int64_t processes) {
  if (c.gpus.empty()) return;
  if (device_of(c.device) == Device::cpu)
    throw BadInput("--gpus {}: the run computes on the CPU{}. Give --device cuda, or leave --gpus out", c.gpus,
                   c.device == DeviceChoice::cpu ? " (--device cpu)"
                   : cuda::available()           ? ""
                                                 : fmt::format(", as {}", cuda::absent_reason()));
  const std::vector<int> gpus = parse_gpus(c.gpus, int(cuda::devices().size()));
  if (processes == 1) check_workers(c, c.workers, gpus, "");
}

std::vector<int> gpus_of_process(ProcessGroup& group, const TrainConfig& c) {
  if (device_of(c.device) == Device::cpu) return {};
  if (c.gpus.empty()) return {current_gpu()};
  const std::vector<int> gpus = parse_gpus(c.gpus, int(cuda::devices().size()));
  if (group.size() == 1) return gpus;
  const std::vector<std::string> places = group.all_gather_text(host_name() + " " + visible_devices());
  const std::string& own = places[size_t(group.rank())];
  const auto sharers = std::count(places.begin(), places.end(), own);
  const auto place = std::count(places.begin(), places.begin() + group.rank(), own);
  const auto count = std::ssize(gpus);
  if (count % sharers != 0 && sharers % count != 0)
    throw BadInput(
        "--gpus {}: {} processes on {} cannot share {} GPUs evenly. Start a number of processes on each machine that "
        "divides them, or that is a multiple of them",
        c.gpus, sharers, host_name(), count);
  const auto first = gpus.begin() + place * count / sharers;
  std::vector<int> mine(first, first + std::max<int64_t>(1, count / sharers));
  check_workers(c, workers_of_process(c, group.size()), mine, " of a process");
  return mine;
}

Dataset on_current_gpu(Dataset dataset) {
  if (dataset.is_resident() && cuda::device_of(dataset.resident->images.view().data) != cuda::current_device())
    make_resident(dataset);
  return dataset;
}

std::string names_of(const std::vector<int>& gpus) {
  const std::vector<cuda::DeviceInfo> all = cuda::devices();
  std::vector<std::pair<std::string, int>> counts;  // in the order of the GPUs
  for (const int gpu : gpus) {
    const std::string& name = all.at(size_t(gpu)).name;
    const auto known = std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == name; });
    known == counts.end() ? counts.emplace_back(name, 1).second : ++known->second;
  }
  std::vector<std::string> texts;
  for (const auto& [name, count] : counts) texts.push_back(count == 1 ? name : fmt::format("{} {}", count, name));
  return fmt::format("{}", fmt::join(texts, ", "));
}

int64_t lanes_of_gpu(const TrainConfig& c, int64_t processes, int64_t gpus) {
  return c.parallel > 0 ? std::min(workers_of_process(c, processes), c.parallel) / gpus : 1;
}

}  // namespace skein
