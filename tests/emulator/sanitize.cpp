// Runs the kernels on the emulator under ThreadSanitizer or MemorySanitizer.
//   skein_sanitize cases 0|1    even or odd rows of the case table, in several orders, without vendors' libraries
//   skein_sanitize faults       plants faults in child processes and checks that the sanitizer reports them
//   skein_sanitize fault NAME   one of these child processes
#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/check.h"
#include "cases/op_case.h"
#include "kernels/emulator/emulator.h"
#include "tests/emulator/faults.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SKEIN_REPORT "WARNING: ThreadSanitizer: data race"
#define SKEIN_OF_THREADS true
#else
#include <sanitizer/msan_interface.h>
#define SKEIN_REPORT "WARNING: MemorySanitizer: use-of-uninitialized-value"
#define SKEIN_OF_THREADS false
#endif
#endif

extern "C" {
#if !SKEIN_OF_THREADS
// Host memory counts as initialised, because writes inside libstdc++ are not instrumented. Device memory, shared memory
// and the stack are checked.
void __sanitizer_malloc_hook(const volatile void* memory, size_t bytes) { __msan_unpoison(memory, bytes); }
#endif
const char* __tsan_default_options() { return "atexit_sleep_ms=0"; }
[[noreturn]] void absent_function(const char* name) {
  std::fprintf(stderr, "%s is called, and is not part of this build\n", name);
  std::abort();
}
}

namespace skein {
namespace {

constexpr int64_t kThreads = faults::kThreads;

struct Memory {
  explicit Memory(int64_t n, bool written = true) : view{cuda::allocate(size_t(n) * 4), DType::f32, {1, 1, 1, n}} {
    if (written) cuda::zero(nullptr, view);
  }
  ~Memory() { cuda::release(view.data); }
  Memory(const Memory&) = delete;
  operator float*() const { return view.as<float>(); }
  View view;
};

struct Fault {
  const char* name;
  bool of_threads;  // detected by ThreadSanitizer, else by MemorySanitizer
  bool sound;       // the variant without the fault: no report expected
  std::function<void(Stream)> run;
};

const Memory& x() {
  static auto* one = new Memory(4 * kThreads);
  return *one;
}
const Memory& y() {
  static auto* one = new Memory(4 * kThreads);
  return *one;
}

// Two streams add to one number; with `wait` the second waits for the first.
void two_streams(Stream one, bool wait) {
  const Stream two = cuda::create_stream();
  const cuda::Event event = cuda::create_event();
  faults::add(one, 1.0f, y());
  cuda::record(event, one);
  if (wait) cuda::wait(two, event);
  faults::add(two, 1.0f, y());
  cuda::synchronize(one);
  cuda::synchronize(two);
  cuda::destroy_event(event);
  cuda::destroy_stream(two);
}

void overwrite_pinned(Stream stream, bool wait) {
  auto* const source = static_cast<float*>(cuda::allocate_pinned(4));
  *source = 1.0f;
  View to = y().view;
  to.dims[3] = 1;
  cuda::copy_from_host_async(stream, source, to);
  if (wait) cuda::synchronize(stream);
  *source = 2.0f;
  cuda::synchronize(stream);
  cuda::release_pinned(source);
}

void use_unwritten(Stream stream, bool written) {
  const Memory fresh(1, written);
  faults::positive(stream, fresh, y());
  cuda::synchronize(stream);
}

const std::vector<Fault>& planted() {
  static const std::vector<Fault> all = {
      {"barrier", true, true, [](Stream s) { faults::shift(s, x(), y(), true); }},
      {"no barrier", true, false, [](Stream s) { faults::shift(s, x(), y(), false); }},
      {"barrier before it is written again", true, true, [](Stream s) { faults::rotate(s, x(), y(), true); }},
      {"written again without a barrier", true, false, [](Stream s) { faults::rotate(s, x(), y(), false); }},
      {"warp barrier", true, true, [](Stream s) { faults::neighbour(s, x(), y(), true); }},
      {"no warp barrier", true, false, [](Stream s) { faults::neighbour(s, x(), y(), false); }},
      {"atomic sum of blocks", true, true, [](Stream s) { faults::sum(s, x(), y(), 4, true); }},
      {"sum of blocks", true, false, [](Stream s) { faults::sum(s, x(), y(), 4, false); }},
      {"event wait", true, true, [](Stream s) { two_streams(s, true); }},
      {"no event wait", true, false, [](Stream s) { two_streams(s, false); }},
      {"overwritten after the copy", true, true, [](Stream s) { overwrite_pinned(s, true); }},
      {"overwritten before the copy", true, false, [](Stream s) { overwrite_pinned(s, false); }},
      {"written device memory", false, true, [](Stream s) { use_unwritten(s, true); }},
      {"unwritten device memory", false, false, [](Stream s) { use_unwritten(s, false); }},
      {"written shared memory", false, true, [](Stream s) { faults::read_shared(s, y(), 32, 32); }},
      {"unwritten shared memory", false, false, [](Stream s) { faults::read_shared(s, y(), 32, 31); }},
  };
  return all;
}

int run_fault(const std::string& name) {
  for (const Fault& f : planted())
    if (name == f.name) {
      const Stream stream = cuda::create_stream();
      f.run(stream);
      cuda::synchronize(stream);
      cuda::destroy_stream(stream);
    }
  return 0;
}

// Output of a child process.
std::string output_of(const std::string& program, const std::string& fault) {
  std::string text;
  char part[4096];
  std::FILE* const pipe = popen(fmt::format("'{}' fault '{}' 2>&1", program, fault).c_str(), "r");
  for (size_t n; (n = std::fread(part, 1, sizeof(part), pipe)) > 0;) text.append(part, n);
  pclose(pipe);
  return text;
}

int run_faults(const std::string& program) {
  int wrong = 0;
  for (const Fault& f : planted()) {
    if (f.of_threads != SKEIN_OF_THREADS) continue;
    const std::string text = output_of(program, f.name);
    const bool reported = text.find(SKEIN_REPORT) != std::string::npos;
    // A report must name the kernel's file or a copy.
    const bool placed = text.find("faults.cu") != std::string::npos || text.find("memcpy") != std::string::npos;
    const bool right = f.sound ? text.empty() : reported && placed;
    fmt::print("{:<36} {}\n", f.name, right ? "as it should be" : "WRONG");
    if (!right) fmt::print("{}\n", text);
    wrong += !right;
  }
  return wrong > 0;
}

// Runs a case and checks that every number of its results is finite.
bool run_case(const OpCase& c) {
  const Stream stream = cuda::create_stream();
  bool finite = true;
  {
    const BoundCase bound = c.bind({Device::cuda, stream});
    cuda::synchronize(nullptr);  // inputs were set up with the null stream
    bound.run();
    cuda::synchronize(stream);
    for (const Output& out : bound.outputs)
      for (const double v : to_numbers(out.actual))
        if (!(v - v == 0)) finite = false;
  }
  cuda::destroy_stream(stream);
  if (!finite) fmt::print("{}: a number that is not finite\n", c.name);
  return finite;
}

int run_cases(int half) {
  int row = 0, count = 0, wrong = 0;
  for (const OpCase& c : op_cases(Device::cuda)) {
    if (c.timed || c.by_library || ++row % 2 != half) continue;
    cuda::emulator::set_seed(uint64_t(row));
    wrong += !run_case(c);
    ++count;
  }
  fmt::print("{} cases, {} wrong\n", count, wrong);
  return wrong > 0 || count == 0;
}

}  // namespace
}  // namespace skein

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "cases" && argc == 3) return skein::run_cases(std::atoi(argv[2]) % 2);
  if (what == "faults") return skein::run_faults(argv[0]);
  if (what == "fault" && argc == 3) return skein::run_fault(argv[2]);
  std::fprintf(stderr, "usage: skein_sanitize cases 0|1 | faults | fault NAME\n");
  return 2;
}
