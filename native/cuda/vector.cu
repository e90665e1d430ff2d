// Small helpers on whole vectors. Grid min(65535, ceil(n / 256)), block 256, where nothing else is said.
#include "block.cuh"

// partial[b] = the sum of block b's squares, in double. Grid at most 1024, block 256.
extern "C" __global__ void sum_of_squares(double* partial, const float* x, long long n) {
  double sum = 0;
  FOR_EACH_ELEMENT(i, n) { sum += (double)x[i] * x[i]; }
  sum = blockSum(sum);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
  }
}

// out[0] = sum of count numbers. Grid 1, block 256.
extern "C" __global__ void sum(double* out, const double* partial, int count) {
  double sum = 0;
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    sum += partial[i];
  }
  sum = blockSum(sum);
  if (threadIdx.x == 0) {
    out[0] = sum;
  }
}

// x += share * (to - x): a running average of weights, with the roundings of the CPU.
extern "C" __global__ void lerp(float* x, const float* to, float share, long long n) {
  FOR_EACH_ELEMENT(i, n) { x[i] = __fadd_rn(x[i], __fmul_rn(share, __fsub_rn(to[i], x[i]))); }
}
