// out = x + delta. Grid min(65535, ceil(n / 256)), block 256.
#include "block.cuh"

extern "C" __global__ void residual(
    float* out, const float* x, const float* delta, long long n) {
  FOR_EACH_ELEMENT(i, n) { out[i] = x[i] + delta[i]; }
}
