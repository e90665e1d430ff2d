package llada.train;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import llada.diffusion.Objective;
import llada.diffusion.SettingException;
import llada.train.TrainingConfig.Start;
import llada.train.TrainingConfig.Task;

/** A {@link TrainingConfig} as text by name: what training.json holds, and what a user writes. */
public final class TrainingConfigText {
  /** The setting that says where the first model is; a run may go on after it was moved. */
  public static final String MODEL = "model";

  private static final Set<String> SHAPE =
      Set.of(
          "channels",
          "layers",
          "heads",
          "key-value heads",
          "feed-forward channels",
          "longest sequence",
          "tied",
          "vocabulary");

  /** Where a short name is not the setting's name. */
  private static final Map<String, String> SHORT =
      Map.of(
          "sft", "fine-tuning",
          "lr", "learning rate",
          "lr end", "last learning rate",
          "decay", "share of decay",
          "validation", "held-out share",
          "dim", "channels",
          "kv heads", "key-value heads",
          "ffn", "feed-forward channels",
          "context", "longest sequence",
          "vocab", "vocabulary");

  private final Map<String, String> text;

  private TrainingConfigText(Map<String, String> text) {
    this.text = text;
  }

  /**
   * The name of a setting, from a short name such as {@code lr} or {@code full-padding}, with or
   * without dashes before it: so the settings are called in runs of earlier versions.
   */
  public static String name(String shortName) {
    String words = shortName.replaceFirst("^--", "").replace('-', ' ');
    return SHORT.getOrDefault(words, SHORT.containsValue(shortName) ? shortName : words);
  }

  static Map<String, String> of(TrainingConfig config) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("fine-tuning", config.task() instanceof Task.FineTuning);
    switch (config.task()) {
      case Task.Pretraining task -> all.put("random lengths", task.randomLengths());
      case Task.FineTuning task -> {
        all.put("full padding", task.fullPadding());
        all.put("skip long", task.skipLong());
        all.put("turns", task.turns());
      }
      case Task.Mixture task -> {
        all.put("full padding", task.fullPadding());
        all.put("extra padding", task.extraPadding());
        all.put("padding counts", task.paddingCounts());
      }
    }
    all.put("steps", config.extent().steps());
    all.put("batch", config.extent().batch());
    all.put("accumulate", config.extent().accumulate());
    all.put("length", config.extent().length());
    all.put("objective", config.masking().objective());
    all.put("eps", config.masking().eps());
    all.put("stratified", config.masking().stratified());
    switch (config.optimizer().learningRate()) {
      case LearningRate.WarmupStableDecay rate -> {
        rate(all, "wsd", rate.peak(), rate.warmup());
        all.put("last learning rate", rate.floor());
        all.put("share of decay", rate.decayShare());
      }
      case LearningRate.Cosine rate -> {
        rate(all, "cosine", rate.peak(), rate.warmup());
        all.put("last learning rate", rate.floor());
      }
      case LearningRate.Constant rate -> rate(all, "constant", rate.peak(), rate.warmup());
    }
    AdamW.Options adamW = config.optimizer().adamW();
    all.put("weight decay", adamW.weightDecay());
    all.put("decay all", adamW.decayAll());
    all.put("beta1", adamW.beta1());
    all.put("beta2", adamW.beta2());
    all.put("clip", adamW.clip());
    all.put("ema", config.optimizer().ema());
    all.put("held-out share", config.heldOut().share());
    all.put("validation samples", config.heldOut().samples());
    all.put("seed", config.seed());
    switch (config.start()) {
      case Start.NewModel start -> {
        TrainingConfig.Shape shape = start.shape();
        all.put("channels", shape.channels());
        all.put("layers", shape.layers());
        all.put("heads", shape.heads());
        all.put("key-value heads", shape.keyValueHeads());
        all.put("feed-forward channels", shape.feedForward());
        all.put("longest sequence", shape.context());
        all.put("tied", shape.tied());
        start.vocabulary().ifPresent(size -> all.put("vocabulary", size));
      }
      case Start.GivenModel start -> all.put(MODEL, start.model());
      case Start.Adapters start -> {
        all.put(MODEL, start.model());
        all.put("lora rank", start.rank());
        all.put("lora alpha", start.alpha());
        all.put("lora targets", String.join(",", start.targets()));
      }
    }
    return all.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                entry -> entry.getValue().toString(),
                (one, _) -> one,
                LinkedHashMap::new));
  }

  private static void rate(Map<String, Object> all, String schedule, double peak, long warmup) {
    all.put("schedule", schedule);
    all.put("learning rate", peak);
    all.put("warmup", warmup);
  }

  static TrainingConfig config(Map<String, String> settings) {
    Map<String, String> text = new LinkedHashMap<>();
    settings.forEach(
        (name, value) -> {
          if (!value.equals("null")) { // so earlier versions wrote what was not given
            text.put(name(name), value);
          }
        });
    return new TrainingConfigText(text).config();
  }

  private TrainingConfig config() {
    int length = whole("length");
    long steps = number("steps", Long::valueOf);
    return new TrainingConfig(
        task(),
        new TrainingConfig.Extent(steps, whole("batch"), whole("accumulate"), length),
        new TrainingConfig.Masking(
            choice("objective", Objective.values()), real("eps"), flag("stratified")),
        new TrainingConfig.Optimizer(
            learningRate(steps),
            new AdamW.Options(
                real("beta1"),
                real("beta2"),
                AdamW.Options.LLADA.eps(),
                real("weight decay"),
                flag("decay all"),
                real("clip")),
            real("ema")),
        new TrainingConfig.HeldOut(real("held-out share"), whole("validation samples")),
        start(length),
        number("seed", Long::valueOf));
  }

  private Task task() {
    if (text.containsKey("extra padding")) {
      text.putIfAbsent("padding counts", "true"); // earlier versions had no other
      return new Task.Mixture(real("full padding"), whole("extra padding"), flag("padding counts"));
    }
    return flag("fine-tuning")
        ? new Task.FineTuning(real("full padding"), flag("skip long"), turns())
        : new Task.Pretraining(real("random lengths"));
  }

  private Chats.Turns turns() {
    text.putIfAbsent("turns", Chats.Turns.ALL.toString()); // earlier versions had no other
    return choice("turns", Chats.Turns.values());
  }

  /** One of some constants, by its name. */
  private <E> E choice(String setting, E[] known) {
    String name = required(setting);
    return Arrays.stream(known)
        .filter(one -> one.toString().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new SettingException(
                    setting,
                    " is '%s'; it must be one of %s"
                        .formatted(
                            name,
                            Arrays.stream(known)
                                .map(Object::toString)
                                .collect(Collectors.joining(", ")))));
  }

  private LearningRate learningRate(long steps) {
    double peak =
        text.containsKey("learning rate") ? real("learning rate") : LearningRate.NEW_MODEL;
    double last = text.containsKey("last learning rate") ? real("last learning rate") : peak / 10;
    long warmup = text.containsKey("warmup") ? number("warmup", Long::valueOf) : steps / 50;
    String schedule = required("schedule");
    return switch (schedule) {
      case "wsd" -> new LearningRate.WarmupStableDecay(peak, last, warmup, real("share of decay"));
      case "cosine" -> new LearningRate.Cosine(peak, last, warmup);
      case "constant" -> new LearningRate.Constant(peak, warmup);
      default ->
          throw new SettingException(
              "schedule", " is '%s'; it must be one of wsd, cosine, constant".formatted(schedule));
    };
  }

  private Start start(int length) {
    int rank = whole("lora rank", 0);
    if (!text.containsKey(MODEL)) {
      SettingException.require(
          rank == 0, "lora rank", " needs a model, whose weights the adapters adapt; give one");
      return newModel(length);
    }
    for (String name : SHAPE) {
      SettingException.require(
          !text.containsKey(name) || text.get(name).equals("false"),
          name,
          " shapes a new model, but a model is given; leave it out");
    }
    Path model = Path.of(text.get(MODEL)).toAbsolutePath().normalize();
    if (rank == 0) {
      return new Start.GivenModel(model);
    }
    double alpha = text.containsKey("lora alpha") ? real("lora alpha") : 2.0 * rank;
    return new Start.Adapters(
        model, rank, alpha, new TreeSet<>(List.of(required("lora targets").split(","))));
  }

  private Start newModel(int length) {
    int heads = whole("heads", 8);
    return new Start.NewModel(
        new TrainingConfig.Shape(
            whole("channels", 256),
            whole("layers", 6),
            heads,
            whole("key-value heads", heads),
            whole("feed-forward channels", 704),
            whole("longest sequence", Math.max(1024, length)),
            text.containsKey("tied") && flag("tied")),
        text.containsKey("vocabulary") ? OptionalInt.of(whole("vocabulary")) : OptionalInt.empty());
  }

  private String required(String name) {
    SettingException.require(text.containsKey(name), name, " is missing");
    return text.get(name);
  }

  private boolean flag(String name) {
    String value = required(name);
    boolean flag = value.equals("true");
    SettingException.require(
        flag || value.equals("false"), name, " is '%s'; it must be true or false", value);
    return flag;
  }

  private int whole(String name) {
    return number(name, Integer::valueOf);
  }

  private int whole(String name, int usual) {
    return text.containsKey(name) ? whole(name) : usual;
  }

  private double real(String name) {
    return number(name, Double::valueOf);
  }

  private <N extends Number> N number(String name, Function<String, N> reader) {
    String value = required(name);
    try {
      return reader.apply(value);
    } catch (NumberFormatException _) {
      throw new SettingException(name, " is '%s', which is no number of its kind".formatted(value));
    }
  }
}
