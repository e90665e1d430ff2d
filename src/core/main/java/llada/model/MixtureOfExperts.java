package llada.model;

import llada.kernel.Kernels;
import llada.kernel.scalar.Route;
import llada.tensor.Tensor;

/**
 * The second half of a layer with experts: a router sends each token to k of E small feed-forwards,
 * and all of them to a shared one where there is one (FAMILIES: LLaDA-MoE, LLaDA2).
 */
final class MixtureOfExperts {
  private MixtureOfExperts() {}

  /**
   * delta = sum_j weight_j expert_j(h) + shared(h), with h = {@code a.normed()}. Tokens are sorted
   * by expert, so that the weights of each expert are read once.
   */
  static void forward(Activations a, BlockWeights w, Pass pass, int layer) {
    Kernels kernels = pass.kernels();
    ExpertBuffers buffers = a.experts().orElseThrow();
    FeedForwardConfig.Experts config = (FeedForwardConfig.Experts) pass.config().feedForward(layer);
    int tokens = a.normed().dim(0);
    int n = tokens * config.perToken();
    Tensor logits = buffers.logits().rows(tokens);
    kernels.matmul(logits, a.normed(), w.find(Part.ROUTER).orElseThrow());
    pass.probe().see(layer, "router_logits", logits);
    int[] experts = new int[n];
    float[] weights = new float[n];
    Tensor bias = w.find(Part.ROUTER_BIAS).orElse(Route.NO_BIAS);
    kernels.route(experts, weights, logits, bias, config.perToken(), config.router());
    pass.probe().routed(layer, experts, weights);
    buffers.order().sort(experts, config.perToken());
    int[] offsets = buffers.order().offsets();
    Tensor rows = buffers.rows().rows(n);
    Tensor gate = buffers.gate().rows(n);
    Tensor up = buffers.up().rows(n);
    kernels.embedding(rows, buffers.order().tokens(), a.normed());
    kernels.expertMatmul(gate, rows, w.experts(Part.EXPERT_GATE), offsets);
    kernels.expertMatmul(up, rows, w.experts(Part.EXPERT_UP), offsets);
    kernels.swiGlu(gate, gate, up);
    kernels.expertMatmul(rows, gate, w.experts(Part.EXPERT_OUT), offsets);
    kernels.combine(a.delta(), rows, buffers.order().places(), weights);
    if (config.sharedHidden() > 0) {
      Tensor shared = buffers.shared().rows(tokens);
      GatedUnit.forward(shared, a, w, Part.SHARED_OUT, pass);
      pass.probe().see(layer, "shared_out", shared);
      kernels.residual(a.delta(), a.delta(), shared);
    }
  }
}
