#include "apps/bench/bench.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "apps/commands.h"

namespace skein {
namespace {

void add_device(Command& command, DeviceChoice& device) {
  command.option("--device", device, "cpu or cuda", {.choices = {"cpu", "cuda"}});
}

Json flags_of(const Command& command) {
  Json flags = Json::object();
  for (const Option& option : command) flags[option.name] = text_of(option);
  return flags;
}

// Every bench ends with --json, and with one line of one schema.
template <class Bench>
void set_body(Command& command, const std::shared_ptr<Bench>& o, BenchReport (*measure)(const Bench&)) {
  command.flag("--json", o->json, "print one JSON object");
  command.body = [&command, o, measure] {
    const BenchReport report = measure(*o);
    if (o->json && !report.cases.empty()) fmt::print("{}\n", to_json(report, flags_of(command)).dump());
  };
}

void add_kernels(Command& bench) {
  auto o = std::make_shared<KernelBench>();
  Command& c = bench.add("kernels", "time every kernel against the bandwidth and flops of this machine");
  add_device(c, o->device);
  c.option("--filter", o->filter, "only cases whose name holds this text");
  c.option("--dtype", o->dtype, "only cases of activations of this type; both without it",
           {.type = "f32|bf16", .choices = {"f32", "bf16"}});
  c.option("--conv", o->conv, "convolution kernels, where the shape suits: auto, or one of `skein devices`");
  c.option("--repetitions", o->repetitions, "timed repetitions of each case", {.low = 1});
  c.flag("--all", o->all, "the tests' small and odd shapes as well as the networks'");
  set_body(c, o, bench_kernels);
}

void add_step(Command& bench) {
  auto o = std::make_shared<StepBench>();
  Command& c = bench.add("step", "time forward + backward + SGD step on one batch of noise");
  c.option("--model", o->model, "network");
  add_device(c, o->device);
  c.option("--dtype", o->dtype, "of activations; tf32, on a GPU: f32 whose convolutions round products to 10 bits");
  c.option("--batch", o->batch, "images");
  c.option("--size", o->size, "height and width of the images; 0: 224 for ImageNet's networks, else 32",
           {"N", 0, 1024});
  c.option("--channels", o->channels, "channels of the images");
  c.option("--classes", o->classes, "0: 1000 for ImageNet's networks, else 10", {"N", 0, 1000000});
  c.option("--steps", o->steps, "timed steps", {.low = 1});
  c.option("--warmup", o->warmup, "steps before the timed ones");
  c.option("--conv", o->conv, "convolution kernels: auto, or one of `skein devices`; on a GPU auto or cudnn");
  c.option("--threads", o->threads, "0: all");
  c.flag("--recompute", o->recompute, "keep no activations within blocks, compute them again");
  c.flag("--profile", o->profile, "time every kernel of the step: tables by op and by layer");
  set_body(c, o, bench_step);
}

void add_data(Command& bench) {
  auto o = std::make_shared<DataBench>();
  Command& c = bench.add("data", "time loading and augmentation, without a network");
  c.option("--data", o->data, "data set");
  c.option("--data-dir", o->data_dir, "its folder");
  c.option("--batch", o->batch, "images");
  c.option("--batches", o->batches, "timed batches", {.low = 1});
  c.option("--crop", o->crop, "JPEG images: height and width of what is cut out", {.low = 8, .high = 1024});
  c.option("--decode-threads", o->decode_threads, "JPEG images: 0: as many as the reader does not wait for");
  list_augmentation(c, o->augmentation);
  set_body(c, o, bench_data);
}

void add_comm(Command& bench) {
  auto o = std::make_shared<CommBench>();
  Command& c = bench.add("comm", "time the collectives between ranks, from small to large messages");
  c.option("--transport", o->transport, "auto: threads where this process is alone, else what the launcher gives",
           {.type = "auto|threads|tcp|mpi|nccl"});
  c.option("--workers", o->workers, "ranks where this process is alone; a launcher's processes are ranks themselves",
           {"N", 1, 1024});
  c.option("--sizes", o->sizes, "of the messages; 1KB:1GB goes up by factors of four", {.type = "SIZE,SIZE"});
  c.option("--collective", o->collective, "all_reduce, all_gather or all_to_all; empty: all three", {.type = "NAME"});
  c.option("--repetitions", o->repetitions, "measurements of each size", {.low = 1});
  c.option("--tls", o->tls, "over TCP: encrypt what travels", {.type = "cert=FILE,key=FILE,ca=FILE"});
  set_body(c, o, bench_comm);
}

void add_workers(Command& bench) {
  auto o = std::make_shared<WorkersBench>();
  Command& c = bench.add("workers", "time K virtual workers against one worker, per image");
  c.option("--model", o->model, "network");
  c.option("--workers", o->workers, "K, averaging every 4 steps", {.low = 2, .high = 4096});
  c.option("--batch", o->batch, "images of a worker's batch", {.low = 1});
  c.option("--steps", o->steps, "steps of every worker in a turn", {.low = 1});
  c.option("--turns", o->turns, "measurements of both, by turns", {.low = 1});
  set_body(c, o, bench_workers);
}

void add_compare(Command& bench) {
  auto o = std::make_shared<CompareBench>();
  Command& c = bench.add("compare", "whether the times of two files of --json differ, by a rank test");
  c.option("a", o->a, "a file of skein bench ... --json", {.type = "A.json", .required = true});
  c.option("b", o->b, "another of the same bench", {.type = "B.json", .required = true});
  c.flag("--json", o->json, "print one JSON object");
  c.body = [o] { bench_compare(*o); };
}

void add_ab(Command& bench) {
  auto o = std::make_shared<AbBench>();
  Command& c = bench.add("ab", "this program (B) and another build (A) in turns, A B B A, and whether they differ");
  c.option("bench", o->arguments, "after --: the bench and its flags", {.type = "-- step ..."});
  c.option("--against", o->against, "the other program", {.type = "SKEIN", .required = true});
  c.option("--rounds", o->rounds, "of A B B A: two samples of each", {"N", 1, 1000});
  c.flag("--json", o->json, "print one JSON object");
  c.body = [o] { bench_ab(*o); };
}

}  // namespace

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) / 1024.0;
}

void add_bench_command(Command& skein) {
  Command& bench = skein.add("bench", "Measure kernels, whole steps, data loading, averaging and workers; compare");
  bench.requires_subcommand = true;
  add_kernels(bench);
  add_step(bench);
  add_data(bench);
  add_comm(bench);
  add_workers(bench);
  add_compare(bench);
  add_ab(bench);
}

}  // namespace skein
