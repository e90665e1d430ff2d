// out[t] = table[ids[t]]: a block a token.
// Grid (T), block min(256, C rounded up to 32).
#include "weights.cuh"

template <class Weight>
__device__ void embedding(float* out, const int* ids, const void* table, int channels) {
  long long from = (long long)ids[blockIdx.x] * channels;
  long long to = (long long)blockIdx.x * channels;
  for (int i = threadIdx.x; i < channels; i += blockDim.x) {
    out[to + i] = Weight::at(table, from + i);
  }
}

#define KERNEL(name, Weight)                                                                       \
  extern "C" __global__ void embedding_##name(                                                     \
      float* out, const int* ids, const void* table, int channels) {                               \
    embedding<Weight>(out, ids, table, channels);                                                  \
  }

FOR_EACH_WEIGHT(KERNEL)
