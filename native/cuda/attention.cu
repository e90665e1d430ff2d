// Scaled dot-product attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022):
// keys come tile by tile, and what was summed so far is scaled down whenever a larger score appears.
//   p[s] = softmax over visible s of (q . k[s]) / sqrt(D),  out = sum_s p[s] v[s]
// Where there is a reach, a query sees so many keys from the first; or, if it is added, it sees all
// and 1 is added to the scores of those. No key beyond the furthest reach of a tile is read.
// logSumExp, which the backward pass reads, is ln sum exp(score); minus infinity where no key is seen.
// Grid (ceil(Tq / tile), H, B), block (16, 16), shared 4 (2 tile S + tile (tile + 4)) bytes with
// S = D rounded up to 4, plus 4. Keys and values take turns in one buffer.
#include "block.cuh"
#include "tile.cuh"

template <int TILE, int LARGEST>
__device__ void attention(
    float* out, float* logSumExp, const float* q, const float* k, const float* v,
    const unsigned char* visible, const int* reach, int added, int queries, int keys, int heads,
    int kvHeads, int headSize) {
  constexpr int M = TILE / 16;
  constexpr int COLUMNS = LARGEST / 16;
  DYNAMIC_SHARED(shared);
  float* queryTile = shared;
  float* keyTile = queryTile + TILE * tileStride(headSize);
  float* weights = keyTile + TILE * tileStride(headSize);

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

  float sums[M][COLUMNS] = {};
  float max[M];
  float total[M];
  for (int r = 0; r < M; r++) {
    max[r] = -INFINITE;
    total[r] = 0;
  }
  loadTile<TILE>(queryTile, q + queryHead, queryStride, first, queries, headSize);
  for (int from = 0; from < end; from += TILE) {
    __syncthreads(); // all are done with the values before
    loadTile<TILE>(keyTile, k + keyHead, keyStride, from, end, headSize);
    __syncthreads();
    float scores[M][M];
    tileDots<M>(scores, queryTile, keyTile, headSize);
    __syncthreads(); // all are done with the keys
    loadTile<TILE>(keyTile, v + keyHead, keyStride, from, end, headSize);
#pragma unroll
    for (int r = 0; r < M; r++) {
      int row = threadIdx.y * M + r;
      int within = reachOf(reach, firstRow + row, first + row < queries, keys);
      float largest = max[r];
#pragma unroll
      for (int c = 0; c < M; c++) {
        int key = from + threadIdx.x + 16 * c;
        bool sees = key < (added ? keys : within) && (!seen || seen[key]);
        scores[r][c] = sees ? scores[r][c] * scale + (added && key < within) : -INFINITE;
        largest = fmaxf(largest, scores[r][c]);
      }
      largest = rowMax(largest);
      // Nothing seen yet: any finite number does, so that exp(-inf - it) is 0 and not NaN.
      float base = largest == -INFINITE ? 0 : largest;
      float sum = 0;
#pragma unroll
      for (int c = 0; c < M; c++) {
        float p = expf(scores[r][c] - base);
        weights[row * (TILE + 4) + threadIdx.x + 16 * c] = p;
        sum += p;
      }
      float shrink = expf(max[r] - base);
      total[r] = total[r] * shrink + rowSum(sum);
      max[r] = largest;
#pragma unroll
      for (int c = 0; c < COLUMNS; c++) {
        sums[r][c] *= shrink;
      }
    }
    __syncthreads();
    addWeightedRows<TILE>(sums, weights, keyTile, headSize);
  }
#pragma unroll
  for (int r = 0; r < M; r++) {
    int row = first + threadIdx.y * M + r;
    float inverse = total[r] > 0 ? 1 / total[r] : 0;
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      sums[r][c] *= inverse;
    }
    if (logSumExp && threadIdx.x == 0 && row < queries) {
      logSumExp[((long long)blockIdx.z * heads + blockIdx.y) * queries + row] =
          total[r] > 0 ? max[r] + logf(total[r]) : -INFINITE;
    }
  }
  storeTile(out + queryHead, queryStride, sums, first, queries, headSize);
}

#define KERNEL(TILE, LARGEST)                                                                      \
  extern "C" __global__ void __launch_bounds__(256) attention_##TILE(                              \
      float* out, float* logSumExp, const float* q, const float* k, const float* v,                \
      const unsigned char* visible, const int* reach, int added, int queries, int keys, int heads, \
      int kvHeads, int headSize) {                                                                 \
    attention<TILE, LARGEST>(                                                                      \
        out, logSumExp, q, k, v, visible, reach, added, queries, keys, heads, kvHeads, headSize);  \
  }

KERNEL(64, 128)
KERNEL(32, 256)
