// losses[r] = weights[r] * (ln sum_v exp(logits[r, v]) - logits[r, targets[r]]), in double of float32
// exponentials. A NaN or +infinity in a row makes its loss NaN, a target of -infinity infinity.
// A block a row. Grid (R), block min(1024, V rounded up to 32).
#include "block.cuh"

struct Softmax {
  float max;
  double sum;
};

__device__ inline Softmax softmax(const float* row, int vocabulary) {
  float max = -INFINITE;
  int nan = 0;
  for (int id = threadIdx.x; id < vocabulary; id += blockDim.x) {
    max = fmaxf(max, row[id]); // which passes over NaN
    nan |= row[id] != row[id];
  }
  max = blockReduce(max, Max());
  if (__syncthreads_or(nan)) {
    max = NOT_A_NUMBER;
  }
  double sum = 0;
  for (int id = threadIdx.x; id < vocabulary; id += blockDim.x) {
    sum += expf(row[id] - max);
  }
  return {max, blockSum(sum)};
}

__device__ inline double loss(Softmax softmax, float target, double weight) {
  return weight * (softmax.max - (double)target + log(softmax.sum));
}

extern "C" __global__ void masked_cross_entropy(
    double* losses, const float* logits, const int* targets, const double* weights,
    int vocabulary) {
  const float* row = logits + (long long)blockIdx.x * vocabulary;
  Softmax p = softmax(row, vocabulary);
  if (threadIdx.x == 0) {
    losses[blockIdx.x] = loss(p, row[targets[blockIdx.x]], weights[blockIdx.x]);
  }
}

// The loss as well, and in place of the logits dLogits[r, v] = weights[r] * (p[v] - [v = target]).
extern "C" __global__ void masked_cross_entropy_backward(
    double* losses, float* logits, const int* targets, const double* weights, int vocabulary) {
  float* row = logits + (long long)blockIdx.x * vocabulary;
  int target = targets[blockIdx.x];
  double weight = weights[blockIdx.x];
  Softmax p = softmax(row, vocabulary);
  if (threadIdx.x == 0) {
    losses[blockIdx.x] = loss(p, row[target], weight);
  }
  __syncthreads(); // the target's logit has been read
  float scale = (float)(weight / p.sum);
  double inverse = 1 / p.sum;
  for (int id = threadIdx.x; id < vocabulary; id += blockDim.x) {
    float e = expf(row[id] - p.max);
    row[id] = id == target ? (float)(weight * (e * inverse - 1)) : e * scale;
  }
}
