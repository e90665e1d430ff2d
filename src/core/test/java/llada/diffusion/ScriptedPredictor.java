package llada.diffusion;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import llada.kernel.Kernels;
import llada.kernel.ScalarKernels;
import llada.model.LladaConfig;
import llada.model.PartialPass;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.DType;
import llada.tensor.Tensor;

/** Says what a test wants it to, at each position: no network. 16 tokens; 15 is M, 14 EOS. */
final class ScriptedPredictor implements Predictor {
  static final int VOCABULARY = 16;
  static final int MASK = 15;
  static final int EOS = 14;

  /** The likeliest token at a position of a sequence, and the logit by which it leads. */
  interface Script {
    /** {token, logit}. */
    double[] says(int[] x, int position);
  }

  private final Script script;
  private final Kernels kernels = new ScalarKernels();

  /** The lengths of all passes so far. */
  final List<Integer> lengths = new ArrayList<>();

  ScriptedPredictor(Script script) {
    this.script = script;
  }

  @Override
  public LladaConfig config() {
    return new LladaConfig(
        2,
        1,
        1,
        1,
        2,
        VOCABULARY,
        VOCABULARY,
        1024,
        1e4,
        1e-5,
        false,
        MASK,
        EOS,
        EOS,
        OptionalInt.empty(),
        OptionalInt.empty());
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public Tensor forward(TokenBatch batch, int[] rows) {
    lengths.add(batch.length());
    Tensor logits = Tensor.allocate(Arena.ofAuto(), DType.F32, rows.length, VOCABULARY);
    for (int r = 0; r < rows.length; r++) {
      double[] says = script.says(batch.ids()[rows[r] / batch.length()], rows[r] % batch.length());
      logits.set((long) r * VOCABULARY + (int) says[0], (float) says[1]);
    }
    return logits;
  }

  @Override
  public Tensor forward(TokenBatch batch, PartialPass pass, int[] rows) {
    return forward(batch, rows);
  }
}
