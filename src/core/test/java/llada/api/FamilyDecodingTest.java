package llada.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import llada.Golden;
import llada.GoldenFolders;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.diffusion.BlockOptions;
import llada.diffusion.Daedal;
import llada.diffusion.Decoder;
import llada.diffusion.Generation;
import llada.diffusion.LikelihoodEstimator;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.LogLikelihood;
import llada.diffusion.MaskDraws;
import llada.diffusion.RandomSource;
import llada.diffusion.Remasking;
import llada.diffusion.Repetition;
import llada.diffusion.ReverseProcess;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import llada.diffusion.cache.PrefixCache;
import llada.diffusion.commit.Factor;
import llada.diffusion.commit.Threshold;
import llada.format.Json;
import llada.kernel.Precision;
import llada.model.Architecture;
import llada.tokenizer.ChatTemplate.Message;
import org.junit.jupiter.api.Test;

/** The front door over models that write block by block, and from left to right. */
final class FamilyDecodingTest {
  private static Llada llada2() {
    return Llada.open(GoldenFolders.example(Architecture.LLADA2));
  }

  private interface Use {
    void of(Engine engine);
  }

  private static void onEngine(Architecture kind, Use use) {
    try (Checkpoint model = Checkpoint.open(GoldenFolders.example(kind));
        Backend backend = Backends.choose("auto", 2, Precision.EXACT);
        Engine engine = new Engine(model.config(), model.weights(), backend.kernels())) {
      use.of(engine);
    }
  }

  @Test
  void blocksAreRequested() {
    try (Llada llada = llada2()) {
      Request request =
          Request.of(new int[] {5, 6, 7})
              .length(20)
              .block(4)
              .threshold(0.3)
              .editing(0.2)
              .temperature(0.7)
              .topK(40)
              .topP(0.9)
              .seed(3);
      BlockOptions blocks = BlockOptions.DEFAULT.withBlockLength(4).withThreshold(0.3).edited(0.2);
      SamplerOptions options =
          SamplerOptions.defaults().toBuilder()
              .lengths(20, 20, 4)
              .temperature(0.7)
              .topK(40)
              .topP(0.9)
              .stopAtEos(true)
              .decoder(Decoder.exact().with(blocks))
              .build();
      Generation wanted =
          llada.engine().generate(new int[] {5, 6, 7}, options, 3, StepListener.NONE);
      Answer answer = llada.generate(request);
      assertThat(answer.tokens()).isEqualTo(wanted.answer(0));
      List<Step> steps = new ArrayList<>();
      Request watched =
          request.onStep(
              step -> {
                steps.add(step);
                return Next.CONTINUE;
              });
      assertThat(llada.generate(watched).tokens()).isEqualTo(answer.tokens());
      assertThat(steps).hasSize(answer.figures().steps());
      // The presets of other models mean this one's own decoder.
      Request plain = Request.of(new int[] {5, 6, 7}).length(12).block(4);
      assertThat(llada.generate(plain.fast()).tokens())
          .isEqualTo(llada.generate(plain.exact()).tokens())
          .isEqualTo(llada.generate(plain).tokens());
      assertThat(llada.generate(plain).figures().positions()).isLessThan(12 * 15);
    }
  }

  @Test
  void answersShareTheirPasses() {
    try (Llada llada = llada2()) {
      List<Request> requests = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        Request request = Request.of(new int[] {5 + i, 6, 7, 40 + i}).length(8 + i).threshold(0.2);
        requests.add(i % 2 == 0 ? request : request.editing(0.1).temperature(0.5).seed(i));
      }
      List<int[]> together = llada.generate(requests).stream().map(Answer::tokens).toList();
      List<int[]> alone = requests.stream().map(r -> llada.generate(r).tokens()).toList();
      for (int i = 0; i < alone.size(); i++) {
        assertThat(together.get(i)).isEqualTo(alone.get(i));
      }
    }
  }

  @Test
  void whatAModelCannotServeIsRefused() {
    Map<String, UnaryOperator<SamplerOptions.Builder>> wrong =
        Map.of(
            "cfg_scale is 1.5",
            o -> o.cfgScale(1.5),
            "remasking is random",
            o -> o.remasking(Remasking.RANDOM),
            "confidence_eos_eot_inf is on",
            o -> o.confidenceEosEotInf(true),
            "steps is 4 for 8 tokens",
            o -> o.lengths(4, 8, 8),
            "the cache prefix",
            o -> o.decoder(Decoder.exact().with(new PrefixCache())),
            "the commit rule is factor=1",
            o -> o.decoder(Decoder.exact().with(new Factor(1))),
            "the length of the answer is variable",
            o -> o.decoder(Decoder.fast().with(new Daedal())),
            "repetition control is on",
            o ->
                o.decoder(
                    new Decoder(
                        Decoder.exact().cache(),
                        Decoder.exact().cacheType(),
                        new Threshold(Threshold.TAU),
                        new Repetition(1.2, 0),
                        java.util.Optional.empty())));
    for (Architecture kind : List.of(Architecture.LLADA2, Architecture.LLAMA)) {
      onEngine(
          kind,
          engine -> {
            SamplerOptions.Builder plain = SamplerOptions.defaults().toBuilder();
            wrong.forEach(
                (message, change) ->
                    assertThatThrownBy(
                            () -> {
                              SamplerOptions options =
                                  change.apply(plain.build().toBuilder().lengths(8, 8, 8)).build();
                              engine.start(new int[] {5}, options, 0);
                            })
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining(message)
                        .hasMessageContaining("this model writes"));
          });
    }
    onEngine(
        Architecture.LLAMA,
        engine ->
            assertThatThrownBy(
                    () ->
                        engine.start(
                            new int[] {5},
                            SamplerOptions.defaults().toBuilder()
                                .decoder(Decoder.exact().with(BlockOptions.SPEED))
                                .build(),
                            0))
                .hasMessageContaining("threshold 0.5 is of blocks")
                .hasMessageContaining("from left to right"));
    onEngine(
        Architecture.LLADA_MOE,
        engine ->
            assertThatThrownBy(
                    () ->
                        engine.start(
                            new int[] {5},
                            SamplerOptions.defaults().toBuilder()
                                .decoder(Decoder.exact().with(BlockOptions.QUALITY))
                                .build(),
                            0))
                .hasMessageContaining("threshold 0.7 is of blocks")
                .hasMessageContaining("in any order"));
    try (Llada llada = llada2()) {
      assertThatThrownBy(
              () ->
                  llada.generate(Request.of(new int[] {5}).sampler(options -> options.cfgScale(2))))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("cfg_scale is 2.0")
          .hasMessageContaining("block by block");
      assertThatThrownBy(() -> llada.infill("a {4} b"))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("does not see what is behind");
      assertThatThrownBy(() -> llada.score("a", "b"))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("block by block");
    }
  }

  @Test
  @SuppressWarnings("try") // closing early is what is tested
  void aConversationAnswersAsIfItKeptNothing() {
    UnaryOperator<Request> wishes =
        request -> request.length(12).block(4).threshold(0.2).editing(0.3).seed(5);
    try (Llada llada = llada2();
        Chat chat = llada.rawConversation()) {
      List<Message> said = new ArrayList<>();
      long saved = 0;
      for (String text : List.of("What is a mask? ", "And then? ", "Why? ")) {
        said.add(new Message("user", text));
        Answer wanted = llada.generate(wishes.apply(Request.of(said).raw()));
        Answer answer = chat.say(text, wishes);
        assertThat(answer.tokens()).isEqualTo(wanted.tokens());
        assertThat(answer.text()).isEqualTo(wanted.text());
        saved += wanted.figures().positions() - answer.figures().positions();
        said.add(new Message("assistant", answer.text()));
      }
      assertThat(saved).isPositive();
      chat.close();
      said.add(new Message("user", "So? "));
      assertThat(chat.say("So? ", wishes).tokens())
          .isEqualTo(llada.generate(wishes.apply(Request.of(said).raw())).tokens());
    }
  }

  @Test
  void theLikelihoodFromLeftToRightIsExact() {
    Path folder = GoldenFolders.example(Architecture.LLAMA);
    onEngine(
        Architecture.LLAMA,
        engine -> {
          for (Path file : GoldenFolders.files(folder, "golden/generate/*.json")) {
            Json golden = Golden.json(file);
            int[] prompt = ints(golden.get("prompt"));
            int[] answer = ints(golden.get("output"));
            double wanted =
                golden.get("steps").list().stream()
                    .mapToDouble(step -> Math.log(step.get("p").number()))
                    .sum();
            engine.with(
                prompt.length + answer.length,
                predictor -> {
                  LikelihoodEstimator estimator =
                      new LikelihoodEstimator(
                          predictor,
                          engine.config(),
                          LikelihoodOptions.DEFAULT,
                          MaskDraws.seeded(0));
                  LogLikelihood found = estimator.estimate(prompt, answer);
                  assertThat(found.value()).isCloseTo(wanted, within(1e-3));
                  assertThat(found.standardError()).isZero();
                  assertThat(found.forwardPasses()).isEqualTo(1);
                  assertThat(estimator.isGreedy(prompt, answer)).isTrue();
                  answer[3]++;
                  assertThat(estimator.isGreedy(prompt, answer)).isFalse();
                  assertThat(estimator.estimate(prompt, answer).value()).isLessThan(wanted);
                  return null;
                });
          }
        });
  }

  @Test
  void aBatchIsAnsweredOneByOne() {
    for (Architecture kind : List.of(Architecture.LLADA2, Architecture.LLAMA)) {
      onEngine(
          kind,
          engine -> {
            SamplerOptions options =
                SamplerOptions.defaults().toBuilder().lengths(10, 10, 10).build();
            int pad = engine.config().padTokenId();
            int[][] prompts = {{pad, 5, 6}, {7, 8, 9}};
            boolean[][] visible = {{false, true, true}, {true, true, true}};
            Generation both =
                engine.generate(
                    prompts, visible, options, RandomSource.seeded(0), StepListener.NONE);
            int[] first =
                engine.generate(new int[] {5, 6}, options, 0, StepListener.NONE).answer(0);
            int[] second =
                engine.generate(new int[] {7, 8, 9}, options, 0, StepListener.NONE).answer(0);
            assertThat(both.answer(0)).startsWith(first);
            assertThat(both.answer(1)).startsWith(second);
            assertThatThrownBy(
                    () -> engine.start(prompts, visible, options, RandomSource.seeded(0)))
                .hasMessageContaining("start a generation for each");
          });
    }
  }

  @Test
  void tokensAreSteppedTogether() {
    onEngine(
        Architecture.LLAMA,
        engine -> {
          SamplerOptions options =
              SamplerOptions.defaults().toBuilder().lengths(9, 9, 9).temperature(0.8).build();
          List<int[]> alone = new ArrayList<>();
          List<ReverseProcess> together = new ArrayList<>();
          for (int i = 0; i < 4; i++) {
            int[] prompt = {5 + i, 6, 7};
            alone.add(engine.generate(prompt, options, i, StepListener.NONE).answer(0));
            together.add(engine.start(prompt, options, i));
          }
          while (together.stream().anyMatch(p -> !p.done())) {
            engine.step(together.stream().filter(p -> !p.done()).toList());
          }
          for (int i = 0; i < 4; i++) {
            assertThat(together.get(i).generation().answer(0)).isEqualTo(alone.get(i));
            together.get(i).close();
          }
        });
  }

  private static int[] ints(Json json) {
    return json.list().stream().mapToInt(j -> (int) j.integer()).toArray();
  }
}
