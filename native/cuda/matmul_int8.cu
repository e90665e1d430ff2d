// out[t, n] = sum_k x[t, k] * weight[n, k] for few tokens and quantised weights, with activations as
// bytes (quantize_rows): products of bytes are added four at a time, exactly, and scaled by blocks of
// 32. A warp an output channel, a lane every 32nd block.
// Grid (ceil(N / 4), parts or ceil(T / 8)), block (32, 4).
#include "block.cuh"
#include "few.cuh"
#include "weights.cuh"

// 32 weights as bytes: w[i] = scale[i / 16] * q[i] - min.
struct Group {
  int q[8]; // four a word, lowest first
  float scale[2];
  float min;
};

// Four bytes of which the first is at any address.
__device__ inline int fourBytes(const unsigned char* at) {
  return at[0] | at[1] << 8 | at[2] << 16 | at[3] << 24;
}

__device__ inline void setScale(Group& group, float scale, float min) {
  group.scale[0] = scale;
  group.scale[1] = scale;
  group.min = min;
}

__device__ inline void load(Group& group, Q8_0, const void* data, long long index) {
  const unsigned char* block = (const unsigned char*)data + index * 34;
  for (int i = 0; i < 8; i++) {
    group.q[i] = fourBytes(block + 2 + 4 * i);
  }
  setScale(group, scaleAt(block), 0);
}

__device__ inline void load(Group& group, Q4_0, const void* data, long long index) {
  const unsigned char* block = (const unsigned char*)data + index * 18;
  for (int i = 0; i < 4; i++) {
    int pairs = fourBytes(block + 2 + 4 * i);
    group.q[i] = pairs & 0x0f0f0f0f;
    group.q[i + 4] = pairs >> 4 & 0x0f0f0f0f;
  }
  float scale = scaleAt(block);
  setScale(group, scale, 8 * scale); // q - 8
}

__device__ inline void setPacked(Group& group, const unsigned char* block, int sub) {
  setScale(
      group, scaleAt(block) * packedScale(block + 4, sub),
      scaleAt(block + 2) * packedMin(block + 4, sub));
}

__device__ inline void load(Group& group, Q4_K, const void* data, long long index) {
  const unsigned char* block = (const unsigned char*)data + index / 8 * 144;
  int sub = (int)(index % 8);
  for (int i = 0; i < 8; i++) {
    int pairs = fourBytes(block + 16 + 32 * (sub / 2) + 4 * i);
    group.q[i] = pairs >> 4 * (sub & 1) & 0x0f0f0f0f;
  }
  setPacked(group, block, sub);
}

__device__ inline void load(Group& group, Q5_K, const void* data, long long index) {
  const unsigned char* block = (const unsigned char*)data + index / 8 * 176;
  int sub = (int)(index % 8);
  for (int i = 0; i < 8; i++) {
    int pairs = fourBytes(block + 48 + 32 * (sub / 2) + 4 * i);
    int fifth = fourBytes(block + 16 + 4 * i) >> sub & 0x01010101;
    group.q[i] = (pairs >> 4 * (sub & 1) & 0x0f0f0f0f) | fifth << 4;
  }
  setPacked(group, block, sub);
}

__device__ inline void load(Group& group, Q6_K, const void* data, long long index) {
  const unsigned char* block = (const unsigned char*)data + index / 8 * 210;
  int sub = (int)(index % 8);
  int quarter = sub & 3;
  for (int i = 0; i < 8; i++) {
    int low = fourBytes(block + 64 * (sub / 4) + 32 * (quarter & 1) + 4 * i);
    int high = fourBytes(block + 128 + 32 * (sub / 4) + 4 * i);
    int q = (low >> 4 * (quarter / 2) & 0x0f0f0f0f) | (high >> 2 * quarter & 0x03030303) << 4;
    group.q[i] = (int)(((q | 0x80808080u) - 0x20202020u) ^ 0x80808080u); // q - 32, byte by byte
  }
  float d = scaleAt(block + 208);
  group.scale[0] = d * (signed char)block[192 + 2 * sub];
  group.scale[1] = d * (signed char)block[192 + 2 * sub + 1];
  group.min = 0;
}

template <class Weight>
__device__ void matmul(
    float* out, const signed char* q, const float* scale, const float* sum, const void* all,
    const Part* parts, int tokens, int n, int k) {
  int channel = blockIdx.x * blockDim.y + threadIdx.y;
  if (channel >= n) {
    return; // the whole warp
  }
  int groups = k / 32;
  auto [weight, first, count] = partOfBlock(parts, all, tokens);
  float sums[TOKENS] = {};
  for (int g = threadIdx.x; g < groups; g += 32) {
    Group group;
    load(group, Weight(), weight, (long long)channel * groups + g);
#pragma unroll
    for (int t = 0; t < TOKENS; t++) {
      if (t < count) {
        long long at = (long long)(first + t) * groups + g;
        const int* x = (const int*)(q + 32 * at);
        int dots[2] = {0, 0};
#pragma unroll
        for (int i = 0; i < 8; i++) {
          dots[i / 4] = __dp4a(group.q[i], x[i], dots[i / 4]);
        }
        sums[t] += scale[at] * (group.scale[0] * dots[0] + group.scale[1] * dots[1]) -
                   group.min * sum[at];
      }
    }
  }
#pragma unroll
  for (int t = 0; t < TOKENS; t++) {
    float total = warpSum(sums[t]);
    if (threadIdx.x == 0 && t < count) {
      out[(long long)(first + t) * n + channel] = total;
    }
  }
}

#define KERNEL(name, Weight)                                                                       \
  extern "C" __global__ void matmul_int8_##name(                                                   \
      float* out, const signed char* q, const float* scale, const float* sum, const void* weight,  \
      const Part* parts, int tokens, int n, int k) {                                               \
    matmul<Weight>(out, q, scale, sum, weight, parts, tokens, n, k);                               \
  }

KERNEL(q8_0, Q8_0)
KERNEL(q4_0, Q4_0)
KERNEL(q4_k, Q4_K)
KERNEL(q5_k, Q5_K)
KERNEL(q6_k, Q6_K)
