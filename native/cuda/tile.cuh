// Tiles of attention in shared memory: rows of one head, padded to fours, read by 16 x 16 threads.
// Thread (x, y) owns rows y M .. y M + M - 1 and columns x, x + 16, ... of what it computes.
#pragma once

__device__ inline int tileStride(int headSize) { return (headSize + 3) / 4 * 4 + 4; }

// Rows first .. first + TILE - 1 of a head that has count rows; zeros below and beside.
template <int TILE>
__device__ inline void loadTile(
    float* tile, const float* head, long long rowStride, int first, int count, int headSize) {
  int stride = tileStride(headSize);
  for (int row = threadIdx.y; row < TILE; row += 16) {
    const float* from = head + (first + row) * rowStride;
    for (int i = threadIdx.x; i < stride; i += 16) {
      tile[row * stride + i] = first + row < count && i < headSize ? from[i] : 0;
    }
  }
}

// How many keys the query at this row of B Tq reaches, where it reaches not all; 0 past the last.
__device__ inline int reachOf(const int* reach, long long row, bool there, int keys) {
  return !there ? 0 : reach ? reach[row] : keys;
}

// The furthest reach of count queries from this row on. All threads of a block agree.
__device__ inline int furthest(const int* reach, long long row, int count, int keys) {
  int most = reach ? 0 : keys;
  for (int i = 0; reach && i < count; i++) {
    most = max(most, reach[row + i]);
  }
  return most;
}

// dots[r][c] = a[y M + r] . b[x + 16 c]
template <int M>
__device__ inline void tileDots(
    float (&dots)[M][M], const float* a, const float* b, int headSize) {
  int stride = tileStride(headSize);
#pragma unroll
  for (int r = 0; r < M; r++) {
#pragma unroll
    for (int c = 0; c < M; c++) {
      dots[r][c] = 0;
    }
  }
  for (int i = 0; i < headSize; i += 4) {
    float4 rows[M];
#pragma unroll
    for (int r = 0; r < M; r++) {
      rows[r] = *(const float4*)&a[(threadIdx.y * M + r) * stride + i];
    }
#pragma unroll
    for (int c = 0; c < M; c++) {
      float4 column = *(const float4*)&b[(threadIdx.x + 16 * c) * stride + i];
#pragma unroll
      for (int r = 0; r < M; r++) {
        dots[r][c] += rows[r].x * column.x + rows[r].y * column.y + rows[r].z * column.z +
                      rows[r].w * column.w;
      }
    }
  }
}

// sums[r][c] += sum_s weights[y M + r][s] * tile[s][x + 16 c], weights (TILE, TILE + 4)
template <int TILE, int M, int COLUMNS>
__device__ inline void addWeightedRows(
    float (&sums)[M][COLUMNS], const float* weights, const float* tile, int headSize) {
  int stride = tileStride(headSize);
  for (int s = 0; s < TILE; s++) {
    float w[M];
#pragma unroll
    for (int r = 0; r < M; r++) {
      w[r] = weights[(threadIdx.y * M + r) * (TILE + 4) + s];
    }
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      int i = threadIdx.x + 16 * c;
      if (i < headSize) {
        float value = tile[s * stride + i];
#pragma unroll
        for (int r = 0; r < M; r++) {
          sums[r][c] += w[r] * value;
        }
      }
    }
  }
}

// out[y M + r][x + 16 c] = sums[r][c], of the rows that there are
template <int M, int COLUMNS>
__device__ inline void storeTile(
    float* head, long long rowStride, const float (&sums)[M][COLUMNS], int first, int count,
    int headSize) {
#pragma unroll
  for (int r = 0; r < M; r++) {
    int row = first + threadIdx.y * M + r;
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      int i = threadIdx.x + 16 * c;
      if (row < count && i < headSize) {
        head[row * rowStride + i] = sums[r][c];
      }
    }
  }
}

// The largest, or the sum, over the 16 threads that share rows.
__device__ inline float rowMax(float value) {
  for (int offset = 8; offset > 0; offset /= 2) {
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  }
  return value;
}

__device__ inline float rowSum(float value) {
  for (int offset = 8; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  return value;
}
