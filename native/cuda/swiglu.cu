// out = silu(gate) * up, with silu(z) = z * s, s = 1 / (1 + exp(-z)).
// Grid min(65535, ceil(n / 256)), block 256.
#include "block.cuh"

extern "C" __global__ void swiglu(float* out, const float* gate, const float* up, long long n) {
  FOR_EACH_ELEMENT(i, n) { out[i] = gate[i] / (1 + expf(-gate[i])) * up[i]; }
}

// dUp = dOut * gate * s, dGate = dOut * up * s * (1 + gate * (1 - s)).
extern "C" __global__ void swiglu_backward(
    float* dGate, float* dUp, const float* dOut, const float* gate, const float* up, long long n) {
  FOR_EACH_ELEMENT(i, n) {
    float d = dOut[i];
    float z = gate[i];
    float other = up[i];
    float e = expf(-fabsf(z)); // of the negative side, where it cannot overflow
    float s = (z < 0 ? e : 1) / (1 + e);
    float rest = (z < 0 ? 1 : e) / (1 + e); // 1 - s, without its cancellation
    dUp[i] = z * s * d;
    dGate[i] = s * (1 + z * rest) * other * d;
  }
}
