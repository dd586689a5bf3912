// SKEIN_HD: marks a function that is compiled for the host and, under nvcc, for the device as well.
#pragma once

#ifdef __CUDACC__
#define SKEIN_HD __host__ __device__
#else
#define SKEIN_HD
#endif
