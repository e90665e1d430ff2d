// out[t, n] = sum_k x[t, k] * weight[n, k] for few tokens, where reading the weight is all the work:
// a warp an output channel, whose weights it decodes once for up to 8 tokens. Exact: float32.
// Grid (ceil(N / 4), parts or ceil(T / 8)), block (32, 4).
#include "block.cuh"
#include "few.cuh"
#include "weights.cuh"

template <class Weight>
__device__ void matmul(
    float* out, const float* x, const void* all, const Part* parts, int tokens, int n, int k) {
  int channel = blockIdx.x * blockDim.y + threadIdx.y;
  if (channel >= n) {
    return; // the whole warp
  }
  auto [weight, first, count] = partOfBlock(parts, all, tokens);
  x += (long long)first * k;
  float sums[TOKENS] = {};
  for (int i = threadIdx.x; i < k; i += 32) {
    float w = Weight::at(weight, (long long)channel * k + i);
#pragma unroll
    for (int t = 0; t < TOKENS; t++) {
      if (t < count) {
        sums[t] += w * x[(long long)t * k + i];
      }
    }
  }
#pragma unroll
  for (int t = 0; t < TOKENS; t++) {
    float sum = warpSum(sums[t]);
    if (threadIdx.x == 0 && t < count) {
      out[(long long)(first + t) * n + channel] = sum;
    }
  }
}

#define KERNEL(name, Weight)                                                                       \
  extern "C" __global__ void matmul_small_##name(                                                  \
      float* out, const float* x, const void* weight, const Part* parts, int tokens, int n,        \
      int k) {                                                                                     \
    matmul<Weight>(out, x, weight, parts, tokens, n, k);                                           \
  }

FOR_EACH_WEIGHT(KERNEL)
