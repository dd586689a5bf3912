// Memory of a device: take it, give it back, move bytes. Everything that allocates tensor memory comes through here, so
// a test can count that a steady training step takes none.
#pragma once

#include "kernels/view.h"

namespace skein {

using Allocate = void*(size_t bytes);  // 64-byte aligned, 2 MiB aligned (huge pages) when large; contents undefined
using Release = void(void* memory);
using Copy = void(Stream, View from, View to);  // same dtype and number of elements
using CopyToHost = void(Stream, View from, void* to);
using CopyFromHost = void(Stream, const void* from, View to);
using Zero = void(Stream, View to);
using Synchronize = void(Stream);

namespace cpu {
Allocate allocate;
Release release;
Copy copy;
CopyToHost copy_to_host;
CopyFromHost copy_from_host;
Zero zero;
Synchronize synchronize;
int64_t allocations();  // since the program started
}  // namespace cpu

namespace cuda {
bool available();
Allocate allocate;
Release release;
Copy copy;
CopyToHost copy_to_host;
CopyFromHost copy_from_host;
Zero zero;
Synchronize synchronize;
}  // namespace cuda

}  // namespace skein
