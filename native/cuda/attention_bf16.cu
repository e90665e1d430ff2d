// attention.cu on tensor cores: queries, keys, values and probabilities are rounded to bfloat16, all sums
// stay in float32. A warp owns 16 queries; scores become the left side of the product with the
// values without leaving its registers (Dao 2023).
// Grid (ceil(Tq / 64), H, B), block 128, shared 2 (64 (P + 8) + 72 P) bytes with P = D rounded up to 16.
#include "block.cuh"
#include "tensor_core.cuh"
#include "tile.cuh"

constexpr int TILE = 64;             // queries of a block, and keys at a time
constexpr int VALUE_STRIDE = TILE + 8; // bfloat16 numbers; 8 keep lanes off each other's banks
constexpr int STEPS = 8;             // D up to 128, 16 at a time

// Rows of a head as pairs of channels, zeros below and beside.
__device__ inline void loadRows(
    unsigned* tile, const float* head, long long rowStride, int first, int count, int headSize,
    int padded) {
  for (int row = threadIdx.x / 32; row < TILE; row += 4) {
    const float* from = head + (first + row) * rowStride;
    bool there = first + row < count;
    for (int pair = threadIdx.x % 32; pair < padded / 2; pair += 32) {
      int i = 2 * pair;
      tile[row * (padded + 8) / 2 + pair] = packBf16(
          there && i < headSize ? from[i] : 0, there && i + 1 < headSize ? from[i + 1] : 0);
    }
  }
}

// The same by columns: a word has two neighbouring rows of one channel.
__device__ inline void loadColumns(
    unsigned* tile, const float* head, long long rowStride, int first, int count, int headSize,
    int padded) {
  for (int pair = threadIdx.x / 32; pair < TILE / 2; pair += 4) {
    int row = first + 2 * pair;
    const float* from = head + row * rowStride;
    for (int i = threadIdx.x % 32; i < padded; i += 32) {
      tile[i * VALUE_STRIDE / 2 + pair] = packBf16(
          row < count && i < headSize ? from[i] : 0,
          row + 1 < count && i < headSize ? from[rowStride + i] : 0);
    }
  }
}

// Over the four lanes that share a row.
__device__ inline float quadMax(float value) {
  value = fmaxf(value, __shfl_xor_sync(WARP, value, 1));
  return fmaxf(value, __shfl_xor_sync(WARP, value, 2));
}

__device__ inline float quadSum(float value) {
  value += __shfl_xor_sync(WARP, value, 1);
  return value + __shfl_xor_sync(WARP, value, 2);
}

extern "C" __global__ void __launch_bounds__(128) attention_bf16(
    float* out, float* logSumExp, const float* q, const float* k, const float* v,
    const unsigned char* visible, const int* reach, int added, int queries, int keys, int heads,
    int kvHeads, int headSize) {
  DYNAMIC_SHARED(shared);
  int padded = (headSize + 15) / 16 * 16;
  int rowWords = (padded + 8) / 2;
  unsigned* keyTile = (unsigned*)shared; // and the queries at first
  unsigned* valueTile = keyTile + TILE * rowWords;

  int first = blockIdx.x * TILE;
  int group = blockIdx.y / (heads / kvHeads);
  long long queryStride = (long long)heads * headSize;
  long long keyStride = (long long)kvHeads * headSize;
  long long queryHead = blockIdx.z * queries * queryStride + blockIdx.y * headSize;
  long long keyHead = blockIdx.z * keys * keyStride + group * headSize;
  const unsigned char* seen = visible ? visible + (long long)blockIdx.z * keys : nullptr;
  float scale = 1 / sqrtf((float)headSize);
  long long firstRow = (long long)blockIdx.z * queries + first;
  int end = furthest(added ? nullptr : reach, firstRow, min(TILE, queries - first), keys);

  int lane = threadIdx.x % 32;
  int quad = lane / 4;   // row of a tile of 16, and 8 more
  int column = lane % 4; // word of a row: channels or keys 2 column, 2 column + 1
  int warpRow = threadIdx.x / 32 * 16;

  loadRows(keyTile, q + queryHead, queryStride, first, queries, headSize, padded);
  __syncthreads();
  unsigned query[STEPS][4];
#pragma unroll
  for (int step = 0; step < STEPS; step++) {
    if (16 * step < padded) {
      const unsigned* at = keyTile + (warpRow + quad) * rowWords + 8 * step + column;
      query[step][0] = at[0];
      query[step][1] = at[8 * rowWords];
      query[step][2] = at[4];
      query[step][3] = at[8 * rowWords + 4];
    }
  }

  float sums[2 * STEPS][4] = {}; // 8 channels each
  float max[2] = {-INFINITE, -INFINITE};
  float total[2] = {0, 0}; // of this lane's columns
  for (int from = 0; from < end; from += TILE) {
    __syncthreads(); // all are done with the tiles before
    loadRows(keyTile, k + keyHead, keyStride, from, end, headSize, padded);
    loadColumns(valueTile, v + keyHead, keyStride, from, end, headSize, padded);
    __syncthreads();

    float scores[TILE / 8][4] = {}; // 8 keys each
#pragma unroll
    for (int n = 0; n < TILE / 8; n++) {
#pragma unroll
      for (int step = 0; step < STEPS; step++) {
        if (16 * step < padded) {
          const unsigned* at = keyTile + (8 * n + quad) * rowWords + 8 * step + column;
          multiplyTiles(scores[n], query[step], at[0], at[4]);
        }
      }
    }

    float shrink[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = warpRow + quad + 8 * half;
      int within = reachOf(reach, firstRow + row, first + row < queries, keys);
      float largest = max[half];
#pragma unroll
      for (int n = 0; n < TILE / 8; n++) {
#pragma unroll
        for (int j = 0; j < 2; j++) {
          int key = from + 8 * n + 2 * column + j;
          bool sees = key < (added ? keys : within) && (!seen || seen[key]);
          float score =
              sees ? scores[n][2 * half + j] * scale + (added && key < within) : -INFINITE;
          scores[n][2 * half + j] = score;
          largest = fmaxf(largest, score);
        }
      }
      largest = quadMax(largest);
      // Nothing seen yet: any finite number does, so that exp(-inf - it) is 0 and not NaN.
      float base = largest == -INFINITE ? 0 : largest;
      shrink[half] = expf(max[half] - base);
      max[half] = largest;
      total[half] *= shrink[half];
#pragma unroll
      for (int n = 0; n < TILE / 8; n++) {
#pragma unroll
        for (int j = 0; j < 2; j++) {
          float p = expf(scores[n][2 * half + j] - base);
          scores[n][2 * half + j] = p;
          total[half] += p;
        }
      }
    }

#pragma unroll
    for (int n = 0; n < 2 * STEPS; n++) {
      sums[n][0] *= shrink[0];
      sums[n][1] *= shrink[0];
      sums[n][2] *= shrink[1];
      sums[n][3] *= shrink[1];
    }
#pragma unroll
    for (int step = 0; step < TILE / 16; step++) {
      unsigned p[4] = {
          packBf16(scores[2 * step][0], scores[2 * step][1]),
          packBf16(scores[2 * step][2], scores[2 * step][3]),
          packBf16(scores[2 * step + 1][0], scores[2 * step + 1][1]),
          packBf16(scores[2 * step + 1][2], scores[2 * step + 1][3])};
#pragma unroll
      for (int n = 0; n < 2 * STEPS; n++) {
        if (8 * n < padded) {
          const unsigned* at = valueTile + (8 * n + quad) * (VALUE_STRIDE / 2) + 8 * step + column;
          multiplyTiles(sums[n], p, at[0], at[4]);
        }
      }
    }
  }

#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = first + warpRow + quad + 8 * half;
    float sum = quadSum(total[half]);
    float inverse = sum > 0 ? 1 / sum : 0;
    if (row < queries) {
      float* to = out + queryHead + row * queryStride;
#pragma unroll
      for (int n = 0; n < 2 * STEPS; n++) {
#pragma unroll
        for (int j = 0; j < 2; j++) {
          int i = 8 * n + 2 * column + j;
          if (i < headSize) {
            to[i] = sums[n][2 * half + j] * inverse;
          }
        }
      }
      if (logSumExp && column == 0) {
        logSumExp[((long long)blockIdx.z * heads + blockIdx.y) * queries + row] =
            sum > 0 ? max[half] + logf(sum) : -INFINITE;
      }
    }
  }
}
