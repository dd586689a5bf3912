// Annotations for the sanitizers, as functions that do nothing in builds without them. The emulator itself is compiled
// without ThreadSanitizer, so that its own bookkeeping orders nothing; SKEIN_TSAN says that the kernels are compiled
// with it.
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

// AddressSanitizer: marks memory that must not be accessed.
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

// Marks memory as uninitialised: fills it with NaN, and poisons it for MemorySanitizer.
inline void make_undefined(void* p, size_t bytes) {
  std::memset(p, 0xff, bytes);
#ifdef SKEIN_MSAN
  __msan_poison(p, bytes);
#endif
}

// ThreadSanitizer: execution contexts, one per CUDA thread and stream, and the order between them.
#ifdef SKEIN_TSAN
constexpr bool kRaces = true;
inline void* current_context() { return __tsan_get_current_fiber(); }
inline void* create_context() { return __tsan_create_fiber(0); }  // ordered after the creator
inline void destroy_context(void* context) { __tsan_destroy_fiber(context); }
inline void enter_context(void* context) { __tsan_switch_to_fiber(context, 1); }  // 1: the switch orders nothing
inline void release(void* mark) { __tsan_release(mark); }
inline void acquire(void* mark) { __tsan_acquire(mark); }
// Excludes the current context's accesses from race detection. Needed for intercepted functions such as memcpy.
inline void ignore_accesses() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
inline void watch_accesses() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
#else
constexpr bool kRaces = false;
inline void* current_context() { return nullptr; }
inline void* create_context() { return nullptr; }
inline void destroy_context(void*) {}
inline void enter_context(void*) {}
inline void release(void*) {}
inline void acquire(void*) {}
inline void ignore_accesses() {}
inline void watch_accesses() {}
#endif

// Scope of the program's own accesses, within work that the emulator does for a stream.
struct WatchedAccesses {
  WatchedAccesses() { watch_accesses(); }
  ~WatchedAccesses() { ignore_accesses(); }
  WatchedAccesses(const WatchedAccesses&) = delete;
};

// AddressSanitizer: stack switch. Call leave_stack() right before and arrive_on_stack() right after it.
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
