// x[t, i] += bias[i]. Grid min(65535, ceil(n / 256)), block 256.
#include "block.cuh"

extern "C" __global__ void add_bias(float* x, const float* bias, long long n, int channels) {
  FOR_EACH_ELEMENT(i, n) { x[i] += bias[i % channels]; }
}

// dBias[i] += sum_t dOut[t, i]. Grid ceil(C / 32), block (32, 8): a thread a column and every eighth row.
extern "C" __global__ void add_bias_backward(
    float* dBias, const float* dOut, int tokens, int channels) {
  __shared__ float partial[8][32];
  int i = blockIdx.x * 32 + threadIdx.x;
  float sum = 0;
  for (int t = threadIdx.y; i < channels && t < tokens; t += 8) {
    sum += dOut[(long long)t * channels + i];
  }
  partial[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0 && i < channels) {
    for (int y = 1; y < 8; y++) {
      sum += partial[y][threadIdx.x];
    }
    dBias[i] += sum;
  }
}
