// Choice among the CPU convolutions, per layer and pass: the forced one, the remembered one, or the fastest, measured
// at the first call.
#include "kernels/conv.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "base/check.h"
#include "kernels/cpu/conv/implementation.h"
#include "kernels/cpu/dialect/workspace.h"
#include "kernels/device/amx.h"

namespace skein::cpu {

namespace {

using Implementation = const ConvImplementation*;

// Implementations that this processor can run, likely winners first. The instruction sets come from oneDNN, so that its
// variable ONEDNN_MAX_CPU_ISA limits skein's own kernels too.
std::vector<Implementation> implementations() {
  std::vector<Implementation> all;
  const int isa = dnnl_get_effective_cpu_isa();
  const auto has = [isa](int set) { return (isa & set) == set; };
  if (has(dnnl_cpu_isa_avx512_core_amx) && request_amx_tiles() == 0) all.push_back(&kConvAmx);
  if (has(dnnl_cpu_isa_avx512_core)) {
    all.push_back(&kConvAvx512Winograd);
    if (has(dnnl_cpu_isa_avx512_core_bf16)) all.push_back(&kConvAvx512Bf16);
    all.push_back(&kConvAvx512);
  }
  if (has(dnnl_cpu_isa_avx2) && __builtin_cpu_supports("fma"))
    for (Implementation i : {&kConvAvx2Winograd, &kConvAvx2}) all.push_back(i);
  all.push_back(&kConvOneDnn);
  all.push_back(has(dnnl_cpu_isa_avx512_core) ? &kConvAmxPortable512 : &kConvAmxPortable);
  return all;
}

// Implementations worth timing. AVX2 is left out where AVX-512 is available, and for bf16 the direct convolution that
// widens where there is one that does not: they never won there. The portable tiles are for tests and repeated runs.
std::vector<Implementation> candidates(const std::vector<Implementation>& available, bool bf16) {
  std::vector<Implementation> all = available;
  const auto has = [&](Implementation i) { return std::count(all.begin(), all.end(), i) > 0; };
  if (has(&kConvAvx512))
    std::erase_if(all, [](Implementation i) { return i == &kConvAvx2 || i == &kConvAvx2Winograd; });
  if (bf16 && has(&kConvAvx512Bf16)) std::erase(all, &kConvAvx512);
  std::erase_if(all, [](Implementation i) { return i == &kConvAmxPortable || i == &kConvAmxPortable512; });
  return all;
}

struct Choices {
  std::mutex mutex;
  std::map<std::string, Implementation> chosen;
  Implementation forced = nullptr;
  const std::vector<Implementation> available = implementations(), timed = candidates(available, false),
                                    timed_bf16 = candidates(available, true);

  Implementation named(const std::string& name) const {
    for (Implementation i : available)
      if (name == i->name) return i;
    std::string names;
    for (Implementation i : available) names += std::string(" ") + i->name;
    throw BadInput("no convolution '{}' on this machine; it has{}", name, names);
  }
};

Choices& choices() {
  static Choices all;
  return all;
}

std::string layer_name(ConvPass pass, const ConvShape& s) {
  static const char* const kPass[] = {"forward", "backward-data", "backward-weights"};
  return fmt::format("{}{} {}x{} {}->{} k{} s{} p{}", kPass[int(pass)], s.bf16 ? " bf16" : "", s.h, s.w, s.c, s.o, s.k,
                     s.s, s.p);
}

// Processor time of this thread. Wall-clock time would include other programs on the same core.
double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

double seconds(Implementation i, ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  const double start = processor_seconds();
  i->run(pass, s, operands);
  return processor_seconds() - start;
}

// Operands of the same pass with the first n images skipped.
ConvOperands from_image(int64_t n, ConvPass pass, const ConvShape& s, ConvOperands operands) {
  const int64_t x = n * s.h * s.w * s.c, y = n * s.oh * s.ow * s.o, size = s.bf16 ? 2 : 4;
  operands.in[0] = static_cast<const char*>(operands.in[0]) + size * (pass == ConvPass::backward_data ? y : x);
  if (pass == ConvPass::backward_weights)
    operands.in[1] = static_cast<const char*>(operands.in[1]) + size * y;
  else
    operands.out = static_cast<char*>(operands.out) + size * (pass == ConvPass::backward_data ? x : y);
  return operands;
}

// A later candidate replaces an earlier one only if it is faster by this factor. Where two are about equal, every run
// therefore chooses the same one and gets the same bits.
constexpr double kMargin = 1.4;

// Times the candidates and returns the fastest. One thread: a team waits for its slowest member and would measure the
// other load of the machine. A few images, different ones each time: in a training step the operands are not in the
// caches either. It overwrites a part of the result; the caller then computes the whole batch.
Implementation fastest(const std::vector<Implementation>& timed, ConvPass pass, ConvShape s,
                       const ConvOperands& operands) {
  const int64_t images = std::min<int64_t>(s.n, 16), parts = s.n / images;
  s.n = images;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  Implementation best = nullptr;
  double best_time = 0;
  for (Implementation i : timed) {
    if (!i->suits(pass, s)) continue;
    seconds(i, pass, s, operands);  // warm-up: creates primitives, grows scratch
    double time = 0;
    for (int turn = 1; turn < 5 && (turn < 3 || !best || time < best_time); ++turn) {
      const double now = seconds(i, pass, s, from_image(turn % parts * images, pass, s, operands));
      time = turn == 1 ? now : std::min(time, now);
    }
    if (!best || time * kMargin < best_time) best = i, best_time = time;
  }
  omp_set_num_threads(threads);
  return best;
}

void run(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  if (s.n * s.o * s.c == 0) {  // Empty tensors: return early.
    if (pass == ConvPass::backward_weights) std::fill_n(static_cast<float*>(operands.out), s.o * s.k * s.k * s.c, 0.0f);
    return;
  }
  Implementation i;
  {
    Choices& all = choices();
    const std::lock_guard lock(all.mutex);
    if (all.forced) {
      i = all.forced->suits(pass, s) ? all.forced : &kConvOneDnn;
    } else {
      Implementation& known = all.chosen[layer_name(pass, s)];
      if (!known || !known->suits(pass, s)) known = fastest(s.bf16 ? all.timed_bf16 : all.timed, pass, s, operands);
      i = known;
    }
  }
  i->run(pass, s, operands);
}

ConvShape checked(ConvPass pass, View x, View w, View y, ConvGeometry g) {
  const auto* xs = x.dims;
  const auto* ws = w.dims;
  const auto* ys = y.dims;
  const DType type = x.dtype, weights = pass == ConvPass::backward_weights ? DType::f32 : type;
  CHECK((type == DType::f32 || type == DType::bf16) && y.dtype == type && w.dtype == weights,
        "a convolution of types {}, {} and {}", int(x.dtype), int(w.dtype), int(y.dtype));
  CHECK(ws[1] == ws[2] && ws[1] > 0, "kernel {}x{} is not square", ws[1], ws[2]);
  CHECK(g.stride > 0 && g.padding >= 0, "stride {}, padding {}", g.stride, g.padding);
  CHECK(xs[1] + 2 * g.padding >= ws[1] && xs[2] + 2 * g.padding >= ws[1], "kernel {} exceeds the padded image {}x{}",
        ws[1], xs[1], xs[2]);
  CHECK(xs[3] == ws[3], "x has {} channels, w {}", xs[3], ws[3]);
  CHECK(ys[0] == xs[0] && ys[1] == g.out(xs[1], ws[1]) && ys[2] == g.out(xs[2], ws[1]) && ys[3] == ws[0],
        "y is ({},{},{},{}) for x ({},{},{},{}), w ({},{},{},{}), stride {}, padding {}", ys[0], ys[1], ys[2], ys[3],
        xs[0], xs[1], xs[2], xs[3], ws[0], ws[1], ws[2], ws[3], g.stride, g.padding);
  return {xs[0], xs[1], xs[2], xs[3], ys[1], ys[2], ys[3], ws[1], g.stride, g.padding, type == DType::bf16};
}

}  // namespace

void* conv_scratch(size_t bytes) {
  thread_local Workspace workspace;
  return workspace.bytes(bytes);
}

void conv_forward(Stream, View x, View w, ConvGeometry g, View y) {
  run(ConvPass::forward, checked(ConvPass::forward, x, w, y, g), {{x.data, w.data}, y.data});
}

void conv_backward_data(Stream, View dy, View w, ConvGeometry g, View dx) {
  run(ConvPass::backward_data, checked(ConvPass::backward_data, dx, w, dy, g), {{dy.data, w.data}, dx.data});
}

void conv_backward_weights(Stream, View x, View dy, ConvGeometry g, View dw) {
  run(ConvPass::backward_weights, checked(ConvPass::backward_weights, x, dw, dy, g), {{x.data, dy.data}, dw.data});
}

std::vector<std::string> conv_implementations(DType type) {
  std::vector<std::string> names;
  for (Implementation i : choices().available)
    if (type == DType::bf16 || !i->bf16_only) names.push_back(i->name);
  return names;
}

void force_conv_implementation(const std::string& name) {
  Choices& all = choices();
  const Implementation forced = name == "auto" ? nullptr : all.named(name);
  const std::lock_guard lock(all.mutex);
  all.forced = forced;
}

std::vector<ConvChoice> conv_choices() {
  Choices& all = choices();
  const std::lock_guard lock(all.mutex);
  std::vector<ConvChoice> made;
  for (const auto& [layer, implementation] : all.chosen) made.push_back({layer, implementation->name});
  return made;
}

void set_conv_choices(const std::vector<ConvChoice>& made) {
  Choices& all = choices();
  std::map<std::string, Implementation> preset;
  for (const ConvChoice& c : made) preset[c.layer] = all.named(c.implementation);
  const std::lock_guard lock(all.mutex);
  for (const auto& [layer, implementation] : preset) all.chosen[layer] = implementation;
}

}  // namespace skein::cpu
