// out[t, i] = sum_j weights[t k + j] y[rows[t k + j], i], in the order of j and rounded as on the CPU.
// A block a token. Grid (T), block threads(C).
#include "block.cuh"

extern "C" __global__ void combine(
    float* out, const float* y, const int* rows, const float* weights, int channels, int perToken) {
  long long first = (long long)blockIdx.x * perToken;
  for (int i = threadIdx.x; i < channels; i += blockDim.x) {
    float sum = 0;
    for (long long j = first; j < first + perToken; j++) {
      sum = __fadd_rn(sum, __fmul_rn(weights[j], y[(long long)rows[j] * channels + i]));
    }
    out[(long long)blockIdx.x * channels + i] = sum;
  }
}
