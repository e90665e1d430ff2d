// Gradients of attention, whose probabilities p are computed again from logSumExp. With
//   dp[t, s] = dOut[t] . v[s],  delta[t] = sum_s p[t, s] dp[t, s] = dOut[t] . out[t],
//   ds[t, s] = p[t, s] (dp[t, s] - delta[t]) / sqrt(D):
//   dq[t] = sum_s ds[t, s] k[s],  dk[s] = sum_t ds[t, s] q[t],  dv[s] = sum_t p[t, s] dOut[t]
// A block owns a tile of queries, or a tile of keys, and walks over the others: every sum is made by
// one thread in one order.
#include "block.cuh"
#include "tile.cuh"

// delta (B, H, Tq). Grid (B Tq, H), block 32.
extern "C" __global__ void attention_backward_delta(
    float* delta, const float* dOut, const float* out, int queries, int heads, int headSize) {
  long long at = ((long long)blockIdx.x * heads + blockIdx.y) * headSize;
  float sum = 0;
  for (int i = threadIdx.x; i < headSize; i += 32) {
    sum += dOut[at + i] * out[at + i];
  }
  sum = warpSum(sum);
  if (threadIdx.x == 0) {
    int sequence = blockIdx.x / queries;
    int query = blockIdx.x % queries;
    delta[((long long)sequence * heads + blockIdx.y) * queries + query] = sum;
  }
}

// What both kernels know about their tiles.
struct Geometry {
  const unsigned char* visible; // of the sequence
  const int* reach;             // of the sequence's queries
  int queries, keys;
  float scale;

  __device__ bool sees(int query, int key) const {
    return key < reachOf(reach, query, query < queries, keys) && (!visible || visible[key]);
  }

  __device__ int end(int first, int count) const {
    return furthest(reach, first, min(count, queries - first), keys);
  }

  // p of a query and a key from their dot product. A query that sees no key has no finite logSumExp.
  __device__ float probability(int query, int key, float dot, const float* logSumExp) const {
    return sees(query, key) ? expf(dot * scale - logSumExp[query]) : 0;
  }
};

// Grid (ceil(Tq / tile), H, B), block (16, 16), shared 4 (4 tile S + 2 tile (tile + 4)) bytes with
// S = D rounded up to 4, plus 4.
template <int TILE, int LARGEST>
__device__ void backwardQuery(
    float* dq, const float* dOut, const float* q, const float* k, const float* v,
    const unsigned char* visible, const int* reach, const float* logSumExp, const float* delta,
    int queries, int keys, int heads, int kvHeads, int headSize) {
  constexpr int M = TILE / 16;
  constexpr int COLUMNS = LARGEST / 16;
  DYNAMIC_SHARED(shared);
  int size = TILE * tileStride(headSize);
  float* queryTile = shared;
  float* outTile = shared + size;
  float* keyTile = shared + 2 * size;
  float* valueTile = shared + 3 * size;
  float* ds = shared + 4 * size;

  int first = blockIdx.x * TILE;
  int group = blockIdx.y / (heads / kvHeads);
  long long queryStride = (long long)heads * headSize;
  long long keyStride = (long long)kvHeads * headSize;
  long long queryHead = blockIdx.z * queries * queryStride + blockIdx.y * headSize;
  long long keyHead = blockIdx.z * keys * keyStride + group * headSize;
  long long statistics = ((long long)blockIdx.z * heads + blockIdx.y) * queries;
  Geometry geometry = {
      visible ? visible + (long long)blockIdx.z * keys : nullptr,
      reach ? reach + (long long)blockIdx.z * queries : nullptr, queries, keys,
      1 / sqrtf((float)headSize)};
  int end = geometry.end(first, TILE);

  float sums[M][COLUMNS] = {};
  loadTile<TILE>(queryTile, q + queryHead, queryStride, first, queries, headSize);
  loadTile<TILE>(outTile, dOut + queryHead, queryStride, first, queries, headSize);
  for (int from = 0; from < end; from += TILE) {
    __syncthreads(); // all are done with the tiles before
    loadTile<TILE>(keyTile, k + keyHead, keyStride, from, end, headSize);
    loadTile<TILE>(valueTile, v + keyHead, keyStride, from, end, headSize);
    __syncthreads();
    float dots[M][M];
    float dp[M][M];
    tileDots<M>(dots, queryTile, keyTile, headSize);
    tileDots<M>(dp, outTile, valueTile, headSize);
#pragma unroll
    for (int r = 0; r < M; r++) {
      int row = threadIdx.y * M + r;
#pragma unroll
      for (int c = 0; c < M; c++) {
        int column = threadIdx.x + 16 * c;
        float p = geometry.probability(
            first + row, from + column, dots[r][c], logSumExp + statistics);
        // A row past the last has no delta either.
        ds[row * (TILE + 4) + column] =
            p == 0 ? 0 : p * (dp[r][c] - delta[statistics + first + row]) * geometry.scale;
      }
    }
    __syncthreads();
    addWeightedRows<TILE>(sums, ds, keyTile, headSize);
  }
  storeTile(dq + queryHead, queryStride, sums, first, queries, headSize);
}

// The same with the roles changed. Grid (ceil(Tk / tile), G, B), block and shared as above.
template <int TILE, int LARGEST>
__device__ void backwardKey(
    float* dk, float* dv, const float* dOut, const float* q, const float* k, const float* v,
    const unsigned char* visible, const int* reach, const float* logSumExp, const float* delta,
    int queries, int keys, int heads, int kvHeads, int headSize) {
  constexpr int M = TILE / 16;
  constexpr int COLUMNS = LARGEST / 16;
  DYNAMIC_SHARED(shared);
  int size = TILE * tileStride(headSize);
  float* keyTile = shared;
  float* valueTile = shared + size;
  float* queryTile = shared + 2 * size;
  float* outTile = shared + 3 * size;
  float* probabilities = shared + 4 * size;
  float* ds = probabilities + TILE * (TILE + 4);

  int first = blockIdx.x * TILE;
  int sharing = heads / kvHeads; // heads of this group
  long long queryStride = (long long)heads * headSize;
  long long keyStride = (long long)kvHeads * headSize;
  long long keyHead = blockIdx.z * keys * keyStride + blockIdx.y * headSize;
  Geometry geometry = {
      visible ? visible + (long long)blockIdx.z * keys : nullptr,
      reach ? reach + (long long)blockIdx.z * queries : nullptr, queries, keys,
      1 / sqrtf((float)headSize)};

  float keySums[M][COLUMNS] = {};
  float valueSums[M][COLUMNS] = {};
  loadTile<TILE>(keyTile, k + keyHead, keyStride, first, keys, headSize);
  loadTile<TILE>(valueTile, v + keyHead, keyStride, first, keys, headSize);
  for (int head = blockIdx.y * sharing; head < (int)(blockIdx.y + 1) * sharing; head++) {
    long long queryHead = blockIdx.z * queries * queryStride + head * headSize;
    long long statistics = ((long long)blockIdx.z * heads + head) * queries;
    for (int from = 0; from < queries; from += TILE) {
      if (geometry.end(from, TILE) <= first) {
        continue;
      }
      __syncthreads(); // all are done with the tiles before
      loadTile<TILE>(queryTile, q + queryHead, queryStride, from, queries, headSize);
      loadTile<TILE>(outTile, dOut + queryHead, queryStride, from, queries, headSize);
      __syncthreads();
      float dots[M][M];
      float dp[M][M];
      tileDots<M>(dots, keyTile, queryTile, headSize);
      tileDots<M>(dp, valueTile, outTile, headSize);
#pragma unroll
      for (int r = 0; r < M; r++) {
        int row = threadIdx.y * M + r;
#pragma unroll
        for (int c = 0; c < M; c++) {
          int column = threadIdx.x + 16 * c;
          float p = geometry.probability(
              from + column, first + row, dots[r][c], logSumExp + statistics);
          probabilities[row * (TILE + 4) + column] = p;
          ds[row * (TILE + 4) + column] =
              p == 0 ? 0 : p * (dp[r][c] - delta[statistics + from + column]) * geometry.scale;
        }
      }
      __syncthreads();
      addWeightedRows<TILE>(keySums, ds, queryTile, headSize);
      addWeightedRows<TILE>(valueSums, probabilities, outTile, headSize);
    }
  }
  storeTile(dk + keyHead, keyStride, keySums, first, keys, headSize);
  storeTile(dv + keyHead, keyStride, valueSums, first, keys, headSize);
}

#define KERNELS(TILE, LARGEST)                                                                     \
  extern "C" __global__ void __launch_bounds__(256) attention_backward_query_##TILE(               \
      float* dq, const float* dOut, const float* q, const float* k, const float* v,                \
      const unsigned char* visible, const int* reach, const float* logSumExp, const float* delta,  \
      int queries, int keys, int heads, int kvHeads, int headSize) {                               \
    backwardQuery<TILE, LARGEST>(                                                                  \
        dq, dOut, q, k, v, visible, reach, logSumExp, delta, queries, keys, heads, kvHeads,        \
        headSize);                                                                                 \
  }                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) attention_backward_key_##TILE(                 \
      float* dk, float* dv, const float* dOut, const float* q, const float* k, const float* v,     \
      const unsigned char* visible, const int* reach, const float* logSumExp, const float* delta,  \
      int queries, int keys, int heads, int kvHeads, int headSize) {                               \
    backwardKey<TILE, LARGEST>(                                                                    \
        dk, dv, dOut, q, k, v, visible, reach, logSumExp, delta, queries, keys, heads, kvHeads,    \
        headSize);                                                                                 \
  }

KERNELS(32, 128)
KERNELS(16, 256)
