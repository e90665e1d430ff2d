package llada.experiments;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.stream.IntStream;
import llada.kernel.Kernels;
import llada.model.LladaConfig;
import llada.model.PartialPass;
import llada.model.Predictor;
import llada.model.TokenBatch;
import llada.tensor.DType;
import llada.tensor.NativeMemory;
import llada.tensor.Tensor;

/**
 * The exact denoiser of the stories that are trained on: what each masked word is, by counting the
 * stories that agree with the others. A text that none agrees with is lost; there it answers as if
 * nothing were given.
 */
final class ExactFables implements Predictor, AutoCloseable {
  private static final float NEVER = -1e4f; // no story has it; finite, as logits have to be

  private final Arena arena = Arena.ofShared();
  private final LladaConfig config =
      SmallModel.config(new SmallModel.Shape(8, 1, 1), Fables.VOCABULARY, Fables.LENGTH);
  private final Kernels kernels;
  private final int[][] stories =
      IntStream.range(0, Fables.STORIES)
          .mapToObj(Fables::story)
          .filter(story -> !Fables.heldOut(story))
          .toArray(int[][]::new);
  private final Tensor logits;

  /** For batches of so many sequences. */
  ExactFables(Kernels kernels, int maxBatch) {
    this.kernels = kernels;
    logits =
        Tensor.allocate(arena, DType.F32, (long) maxBatch * Fables.LENGTH, config.embeddingSize());
  }

  @Override
  public LladaConfig config() {
    return config;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public Tensor forward(TokenBatch batch, int[] rows) {
    int sequence = -1;
    int[][] agreeing = stories;
    for (int r = 0; r < rows.length; r++) {
      if (rows[r] / batch.length() != sequence) {
        sequence = rows[r] / batch.length();
        agreeing = agreeing(batch.ids()[sequence]);
      }
      int[] counts = new int[config.embeddingSize()];
      for (int[] story : agreeing) {
        counts[story[rows[r] % batch.length()]]++;
      }
      for (int v = 0; v < counts.length; v++) {
        float logit = counts[v] == 0 ? NEVER : (float) Math.log(counts[v]);
        logits.set((long) r * counts.length + v, logit);
      }
    }
    return logits.rows(rows.length);
  }

  private int[][] agreeing(int[] x) {
    int mask = config.maskTokenId();
    int[] known = IntStream.range(0, x.length).filter(i -> x[i] != mask).toArray();
    int[][] found =
        Arrays.stream(stories)
            .filter(story -> Arrays.stream(known).allMatch(i -> story[i] == x[i]))
            .toArray(int[][]::new);
    return found.length == 0 ? stories : found;
  }

  @Override
  public Tensor forward(TokenBatch batch, PartialPass pass, int[] rows) {
    return forward(batch, rows); // there is nothing to keep
  }

  @Override
  public void close() {
    NativeMemory.free(arena);
  }
}
