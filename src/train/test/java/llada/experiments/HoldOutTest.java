package llada.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.diffusion.NoisyBatch;
import llada.experiments.Facts.Seen;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import llada.train.TrainingData;
import org.junit.jupiter.api.Test;

/** What experiments train on and are asked: held out by content, and without shortcuts. */
final class HoldOutTest {
  private static Set<IntArrayList> set(int[][] all) {
    return Arrays.stream(all).map(IntArrayList::wrap).collect(Collectors.toSet());
  }

  private static List<Integer> triple(int[] story) {
    return List.of(story[1], story[4], story[5]);
  }

  @Test
  void storiesAboutHeldOutTriplesAreNeverTrainedOn() {
    for (int length : new int[] {8, 16, 24, 48}) {
      int[][] seen = Fables.stories(20_000, false, length, new SplittableRandom(1));
      int[][] held = Fables.stories(2000, true, length, new SplittableRandom(2));
      Set<List<Integer>> triples = new HashSet<>();
      Set<List<Integer>> pairs = new HashSet<>();
      for (int[] story : seen) {
        triples.add(triple(story));
        for (int[] two : new int[][] {{1, 4}, {1, 5}, {4, 5}}) {
          pairs.add(List.of(two[0], story[two[0]], two[1], story[two[1]]));
        }
        assertThat(Fables.heldOut(story)).isFalse();
      }
      Set<List<Integer>> heldTriples = new HashSet<>();
      for (int[] story : held) {
        heldTriples.add(triple(story));
        assertThat(triples).doesNotContain(triple(story));
        for (int[] two : new int[][] {{1, 4}, {1, 5}, {4, 5}}) {
          assertThat(pairs).contains(List.of(two[0], story[two[0]], two[1], story[two[1]]));
        }
        assertThat(story).hasSize(length);
        assertThat(Fables.coherent(story)).isTrue();
      }
      assertThat(heldTriples).hasSize(12 * 12 * 8 / 8);
    }
  }

  @Test
  void aStoryIsCoherentOnlyWhole() {
    int[] story = Fables.stories(1, false, 48, new SplittableRandom(4))[0];
    for (int i = 0; i < story.length; i++) {
      int[] broken = story.clone();
      broken[i] = broken[i] == 3 ? 4 : 3; // a function word where none belongs
      assertThat(Fables.coherent(broken)).as("position " + i).isFalse();
    }
    int[][] twice = {story, story.clone(), new int[48]};
    assertThat(Measures.coherent(twice).successes()).isEqualTo(2);
    assertThat(Measures.distinctCoherent(twice).successes()).isEqualTo(1);
  }

  @Test
  void theExactDenoiserCounts() {
    try (Backend backend = Backends.choose("scalar", 1);
        ExactFables exact = new ExactFables(backend.kernels(), 1)) {
      int[] x = new int[Fables.LENGTH];
      Arrays.fill(x, 1, x.length, exact.config().maskTokenId());
      double[] nothing = softmax(exact.forward(TokenBatch.of(x), new int[] {1, 2}), 0);
      // 12 names, each in an eighth fewer stories, none more likely.
      assertThat(Arrays.stream(nothing).filter(p -> p > 1e-6).boxed())
          .hasSize(12)
          .allSatisfy(p -> assertThat(p).isCloseTo(1 / 12.0, within(1e-6)));
      int[] story = Fables.stories(1, false, new SplittableRandom(9))[0];
      int[] known = story.clone();
      known[1] = exact.config().maskTokenId();
      known[18] = exact.config().maskTokenId(); // both places of the name
      Tensor logits = exact.forward(TokenBatch.of(known), new int[] {1, 18});
      double[] names = softmax(logits, 0);
      long possible = Arrays.stream(names).filter(p -> p > 1e-6).count();
      assertThat(possible)
          .isBetween(10L, 11L); // colour and animal given: some triples are held out
      assertThat(names[story[1]]).isCloseTo(1.0 / possible, within(1e-6));
    }
  }

  private static double[] softmax(Tensor logits, int row) {
    int v = logits.dim(1);
    double[] p = new double[v];
    Arrays.setAll(p, i -> Math.exp(logits.get((long) row * v + i)));
    double sum = Arrays.stream(p).sum();
    Arrays.setAll(p, i -> p[i] / sum);
    return p;
  }

  @Test
  void shownValuesTellNothingByThemselves() {
    SplittableRandom random = new SplittableRandom(6);
    for (Shots task : Shots.values()) {
      int n = 4000;
      int[] place = new int[Shots.VALUES];
      for (int i = 0; i < n; i++) {
        int[] x = task.sequence(Shots.MOST, random);
        Map<Integer, Integer> shown = new HashMap<>();
        Map<Integer, Integer> values = new HashMap<>();
        for (int pair = 0; pair < Shots.MOST; pair++) {
          shown.merge(x[2 + 2 * pair], 1, Integer::sum);
          Integer other = values.put(x[1 + 2 * pair], x[2 + 2 * pair]);
          assertThat(other == null || other == x[2 + 2 * pair]).isTrue();
        }
        int last = x[x.length - 1];
        assertThat(shown).hasSize((int) Math.round(1 / task.shortcut(Shots.MOST)));
        assertThat(Set.copyOf(shown.values())).as("equally frequent").hasSize(1);
        assertThat(values).containsEntry(x[x.length - 2], last);
        List<Integer> sorted = shown.keySet().stream().sorted().toList();
        place[sorted.indexOf(last)]++;
      }
      double share = task.shortcut(Shots.MOST);
      for (int i = 0; i < Math.round(1 / share); i++) {
        assertThat((double) place[i] / n).isCloseTo(share, within(4 * Math.sqrt(share / n)));
      }
    }
  }

  @Test
  void thePredictionOfInContextLearningIsTheReviews() {
    double[] expected = {.25, .68, .25, .06, .004, .61, .125};
    Masking[] arms = {
      Masking.LLADA,
      Masking.range(0, 0.25),
      Masking.range(0.25, 0.5),
      Masking.range(0.5, 0.75),
      Masking.range(0.75, 1),
      Masking.fixed(0.15),
      Masking.fixed(0.5)
    };
    for (int i = 0; i < arms.length; i++) {
      assertThat(InContextLearning.signal(arms[i])).isCloseTo(expected[i], within(0.007));
    }
  }

  @Test
  void masksAreOfTheirRange() {
    SplittableRandom random = new SplittableRandom(8);
    int mask = 50;
    int[][] x0 = new int[64][100];
    for (int[] x : x0) {
      Arrays.setAll(x, _ -> random.nextInt(mask));
    }
    for (Masking arm : List.of(Masking.LLADA, Masking.range(0.25, 0.5), Masking.fixed(0.15))) {
      NoisyBatch noisy = arm.noise(x0, null, random, mask);
      double share = noisy.rows().length / 6400.0;
      assertThat(share).isCloseTo(arm.predicted(), within(0.03));
      for (float p : noisy.pMask()) {
        assertThat((double) p).isBetween(arm.low(), arm.high() + 1e-3);
      }
    }
    NoisyBatch bert = Masking.BERT.noise(x0, null, random, mask);
    int masked = 0;
    int kept = 0;
    for (int r = 0; r < bert.rows().length; r++) {
      int id = bert.xt().ids()[bert.rows()[r] / 100][bert.rows()[r] % 100];
      assertThat(bert.targets()[r]).isEqualTo(x0[bert.rows()[r] / 100][bert.rows()[r] % 100]);
      masked += id == mask ? 1 : 0;
      kept += id == bert.targets()[r] ? 1 : 0;
    }
    double n = bert.rows().length;
    assertThat(masked / n).isCloseTo(0.8, within(0.06));
    assertThat(kept / n).isCloseTo(0.102, within(0.05));
    assertThat(Masking.AR.noise(x0, null, random, mask).causal()).isTrue();
  }

  @Test
  void reversedFactsAreNotTrainedOn() {
    Facts facts = new Facts(Size.SMALL, 3);
    Set<IntArrayList> asked = set(facts.sentences(true, false));
    Set<IntArrayList> others = set(facts.sentences(false, false));
    SplittableRandom random = new SplittableRandom(2);
    Map<Seen, Set<IntArrayList>> seen = new HashMap<>();
    for (Seen how : Seen.values()) {
      seen.put(
          how,
          set(
              IntStream.range(0, 20_000)
                  .mapToObj(_ -> facts.sentence(how, random))
                  .toArray(int[][]::new)));
    }
    assertThat(seen.get(Seen.ONE_WAY)).doesNotContainAnyElementsOf(asked).containsAll(others);
    assertThat(seen.get(Seen.BOTH_WAYS)).containsAll(asked).containsAll(others);
    assertThat(seen.get(Seen.FORWARD))
        .doesNotContainAnyElementsOf(asked)
        .doesNotContainAnyElementsOf(others);
  }

  @Test
  void questionsAreNotTrainedOn() {
    Dialogues dialogues = Dialogues.of(Size.TINY, 1);
    Set<IntArrayList> prompts = new HashSet<>();
    for (int i = 0; i < 200; i++) {
      TrainingData.Batch batch = dialogues.unpadded().next(8, new SplittableRandom(i));
      for (int b = 0; b < batch.x0().length; b++) {
        prompts.add(IntArrayList.wrap(Arrays.copyOf(batch.x0()[b], batch.promptLengths()[b])));
      }
    }
    assertThat(dialogues.questions()).isNotEmpty();
    assertThat(dialogues.firsts()).isNotEmpty().hasSameSizeAs(dialogues.followUps());
    for (Dialogues.Pair question : dialogues.questions()) {
      assertThat(prompts).doesNotContain(IntArrayList.wrap(question.prompt()));
    }
  }

  @Test
  void textIsHeldOutInGroups() {
    RealText text = new RealText(List.<Path>of());
    int[][] held = text.heldOut(1000, 3);
    assertThat(held.length).isPositive();
    assertThat(text.pieces().size()).isGreaterThan(15 * held.length);
    assertThat(set(text.pieces().toArray(int[][]::new))).doesNotContainAnyElementsOf(set(held));
    int epoch = text.pieces().size();
    int[][] once = text.epochs(7).next(epoch, new SplittableRandom(0)).x0();
    assertThat(set(once)).isEqualTo(set(text.pieces().toArray(int[][]::new)));
  }
}
