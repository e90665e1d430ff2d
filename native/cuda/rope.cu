// Rotary position embedding in place, of the first R channels of each head. A pair's channels (u, v)
// are (i, i + R/2) in half-split order and (2i, 2i + 1) in interleaved order; the result is half-split:
//   x[i]       = u * cos a - v * sin a
//   x[i + R/2] = v * cos a + u * sin a
// Grid (T, H), block R/2 rounded up to 32: a thread a pair, since pairs lie where others are written.
#include "block.cuh"

extern "C" __global__ void rope(
    float* x, const int* positions, const float* cos, const float* sin, int half,
    int headSize, int interleaved) {
  int i = threadIdx.x;
  float* head = x + ((long long)blockIdx.x * gridDim.y + blockIdx.y) * headSize;
  float u = 0;
  float v = 0;
  if (i < half) {
    u = head[interleaved ? 2 * i : i];
    v = head[interleaved ? 2 * i + 1 : i + half];
  }
  if (interleaved) {
    __syncthreads(); // all have read
  }
  if (i < half) {
    long long at = (long long)positions[blockIdx.x] * half + i;
    head[i] = u * cos[at] - v * sin[at];
    head[i + half] = v * cos[at] + u * sin[at];
  }
}

// The rotation back: half-split gradients to those of the layout.
extern "C" __global__ void rope_backward(
    float* dx, const int* positions, const float* cos, const float* sin, int half,
    int headSize, int interleaved) {
  int i = threadIdx.x;
  float* head = dx + ((long long)blockIdx.x * gridDim.y + blockIdx.y) * headSize;
  float u = 0;
  float v = 0;
  if (i < half) {
    u = head[i];
    v = head[i + half];
  }
  if (interleaved) {
    __syncthreads(); // all have read
  }
  if (i < half) {
    long long at = (long long)positions[blockIdx.x] * half + i;
    head[interleaved ? 2 * i : i] = u * cos[at] + v * sin[at];
    head[interleaved ? 2 * i + 1 : i + half] = v * cos[at] - u * sin[at];
  }
}
