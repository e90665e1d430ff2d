package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import llada.diffusion.Objective;
import llada.diffusion.SettingException;
import llada.train.TrainingConfig.Extent;
import llada.train.TrainingConfig.HeldOut;
import llada.train.TrainingConfig.Masking;
import llada.train.TrainingConfig.Optimizer;
import llada.train.TrainingConfig.Shape;
import llada.train.TrainingConfig.Start;
import llada.train.TrainingConfig.Task;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A configuration is checked when it is built, and the same after it was text. */
class TrainingConfigTest {
  private static final Path MODEL = Path.of("/models/base");
  private static final Shape SHAPE = new Shape(32, 1, 4, 2, 40, 64, true);

  private static TrainingConfig config(Task task, LearningRate rate, Start start) {
    return new TrainingConfig(
        task,
        new Extent(70, 3, 2, 16),
        new Masking(Objective.MASKGIT, 1e-4, true),
        new Optimizer(rate, new AdamW.Options(0.8, 0.9, 1e-8, 0.05, true, 0), 0.99),
        new HeldOut(0.25, 5),
        start,
        -9);
  }

  static final List<TrainingConfig> ALL =
      List.of(
          config(
              new Task.Pretraining(0.3),
              new LearningRate.WarmupStableDecay(1e-3, 1e-5, 4, 0.2),
              new Start.NewModel(SHAPE, OptionalInt.of(300))),
          config(
              new Task.FineTuning(0.1, true, Chats.Turns.LAST),
              new LearningRate.Cosine(1e-3, 0, 0),
              new Start.GivenModel(MODEL)),
          config(
              new Task.FineTuning(0, false, Chats.Turns.ALL),
              new LearningRate.Constant(0.1 + 0.2, 7),
              new Start.Adapters(MODEL, 4, 12.5, Set.of("v_proj", "ff_out"))),
          config(
              new Task.Pretraining(0),
              new LearningRate.Constant(1, 0),
              new Start.NewModel(SHAPE, OptionalInt.empty())));

  @Test
  void isTheSameAfterItWasText() {
    for (TrainingConfig config : ALL) {
      assertThat(TrainingConfig.of(config.settings())).isEqualTo(config);
      assertThatCode(() -> config.requireSame(config, MODEL)).doesNotThrowAnyException();
    }
  }

  @Test
  void everySettingThatDiffersIsNamed() {
    Map<String, String> changed = ALL.getFirst().settings();
    changed.put("learning rate", "0.002");
    changed.put("vocabulary", "400");
    assertThatThrownBy(() -> ALL.getFirst().requireSame(TrainingConfig.of(changed), MODEL))
        .isInstanceOf(ResumeException.class)
        .hasMessage(
            "/models/base: learning rate: the run has 0.001, asked was 0.002; vocabulary: the run"
                + " has 300, asked was 400; ask for the same to go on with the run, or choose"
                + " another output folder");
    assertThatThrownBy(() -> ALL.get(1).requireSame(ALL.get(2), MODEL))
        .hasMessageContaining("skip long: the run has true, asked was false")
        .hasMessageContaining("turns: the run has last, asked was all")
        .hasMessageContaining("last learning rate: the run has 0.0, asked was none")
        .hasMessageContaining("lora rank: the run has none, asked was 4")
        .hasMessageNotContaining("held-out");
    // A model that was moved is the same model: what is adapted is compared by its content.
    changed.clear();
    changed.putAll(ALL.get(1).settings());
    changed.put("model", "/elsewhere");
    assertThatCode(() -> ALL.get(1).requireSame(TrainingConfig.of(changed), MODEL))
        .doesNotThrowAnyException();
  }

  /** As training.json of version a46c184 has it: options, and "null" for what was not given. */
  @Test
  void settingsOfEarlierVersionsAreRead() {
    Map<String, String> text = new LinkedHashMap<>(Map.of("data", "/d.txt", "random streams", "2"));
    for (String line :
        """
        --sft=false --objective=llada --steps=200 --batch=4 --accumulate=1 --length=32 --lr=0.01
        --lr-end=null --schedule=wsd --warmup=null --decay=0.1 --weight-decay=0.1
        --decay-all=false --beta1=0.9 --beta2=0.95 --clip=1.0 --ema=0.0 --eps=0.001
        --stratified=false --random-lengths=0.01 --full-padding=0.0 --skip-long=false
        --validation=0.02 --validation-samples=8 --seed=0 --lora-rank=0 --lora-alpha=null
        --lora-targets=q_proj,v_proj --dim=16 --layers=1 --heads=2 --kv-heads=null --ffn=24
        --context=null --tied=false --vocab=300\
        """
            .split("\\s+")) {
      text.put(line.split("=")[0], line.split("=")[1]);
    }
    TrainingConfig expected =
        new TrainingConfig(
            new Task.Pretraining(0.01),
            new Extent(200, 4, 1, 32),
            Masking.LLADA,
            new Optimizer(
                new LearningRate.WarmupStableDecay(0.01, 0.001, 4, 0.1), AdamW.Options.LLADA, 0),
            new HeldOut(0.02, 8),
            new Start.NewModel(new Shape(16, 1, 2, 2, 24, 1024, false), OptionalInt.of(300)),
            0);
    assertThat(TrainingConfig.of(text)).isEqualTo(expected);
    List.of("--dim", "--layers", "--heads", "--ffn", "--vocab").forEach(text::remove);
    text.put("model", "/models/base");
    text.put("--lora-rank", "2");
    assertThat(TrainingConfig.of(text).start())
        .isEqualTo(new Start.Adapters(MODEL, 2, 4, Set.of("q_proj", "v_proj")));
    text.put("mpirun -np", "3");
    TrainingConfig shared = new TrainingState(1, text, "", "").config(MODEL);
    assertThat(shared.extent().batch()).isEqualTo(3 * 4); // it was told for each process
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          steps             | 0     | steps is 0; it must be at least 1
          steps             | 1e3   | steps is '1e3', which is no number of its kind
          batch             | -1    | batch is -1; it must be at least 1
          length            | 1     | length is 1; it must be at least 2
          learning rate     | NaN   | learning rate is NaN; it must be positive
          ema               | 1     | ema is 1.0; it must be at least 0 and below 1
          held-out share    | 2     | held-out share is 2.0; it must be from 0 to 1
          random lengths    | NaN   | random lengths is NaN; it must be from 0 to 1
          fine-tuning       | maybe | fine-tuning is 'maybe'; it must be true or false
          schedule          | x     | schedule is 'x'; it must be one of wsd, cosine, constant
          objective         | null  | objective is missing
          channels          | 30    | channels is 30; it must be an even multiple of the heads, 4
          key-value heads   | 3     | heads is 4, no multiple of the key-value heads, 3
          lora rank         | 2     | lora rank needs a model, whose weights the adapters adapt
          model             | /m    | shapes a new model, but a model is given; leave it out
          """)
  void wrongValuesAreNamed(String name, String value, String message) {
    Map<String, String> settings = ALL.getFirst().settings();
    settings.put(name, value);
    assertThatThrownBy(() -> TrainingConfig.of(settings))
        .isInstanceOf(SettingException.class)
        .hasMessageContaining(message);
  }

  @Test
  void adaptersHaveTargetsThatExist() {
    assertThatThrownBy(() -> new Start.Adapters(MODEL, 1, 2, Set.of("w_proj")))
        .hasMessage(
            "lora targets has 'w_proj'; there are attn_out, ff_out, ff_proj, k_proj, q_proj,"
                + " up_proj, v_proj");
  }
}
