// What a sampler asks of a row of logits l, with p = softmax(l):
//   the arg max among ids that can be chosen, and its logit
//   max, sum = sum_v exp(l[v] - max), entropy = -sum p ln p and the two largest p's difference
//   the lowest id whose logit is not finite, or -1
// Sums are in double of float32 exponentials. A block a row. Grid (R), block min(1024, V rounded up to 32).
#include "choice.cuh"

// The two largest logits. Of equal ones both count.
struct Two {
  float first, second;
};

__device__ inline Two larger(Two a, Two b) {
  return a.first > b.first ? Two{a.first, fmaxf(a.second, b.first)}
                           : Two{b.first, fmaxf(a.first, b.second)};
}

__device__ inline Two blockLargest(Two two) {
  __shared__ Two partial[32];
  for (int offset = 16; offset > 0; offset /= 2) {
    Two other;
    other.first = __shfl_xor_sync(WARP, two.first, offset);
    other.second = __shfl_xor_sync(WARP, two.second, offset);
    two = larger(two, other);
  }
  if (threadIdx.x % 32 == 0) {
    partial[threadIdx.x / 32] = two;
  }
  __syncthreads();
  Two all = partial[0];
  for (unsigned warp = 1; warp < blockDim.x / 32; warp++) {
    all = larger(all, partial[warp]);
  }
  __syncthreads();
  return all;
}

extern "C" __global__ void softmax_statistics(
    int* argMax, float* argMaxLogit, float* max, double* sum, double* entropy, double* margin,
    int* firstNonFinite, const float* logits, const unsigned char* excluded, int vocabulary) {
  const float* row = logits + (long long)blockIdx.x * vocabulary;
  Choice<float> choice = {0, -1};
  Two two = {-INFINITE, -INFINITE};
  int nonFinite = vocabulary;
  for (int id = threadIdx.x; id < vocabulary; id += blockDim.x) {
    float logit = row[id];
    if (!(fabsf(logit) < INFINITE)) {
      nonFinite = min(nonFinite, id);
    }
    if (!isExcluded(excluded, id, NOT_CHOOSABLE) && (choice.id < 0 || logit > choice.value)) {
      choice = {logit, id};
    }
    if (!isExcluded(excluded, id, NOT_COUNTED)) {
      two = larger(two, Two{logit, -INFINITE});
    }
  }
  choice = blockBest(choice);
  two = blockLargest(two);
  nonFinite = blockReduce(nonFinite, Min());

  double total = 0;
  double weighted = 0;
  for (int id = threadIdx.x; id < vocabulary; id += blockDim.x) {
    float x = row[id] - two.first;
    float e = expf(x);
    if (!isExcluded(excluded, id, NOT_COUNTED) && e > 0) {
      total += e;
      weighted += (double)e * x;
    }
  }
  total = blockSum(total);
  weighted = blockSum(weighted);
  if (threadIdx.x == 0) {
    argMax[blockIdx.x] = choice.id;
    argMaxLogit[blockIdx.x] = choice.value;
    max[blockIdx.x] = two.first;
    sum[blockIdx.x] = total;
    entropy[blockIdx.x] = log(total) - weighted / total;
    margin[blockIdx.x] = (1 - exp((double)two.second - two.first)) / total;
    firstNonFinite[blockIdx.x] = nonFinite < vocabulary ? nonFinite : -1;
  }
}
