// One step of AdamW (Loshchilov and Hutter 2019), with the roundings of llada.kernel.scalar.AdamW: the same
// gradients give the same bits as on the CPU. rest is 1 - beta, keep 1 - learning rate * decay,
// correct 1 / (1 - beta^n).
// Grid min(65535, ceil(n / 256)), block 256.
#include "block.cuh"

extern "C" __global__ void adamw(
    float* w, const float* g, float* m, float* v, long long n, float beta1, float beta2,
    float rest1, float rest2, float clip, float keep, float rate, float correct1, float correct2,
    float eps) {
  FOR_EACH_ELEMENT(i, n) {
    float gradient = __fmul_rn(clip, g[i]);
    float mean = __fadd_rn(__fmul_rn(beta1, m[i]), __fmul_rn(rest1, gradient));
    float square = __fadd_rn(
        __fmul_rn(beta2, v[i]), __fmul_rn(__fmul_rn(rest2, gradient), gradient));
    m[i] = mean;
    v[i] = square;
    float root = __fadd_rn(__fsqrt_rn(__fmul_rn(square, correct2)), eps);
    float change = __fdiv_rn(__fmul_rn(rate, __fmul_rn(mean, correct1)), root);
    w[i] = __fsub_rn(__fmul_rn(keep, w[i]), change);
  }
}
