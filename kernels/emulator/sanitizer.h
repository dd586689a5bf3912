// What the emulator tells the sanitizers, as functions that do nothing in a build without them. The emulator itself is
// compiled without ThreadSanitizer (SKEIN_TSAN says that the kernels are with it): its own bookkeeping orders nothing.
#pragma once

#include <cstddef>
#include <cstring>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SKEIN_ASAN
#endif
#if __has_feature(memory_sanitizer)
#define SKEIN_MSAN
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SKEIN_ASAN
#endif

#ifdef SKEIN_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SKEIN_MSAN
#include <sanitizer/msan_interface.h>
#endif
#ifdef SKEIN_TSAN
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned flags);
void __tsan_acquire(void*);
void __tsan_release(void*);
void AnnotateIgnoreReadsBegin(const char* file, int line);  // and writes
void AnnotateIgnoreReadsEnd(const char* file, int line);
}
#endif

namespace skein::cuda::emulator {

// AddressSanitizer: memory that must not be touched.
inline void forbid([[maybe_unused]] const void* p, [[maybe_unused]] size_t bytes) {
#ifdef SKEIN_ASAN
  __asan_poison_memory_region(p, bytes);
#endif
}
inline void permit([[maybe_unused]] const void* p, [[maybe_unused]] size_t bytes) {
#ifdef SKEIN_ASAN
  __asan_unpoison_memory_region(p, bytes);
#endif
}

// Memory that nobody has written: not-a-numbers, and MemorySanitizer is told.
inline void make_undefined(void* p, size_t bytes) {
  std::memset(p, 0xff, bytes);
#ifdef SKEIN_MSAN
  __msan_poison(p, bytes);
#endif
}

// ThreadSanitizer: who runs (a context for every CUDA thread and every stream), and what comes after what.
#ifdef SKEIN_TSAN
constexpr bool kRaces = true;
inline void* current_context() { return __tsan_get_current_fiber(); }
inline void* create_context() { return __tsan_create_fiber(0); }  // comes after what the current one did so far
inline void destroy_context(void* context) { __tsan_destroy_fiber(context); }
inline void enter_context(void* context) { __tsan_switch_to_fiber(context, 1); }  // 1: the switch orders nothing
inline void release(void* mark) { __tsan_release(mark); }
inline void acquire(void* mark) { __tsan_acquire(mark); }
// What the current context reads and writes from here on is no part of the program, though functions that
// ThreadSanitizer knows, like memcpy, do it.
inline void hide() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
inline void show() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
#else
constexpr bool kRaces = false;
inline void* current_context() { return nullptr; }
inline void* create_context() { return nullptr; }
inline void destroy_context(void*) {}
inline void enter_context(void*) {}
inline void release(void*) {}
inline void acquire(void*) {}
inline void hide() {}
inline void show() {}
#endif

// The program's own accesses, among what the emulator does for a stream.
struct Shown {
  Shown() { show(); }
  ~Shown() { hide(); }
  Shown(const Shown&) = delete;
};

// AddressSanitizer: the stack is changed. leave_stack() right before, arrive_on_stack() right after.
struct StackOf {
  const void* bottom = nullptr;
  size_t bytes = 0;
};
inline void leave_stack([[maybe_unused]] void** fake, [[maybe_unused]] StackOf to) {
#ifdef SKEIN_ASAN
  __sanitizer_start_switch_fiber(fake, to.bottom, to.bytes);
#endif
}
inline void arrive_on_stack([[maybe_unused]] void* fake, [[maybe_unused]] StackOf* from) {
#ifdef SKEIN_ASAN
  __sanitizer_finish_switch_fiber(fake, from ? &from->bottom : nullptr, from ? &from->bytes : nullptr);
#endif
}

}  // namespace skein::cuda::emulator
