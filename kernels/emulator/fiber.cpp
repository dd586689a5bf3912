#include "kernels/emulator/fiber.h"

#include <sys/mman.h>

#include <cstdlib>

#include "kernels/emulator/sanitizer.h"

// Saves the callee-saved registers (x86-64, System V ABI), switches the stack and restores the registers saved there.
extern "C" void skein_switch_stack(void** save, void* to);
asm(R"(
.text
.type skein_switch_stack, @function
skein_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size skein_switch_stack, . - skein_switch_stack
)");

namespace skein::cuda::emulator {
namespace {
constexpr size_t kSavedRegisters = 6;
}  // namespace

struct Fibers::Stack {
  static constexpr size_t kGuard = 4096, kLastFrames = 4096;
  // Large, since AddressSanitizer enlarges frames; small with ThreadSanitizer, where a fresh stack costs by its size.
  static constexpr size_t kBytes = size_t(kRaces ? 32 : 128) << 10;
  char* memory = map();
  void* pointer = nullptr;
  void* fake = nullptr;
  bool forbidden = true;  // may hold poisoned frames: of earlier mappings, or of an abandoned thread

  ~Stack() { unmap(); }
  char* usable() const { return memory + kGuard; }
  static constexpr size_t usable_bytes() { return kBytes - kGuard; }

  static char* map() {
    if (kRaces) return static_cast<char*>(std::aligned_alloc(kGuard, kBytes));
    void* all = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) std::abort();
    mprotect(all, kGuard, PROT_NONE);
    return static_cast<char*>(all);
  }
  void unmap() const {
    if (kRaces)
      std::free(memory);
    else
      munmap(memory, kBytes);
  }

  void prepare(Entry* entry) {
    if (kRaces) {
      // New memory has no history for ThreadSanitizer, which would else report races with the last user's frames.
      unmap();
      memory = map();
    }
    // A thread that has ended leaves only its last frame. Clearing the whole stack each time took an eighth of a
    // training step.
    const size_t frames = forbidden ? usable_bytes() : kLastFrames;
    permit(memory + kBytes - frames, frames);
    forbidden = false;
    // Alignment as after a call: the stack pointer is 8 off a multiple of 16 when the entry function begins.
    void** top = reinterpret_cast<void**>(memory + kBytes) - 1;
    top[0] = nullptr;
    top[-1] = reinterpret_cast<void*>(entry);
    pointer = top - 1 - kSavedRegisters;
    fake = nullptr;
  }
};

Fibers::Fibers(Entry* entry) : entry_(entry) {}
Fibers::~Fibers() = default;

int Fibers::take() {
  if (idle_.empty()) {
    stacks_.push_back(std::make_unique<Stack>());
    idle_.push_back(int(stacks_.size()) - 1);
  }
  const int id = idle_.back();
  idle_.pop_back();
  stacks_[size_t(id)]->prepare(entry_);
  return id;
}

void Fibers::put(int id, bool abandoned) {
  stacks_[size_t(id)]->forbidden = abandoned;
  idle_.push_back(id);
}

void Fibers::enter(int id) {
  Stack& to = *stacks_[size_t(id)];
  current_ = id;
  void* fake = nullptr;
  leave_stack(&fake, {to.usable(), Stack::usable_bytes()});
  skein_switch_stack(&scheduler_, to.pointer);
  arrive_on_stack(fake, nullptr);
  current_ = -1;
}

void Fibers::leave() {
  Stack& from = *stacks_[size_t(current_)];
  leave_stack(&from.fake, {scheduler_bottom_, scheduler_bytes_});
  skein_switch_stack(&from.pointer, scheduler_);
  StackOf scheduler;
  arrive_on_stack(from.fake, &scheduler);
  scheduler_bottom_ = scheduler.bottom;
  scheduler_bytes_ = scheduler.bytes;
}

void Fibers::arrived() {
  StackOf scheduler;
  arrive_on_stack(nullptr, &scheduler);
  scheduler_bottom_ = scheduler.bottom;
  scheduler_bytes_ = scheduler.bytes;
}

}  // namespace skein::cuda::emulator
