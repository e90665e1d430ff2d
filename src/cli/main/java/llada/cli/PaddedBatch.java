package llada.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import llada.diffusion.Generation;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;

/** Several prompts at once: shorter ones are padded on the left, and nobody looks at padding. */
final class PaddedBatch {
  private PaddedBatch() {}

  /**
   * Generates an answer for each prompt.
   *
   * @param seeds one for each; an answer does not depend on the prompts beside it
   */
  static List<Answer> generate(
      Session session, List<int[]> prompts, SamplerOptions options, long[] seeds) {
    int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElse(0);
    int[][] ids = new int[prompts.size()][longest];
    boolean[][] visible = new boolean[prompts.size()][longest];
    int[] padding = new int[prompts.size()];
    boolean padded = false;
    for (int b = 0; b < ids.length; b++) {
      int[] prompt = prompts.get(b);
      padding[b] = longest - prompt.length;
      padded |= padding[b] > 0;
      Arrays.fill(ids[b], 0, padding[b], session.config().padTokenId());
      System.arraycopy(prompt, 0, ids[b], padding[b], prompt.length);
      Arrays.fill(visible[b], padding[b], longest, true);
    }
    Generation generation =
        session.generate(
            ids,
            padded ? visible : null,
            options,
            RandomSource.perSequence(seeds, padding),
            StepListener.NONE);
    List<Answer> answers = new ArrayList<>();
    for (int b = 0; b < ids.length; b++) {
      answers.add(Answer.of(generation, b, session));
    }
    return answers;
  }
}
