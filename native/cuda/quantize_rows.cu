// Activations as bytes: each 32 numbers share a scale, the largest size / 127, and their sum is kept
// for weights with a minimum. A warp 32 numbers.
// Grid (ceil(K / 256), T), block 256.
#include "block.cuh"

extern "C" __global__ void quantize_rows(
    signed char* q, float* scale, float* sum, const float* x, int k) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= k) {
    return; // the whole warp, as K is a multiple of 32
  }
  long long at = (long long)blockIdx.y * k + i;
  float value = x[at];
  float largest = fabsf(value);
  for (int offset = 16; offset > 0; offset /= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(WARP, largest, offset));
  }
  // A NaN is no larger than anything; as a number it would become a byte and be lost.
  bool nan = __ballot_sync(WARP, value != value) != 0;
  float step = nan ? NOT_A_NUMBER : largest / 127;
  int rounded = largest > 0 && !nan ? (int)rintf(value / step) : 0;
  int total = warpSum(rounded);
  q[at] = (signed char)rounded;
  if (threadIdx.x % 32 == 0) {
    scale[at / 32] = step;
    sum[at / 32] = step * total;
  }
}
