// out[t, i] = x[t, i] / sqrt(mean_j x[t, j]^2 + eps) * weight[i]: a block a token.
// Grid (T), block min(256, C rounded up to 32).
#include "block.cuh"

extern "C" __global__ void rms_norm(
    float* out, const float* x, const float* weight, float eps, int channels) {
  long long row = (long long)blockIdx.x * channels;
  float sum = 0;
  for (int i = threadIdx.x; i < channels; i += blockDim.x) {
    sum += x[row + i] * x[row + i];
  }
  float inverse = 1 / sqrtf(blockSum(sum) / channels + eps);
  for (int i = threadIdx.x; i < channels; i += blockDim.x) {
    out[row + i] = x[row + i] * inverse * weight[i];
  }
}
