// dTable[ids[t]] += dOut[t], in the order of t. The block of an id's first token adds up all of its
// tokens, so no two blocks write the same row and no atomics are needed.
// Grid (T), block 256.
#include "block.cuh"

extern "C" __global__ void embedding_backward(
    float* dTable, const int* ids, const float* dOut, int tokens, int channels) {
  __shared__ unsigned same[32]; // bit l of word w: thread 32 w + l saw the id
  int id = ids[blockIdx.x];
  int earlier = 0;
  for (int t = threadIdx.x; t < (int)blockIdx.x; t += blockDim.x) {
    earlier |= ids[t] == id;
  }
  if (__syncthreads_or(earlier)) {
    return;
  }
  float* row = dTable + (long long)id * channels;
  for (int from = blockIdx.x; from < tokens; from += blockDim.x) {
    int t = from + threadIdx.x;
    unsigned bits = __ballot_sync(WARP, t < tokens && ids[t] == id);
    if (threadIdx.x % 32 == 0) {
      same[threadIdx.x / 32] = bits;
    }
    __syncthreads();
    for (unsigned word = 0; word < blockDim.x / 32; word++) {
      for (unsigned left = same[word]; left != 0; left &= left - 1) {
        long long token = from + 32 * word + __ffs((int)left) - 1;
        for (int i = threadIdx.x; i < channels; i += blockDim.x) {
          row[i] += dOut[token * channels + i];
        }
      }
    }
    __syncthreads();
  }
}
