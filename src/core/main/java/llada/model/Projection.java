package llada.model;

import java.util.Optional;
import llada.kernel.Kernels;
import llada.tensor.Tensor;

/**
 * A product with a matrix of a layer, which may have a low-rank term beside it.
 *
 * <p>The arithmetic of each product is the kernels': with W as its type and their {@link
 * llada.kernel.Precision} say, those with A and B as of float32 weights.
 */
final class Projection {
  private Projection() {}

  /**
   * out = x W^T + (x A^T) B^T.
   *
   * @param out (T, N), overwritten
   * @param x (T, K)
   */
  static void forward(Tensor out, Tensor x, BlockWeights w, Part part, Pass pass) {
    Kernels kernels = pass.kernels();
    kernels.matmul(out, x, w.get(part));
    Optional<LowRank> term = w.lowRank(part);
    if (term.isPresent()) {
      Tensor low = low(x, term.get(), pass);
      LowRank.Room room = pass.room().orElseThrow();
      Tensor delta = LowRank.Room.matrix(room.wide(), x.dim(0), out.dim(1));
      kernels.matmul(delta, low, term.get().b());
      kernels.residual(out, out, delta);
    }
  }

  /** x A^T. */
  private static Tensor low(Tensor x, LowRank term, Pass pass) {
    LowRank.Room room = pass.room().orElseThrow();
    Tensor low = LowRank.Room.matrix(room.low(), x.dim(0), term.rank());
    pass.kernels().matmul(low, x, term.a());
    return low;
  }

  /**
   * The derivative: dx = dOut W + (dOut B) A, dW += dOut^T x, dB += dOut^T (x A^T), dA += (dOut
   * B)^T x.
   *
   * @param dx (T, K), overwritten
   * @param dOut (T, N)
   * @param x (T, K)
   * @param dw has a gradient for W where W is trained, and one for the term where there is one
   */
  static void backward(
      Tensor dx, Tensor dOut, Tensor x, BlockWeights dw, BlockWeights w, Part part, Pass pass) {
    Kernels kernels = pass.kernels();
    dw.find(part).ifPresent(d -> kernels.matmulBackwardWeight(d, dOut, x));
    kernels.matmulBackwardInput(dx, dOut, w.get(part));
    Optional<LowRank> found = w.lowRank(part);
    if (found.isPresent()) {
      LowRank term = found.get();
      LowRank d = dw.lowRank(part).orElseThrow();
      LowRank.Room room = pass.room().orElseThrow();
      kernels.matmulBackwardWeight(d.b(), dOut, low(x, term, pass));
      Tensor dLow = LowRank.Room.matrix(room.dLow(), x.dim(0), term.rank());
      kernels.matmulBackwardInput(dLow, dOut, term.b());
      kernels.matmulBackwardWeight(d.a(), dLow, x);
      Tensor through = LowRank.Room.matrix(room.wide(), x.dim(0), x.dim(1));
      kernels.matmulBackwardInput(through, dLow, term.a());
      kernels.residual(dx, dx, through);
    }
  }
}
