// Ranges for NVIDIA's profilers (NVTX version 3), by the protocol that NVTX's header follows: the environment variable
// NVTX_INJECTION64_PATH names the tool's library; its function InitializeInjectionNvtx2 is handed a table of function
// pointers (nvtx3/nvtxDetail/nvtxTypes.h), and it fills in those that it wants to be called. No header of NVIDIA's is
// needed, and without the variable nothing is opened.
#pragma once

namespace skein::nvtx {

// Opens the tool's library, once. False: the variable is not set. BadInput: the library cannot be opened, or its
// function refuses.
bool load();

// A range of the calling thread, within the last one pushed. No effect without a tool.
void push(const char* name);
void pop();

}  // namespace skein::nvtx
