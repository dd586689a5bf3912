// Marks a function that both a host compiler and a GPU compiler are to compile.
#pragma once

#ifdef __CUDACC__
#define SKEIN_HD __host__ __device__
#else
#define SKEIN_HD
#endif
