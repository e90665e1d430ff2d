package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.diffusion.cache.AdaptiveCache;
import llada.diffusion.cache.DualCache;
import llada.diffusion.commit.Prophet;
import llada.diffusion.commit.Quota;
import llada.diffusion.commit.Threshold;
import llada.model.MaskPredictor;
import llada.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What must hold for every decoder, and what each is for. */
final class DecodersTest {
  private static final Checkpoint CHECKPOINT =
      Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
  private static final Backend BACKEND = Backends.choose("vector", 1);
  private static final MaskPredictor PREDICTOR =
      new MaskPredictor(CHECKPOINT.config(), CHECKPOINT.weights(), BACKEND.kernels(), 512);

  static Stream<Decoder> everyDecoder() {
    return Stream.of("none", "prefix", "dual", "dual=2", "dkv=3", "dkv-pd=3", "dllm=8,3,0.25")
        .flatMap(
            cache ->
                Stream.of(
                        "quota",
                        "threshold=0.02",
                        "factor=3",
                        "eb=5",
                        "klass=0.01,0.5,1",
                        "remdm-cap=0.2",
                        "remdm-rescale=0.3",
                        "remdm-conf=1",
                        "remdm-loop=0.1")
                    .map(
                        rule ->
                            new Decoder(
                                DecoderText.cache(cache),
                                cache.startsWith("d") ? DType.Q8_0 : DType.F32,
                                DecoderText.commit(rule))));
  }

  private static SamplerOptions.Builder options(Decoder decoder) {
    return SamplerOptions.defaults().toBuilder().lengths(12, 12, 4).decoder(decoder);
  }

  private static SamplerOptions.Builder longer(Decoder decoder) {
    return options(decoder).lengths(24, 24, 8);
  }

  private static Generation generate(int[][] prompts, boolean[][] visible, SamplerOptions options) {
    return new DiffusionSampler(PREDICTOR, CHECKPOINT.config())
        .generate(prompts, visible, options, RandomSource.seeded(1), StepListener.NONE);
  }

  @ParameterizedTest
  @MethodSource("everyDecoder")
  void fillsEveryMaskAndABatchIsItsSequences(Decoder decoder) {
    int[][] prompts = {{5, 9, 33, 20}, {7, 4, 40, 7}};
    SamplerOptions options = options(decoder).build();
    int[][] both = generate(prompts, null, options).x();
    for (int b = 0; b < 2; b++) {
      assertThat(Arrays.copyOf(both[b], 4)).isEqualTo(prompts[b]);
      assertThat(both[b]).doesNotContain(CHECKPOINT.config().maskTokenId());
    }
    boolean drawn = DecoderText.of(decoder.commit()).startsWith("remdm"); // for each sequence
    // A refresh that counts steps from the beginning falls on other tokens when a sequence waits
    // for the rest of its batch.
    boolean counts = decoder.cache() instanceof AdaptiveCache;
    if (!drawn && !(counts && decoder.commit().adaptive())) { // drawn for each sequence
      assertThat(both[0]).isEqualTo(generate(new int[][] {prompts[0]}, null, options).x()[0]);
      assertThat(both[1]).isEqualTo(generate(new int[][] {prompts[1]}, null, options).x()[0]);
    }
  }

  /** Padding moves positions, and so changes roundings: the greedy tokens are the same. */
  @ParameterizedTest
  @ValueSource(strings = {"none", "prefix", "dual", "dkv", "dllm"})
  void paddingOnTheLeftDoesNotShow(String cache) {
    int[] prompt = {33, 20};
    SamplerOptions options =
        options(new Decoder(DecoderText.cache(cache), DType.F32, new Threshold(0.05))).build();
    int[][] padded =
        generate(
                new int[][] {{5, 9, 33, 20}, {0, 0, 33, 20}},
                new boolean[][] {{true, true, true, true}, {false, false, true, true}},
                options)
            .x();
    int[] alone = generate(new int[][] {prompt}, null, options).x()[0];
    assertThat(Arrays.copyOfRange(padded[1], 2, padded[1].length)).isEqualTo(alone);
  }

  @ParameterizedTest
  @MethodSource("everyDecoder")
  void writtenAndReadAgainADecoderIsTheSame(Decoder decoder) {
    assertThat(DecoderText.cache(DecoderText.of(decoder.cache()))).isEqualTo(decoder.cache());
    assertThat(DecoderText.commit(DecoderText.of(decoder.commit()))).isEqualTo(decoder.commit());
  }

  @Test
  void whatIsNoCacheOrRuleIsNamed() {
    assertThatThrownBy(() -> DecoderText.cache("duel"))
        .hasMessageStartingWith("'duel' is no cache; choose from none, prefix");
    assertThatThrownBy(() -> DecoderText.commit("threshold=x"))
        .hasMessageContaining("must be numbers");
    assertThatThrownBy(() -> DecoderText.cache("dual=1.5")).hasMessageContaining("whole number");
    assertThatThrownBy(() -> DecoderText.commit("eb=1,2")).hasMessageContaining("takes 1 at most");
    assertThatThrownBy(() -> options(Decoder.fast()).mode(SamplerMode.PUBLISHED).build())
        .hasMessageContaining("mode published");
    assertThatThrownBy(() -> Decoder.exact().with(new Daedal()))
        .hasMessageContaining("variable length");
  }

  // What follows scripts the model.

  private static Generation scripted(
      ScriptedPredictor predictor, int[][] prompts, SamplerOptions options, List<Integer> counts) {
    return new DiffusionSampler(predictor, predictor.config())
        .generate(
            prompts,
            null,
            options,
            RandomSource.seeded(1),
            step -> counts.add(step.revealed()[0].length));
  }

  @Test
  void prophetFillsEverythingOnceTheModelIsSure() {
    // The lead grows with what is filled: 4 is not enough at first, and is from a third on: 5.
    ScriptedPredictor predictor =
        new ScriptedPredictor(
            (x, position) ->
                new double[] {
                  position % 5, Arrays.stream(x).filter(t -> t != 15).count() < 9 ? 4 : 6
                });
    List<Integer> counts = new ArrayList<>();
    Generation generation =
        scripted(
            predictor,
            new int[][] {{1}},
            longer(Decoder.exact().with(new Prophet(new Quota()))).build(),
            counts);
    // 8 one by one, of 24; then all 16 that are left, over two blocks.
    assertThat(counts).containsExactly(1, 1, 1, 1, 1, 1, 1, 1, 16);
    assertThat(generation.answer(0)).doesNotContain(ScriptedPredictor.MASK);
    assertThat(generation.answer(0)[23]).isEqualTo(24 % 5);
  }

  @Test
  void eachSequenceOfABatchStopsAtItsOwnEnd() {
    ScriptedPredictor predictor =
        new ScriptedPredictor(
            (x, position) ->
                new double[] {x[0] == position ? ScriptedPredictor.EOS : 3, 20 - position / 10.0});
    Generation generation =
        scripted(
            predictor,
            new int[][] {{4}, {11}},
            longer(Decoder.exact()).stopAtEos(true).build(),
            new ArrayList<>());
    for (int b = 0; b < 2; b++) {
      int end = b == 0 ? 3 : 10; // of the answer, which begins at position 1
      int[] answer = generation.answer(b);
      assertThat(Arrays.copyOf(answer, end)).containsOnly(3);
      assertThat(Arrays.copyOfRange(answer, end, 24)).containsOnly(ScriptedPredictor.EOS);
    }
    assertThat(generation.steps()).isEqualTo(11);
  }

  @Test
  void daedalFindsTheLength() {
    // The model wants 40 tokens and then EOS; what it cannot place it is unsure of.
    ScriptedPredictor predictor =
        new ScriptedPredictor(
            (x, position) ->
                position > 40 ? new double[] {ScriptedPredictor.EOS, 20} : new double[] {3, 20});
    Daedal daedal = new Daedal(16, 8, 0.49, 4, 0.1, 0.9);
    Generation generation =
        scripted(
            predictor,
            new int[][] {{1}, {2}},
            SamplerOptions.defaults().toBuilder()
                .lengths(64, 64, 8)
                .decoder(Decoder.fast().with(daedal))
                .build(),
            new ArrayList<>());
    // Of 1 + 44 positions 41 to 44 say EOS: half of the window of 8.
    assertThat(generation.answer(0)).hasSize(44);
    assertThat(Arrays.copyOf(generation.answer(1), 40)).containsOnly(3);
    assertThat(Arrays.copyOfRange(generation.answer(1), 40, 44))
        .containsOnly(ScriptedPredictor.EOS);
    assertThat(predictor.lengths).startsWith(17, 21, 25, 29, 33, 37, 41, 45, 45);
  }

  @Test
  void daedalMakesRoomWhereTheModelIsUnsure() {
    // Position 3 is unsure as long as there are fewer than 24 tokens; the end is never seen.
    ScriptedPredictor predictor =
        new ScriptedPredictor(
            (x, position) -> new double[] {3, position == 3 && x.length < 25 ? 0.01 : 20});
    Daedal daedal = new Daedal(16, 8, 0, 5, 0.1, 0.9);
    Generation generation =
        scripted(
            predictor,
            new int[][] {{1}},
            SamplerOptions.defaults().toBuilder()
                .lengths(64, 64, 8)
                .decoder(Decoder.exact().with(new Threshold(0.9)).with(daedal))
                .build(),
            new ArrayList<>());
    assertThat(generation.answer(0)).hasSize(24).containsOnly(3); // 16, and twice 5 - 1
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void noNgramIsSaidTwice(int n) {
    // Left to itself the model says 3 for ever; each other token is less likely than the one
    // before.
    ScriptedPredictor predictor = new ScriptedPredictor((x, position) -> new double[] {3, 5});
    Decoder decoder =
        new Decoder(
            new DualCache(), DType.F32, new Threshold(0.3), new Repetition(1, n), Optional.empty());
    SamplerOptions options =
        SamplerOptions.defaults().toBuilder().lengths(12, 12, 6).decoder(decoder).build();
    int[] answer =
        scripted(predictor, new int[][] {{3, 3, 3}}, options, new ArrayList<>()).answer(0);
    assertThat(answer).doesNotContain(ScriptedPredictor.MASK);
    List<List<Integer>> seen = new ArrayList<>();
    for (int i = 0; i + n <= answer.length; i++) {
      List<Integer> gram = Arrays.stream(answer, i, i + n).boxed().toList();
      if (!gram.contains(ScriptedPredictor.EOS)) {
        assertThat(seen).doesNotContain(gram);
      }
      seen.add(gram);
    }
  }

  @Test
  void thePenaltyPrefersWhatWasNotSaid() {
    ScriptedPredictor predictor = new ScriptedPredictor((x, position) -> new double[] {3, 5});
    SamplerOptions.Builder options =
        SamplerOptions.defaults().toBuilder()
            .lengths(40, 40, 40)
            .temperature(1)
            .remasking(Remasking.RANDOM); // the surest first would be the same token always
    int plain = count(scripted(predictor, new int[][] {{1}}, options.build(), new ArrayList<>()));
    Decoder decoder =
        new Decoder(
            Decoder.exact().cache(),
            DType.F32,
            new Quota(),
            new Repetition(3, 0),
            Optional.empty());
    int penalised =
        count(
            scripted(
                predictor, new int[][] {{1}}, options.decoder(decoder).build(), new ArrayList<>()));
    assertThat(penalised).isLessThan(plain / 2);
  }

  private static int count(Generation generation) {
    return (int) Arrays.stream(generation.answer(0)).filter(token -> token == 3).count();
  }

  @Test
  void remdmTakesBackAndFillsAgain() {
    ScriptedPredictor predictor = new ScriptedPredictor((x, position) -> new double[] {3, 5});
    List<Integer> counts = new ArrayList<>();
    Generation generation =
        scripted(
            predictor,
            new int[][] {{1}},
            SamplerOptions.defaults().toBuilder()
                .lengths(64, 16, 16)
                .decoder(Decoder.exact().with(DecoderText.commit("remdm-rescale=0.5")))
                .build(),
            counts);
    assertThat(generation.answer(0)).containsOnly(3);
    assertThat(counts).hasSize(64);
    assertThat(counts.stream().mapToInt(i -> i).sum()).isGreaterThan(16);
  }
}
