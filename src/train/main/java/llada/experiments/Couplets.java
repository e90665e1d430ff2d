package llada.experiments;

import it.unimi.dsi.fastutil.ints.Int2IntLinkedOpenHashMap;
import it.unimi.dsi.fastutil.ints.Int2IntMap;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import llada.diffusion.Objective;
import llada.diffusion.RandomSource;
import llada.diffusion.SamplerOptions;
import llada.format.FormatException;
import llada.format.Json;
import llada.train.TrainingData;

/** Couplets as sequences of characters: BOS, the first line, a break, the second line. */
final class Couplets {
  private static final int MOST_BYTES = 16 << 20;
  private static final int BOS = 0;
  private static final int BREAK = 1;

  private final List<int[][]> couplets; // first and second line
  private final List<List<int[][]>> byLengths;
  private final int characters;

  private Couplets(List<int[][]> couplets, int characters) {
    this.couplets = couplets;
    this.characters = characters;
    Map<List<Integer>, List<int[][]>> groups = new LinkedHashMap<>();
    for (int[][] couplet : couplets) {
      groups
          .computeIfAbsent(List.of(couplet[0].length, couplet[1].length), _ -> new ArrayList<>())
          .add(couplet);
    }
    byLengths = List.copyOf(groups.values());
  }

  /**
   * The first ones of a JSON file, a list of objects with "first" and "second".
   *
   * @throws FormatException if it is no such file
   */
  static Couplets read(Path file, int most) {
    List<Json> all = Json.read(file, MOST_BYTES).list();
    if (all.isEmpty()) {
      throw new FormatException(file + ": holds no couplet");
    }
    Int2IntMap ids = new Int2IntLinkedOpenHashMap();
    List<int[][]> couplets = new ArrayList<>();
    for (Json couplet : all.subList(0, Math.min(most, all.size()))) {
      int[] first = encode(couplet.get("first"), ids);
      couplets.add(new int[][] {first, encode(couplet.get("second"), ids)});
    }
    return new Couplets(couplets, ids.size());
  }

  private static int[] encode(Json line, Int2IntMap ids) {
    int[] characters =
        line.string().codePoints().map(c -> ids.computeIfAbsent(c, _ -> 2 + ids.size())).toArray();
    if (characters.length == 0) {
      throw new FormatException(line.where() + ": is empty; a line of a poem is expected");
    }
    return characters;
  }

  SmallModel.Vocabulary vocabulary() {
    return new SmallModel.Vocabulary(2 + characters + 1, BOS);
  }

  int maxLength() {
    return couplets.stream()
        .mapToInt(c -> 2 + Math.max(c[0].length, c[1].length) * 2)
        .max()
        .orElse(2);
  }

  /** Couplets of the same lengths, in forward order. */
  TrainingData.Batch batch(int count, SplittableRandom random) {
    // A random couplet decides on the lengths, so that all couplets come equally often.
    int[][] one = couplets.get(random.nextInt(couplets.size()));
    List<int[][]> group =
        byLengths.stream()
            .filter(
                g ->
                    g.getFirst()[0].length == one[0].length
                        && g.getFirst()[1].length == one[1].length)
            .findFirst()
            .orElseThrow();
    int[][] x0 = new int[count][];
    for (int b = 0; b < count; b++) {
      int[][] couplet = group.get(random.nextInt(group.size()));
      x0[b] = sequence(couplet[0], couplet[1]);
    }
    return SmallModel.Source.batch(x0, 1);
  }

  private static int[] sequence(int[] first, int[] second) {
    int[] x = new int[2 + first.length + second.length];
    x[0] = BOS;
    System.arraycopy(first, 0, x, 1, first.length);
    x[1 + first.length] = BREAK;
    System.arraycopy(second, 0, x, 2 + first.length, second.length);
    return x;
  }

  /** The share of couplets whose second line is written, given the first. */
  double forward(SmallModel model) {
    return (double) couplets.stream().filter(c -> next(model, c[0], c[1])).count()
        / couplets.size();
  }

  /** Whether {@code answer} is what is written after {@code prompt} and a break. */
  private static boolean next(SmallModel model, int[] prompt, int[] answer) {
    int[] given = Arrays.copyOf(sequence(prompt, new int[0]), prompt.length + 2);
    SamplerOptions greedy =
        SamplerOptions.defaults().toBuilder()
            .lengths(answer.length, answer.length, answer.length)
            .build();
    int[] said = model.generate(new int[][] {given}, greedy, RandomSource.seeded(0))[0];
    return Arrays.equals(said, answer);
  }

  /**
   * The share of couplets whose first line is found, given the second: filled in before it, or by
   * the autoregressive model written after it.
   */
  double backward(SmallModel model) {
    double right = 0;
    for (int[][] couplet : couplets) {
      if (model.objective() == Objective.AR) {
        right += next(model, couplet[1], couplet[0]) ? 1 : 0;
        continue;
      }
      int[] x = sequence(couplet[0], couplet[1]);
      int[] masked = x.clone();
      Arrays.fill(masked, 1, 1 + couplet[0].length, model.mask());
      right += Arrays.equals(model.infill(masked), x) ? 1 : 0;
    }
    return right / couplets.size();
  }
}
