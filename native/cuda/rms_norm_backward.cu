// With r = 1 / sqrt(mean_j x[t, j]^2 + eps) and g[i] = dOut[t, i] * weight[i]:
//   dx[t, i]   += r * g[i] - x[t, i] * r^3 / C * sum_j g[j] * x[t, j]
//   dWeight[i] += sum_t dOut[t, i] * x[t, i] * r[t]
#include "block.cuh"

// dx, and r for the other kernel. Grid (T), block min(256, C rounded up to 32).
extern "C" __global__ void rms_norm_backward(
    float* dx, float* inverse, const float* dOut, const float* x, const float* weight, float eps,
    int channels) {
  long long row = (long long)blockIdx.x * channels;
  float squares = 0;
  float dot = 0;
  for (int i = threadIdx.x; i < channels; i += blockDim.x) {
    squares += x[row + i] * x[row + i];
    dot += dOut[row + i] * weight[i] * x[row + i];
  }
  float r = 1 / sqrtf(blockSum(squares) / channels + eps);
  float along = r * r * r / channels * blockSum(dot);
  if (threadIdx.x == 0) {
    inverse[blockIdx.x] = r;
  }
  for (int i = threadIdx.x; i < channels; i += blockDim.x) {
    dx[row + i] += r * dOut[row + i] * weight[i] - x[row + i] * along;
  }
}

// dWeight: 8 threads share a channel's tokens. Grid (ceil(C / 32)), block (32, 8).
extern "C" __global__ void rms_norm_backward_weight(
    float* dWeight, const float* inverse, const float* dOut, const float* x, int tokens,
    int channels) {
  __shared__ float partial[8][32];
  int i = blockIdx.x * 32 + threadIdx.x;
  float sum = 0;
  if (i < channels) {
    for (int t = threadIdx.y; t < tokens; t += 8) {
      long long at = (long long)t * channels + i;
      sum += dOut[at] * x[at] * inverse[t];
    }
  }
  partial[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0 && i < channels) {
    for (int part = 1; part < 8; part++) {
      sum += partial[part][threadIdx.x];
    }
    dWeight[i] += sum;
  }
}
