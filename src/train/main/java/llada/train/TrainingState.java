package llada.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;
import llada.checkpoint.NonFinite;
import llada.checkpoint.PeftAdapter;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.Safetensors;
import llada.format.Sha256;
import llada.tensor.RandomStreams;
import llada.tensor.Tensor;

/**
 * What a checkpoint says about its run, {@code training.json}; and the numbers that lie beside it.
 *
 * @param step optimizer steps made
 * @param settings of the run by name ({@link TrainingConfig#settings}), and where the data was.
 *     Runs of earlier versions have other names: {@link #config} knows them
 * @param data SHA-256 of the tokens
 * @param base SHA-256 of the weights that training began with, where they stay part of the model
 *     (LoRA), else empty
 */
public record TrainingState(long step, Map<String, String> settings, String data, String base) {
  static final String FILE = "training.json";
  static final String OPTIMIZER_FILE = "optimizer.safetensors";
  private static final String MODEL_FILE = "model.safetensors";

  /** The setting that says where the data was. */
  public static final String DATA = "data";

  private static final String BOUND = "validation bound";
  private static final String STREAMS = "random streams";

  /** Earlier versions noted how many processes trained, and the batch of each. */
  private static final List<String> PROCESSES = List.of("processes", "mpirun -np");

  private static final int MAX_BYTES = 1 << 20;

  public TrainingState {
    settings = new LinkedHashMap<>(settings);
  }

  /** The state of a run of this version. */
  static TrainingState of(long step, Map<String, String> settings, String data, String base) {
    Map<String, String> all = new LinkedHashMap<>(settings);
    all.put(STREAMS, Integer.toString(RandomStreams.VERSION));
    return new TrainingState(step, all, data, base);
  }

  /** The same, with the validation bound at its step, in nats a token, if it was measured. */
  TrainingState withBound(Optional<Double> nats) {
    Map<String, String> all = new LinkedHashMap<>(settings);
    nats.ifPresent(bound -> all.put(BOUND, bound.toString()));
    return new TrainingState(step, all, data, base);
  }

  /** The validation bound at its step, in nats a token, if it was measured. */
  Optional<Double> bound() {
    try {
      return Optional.ofNullable(settings.get(BOUND)).map(Double::valueOf).filter(Double::isFinite);
    } catch (NumberFormatException e) {
      return Optional.empty(); // damaged
    }
  }

  /** The schedule of the run, which those of earlier versions do not have. */
  public Optional<Trainer.Schedule> schedule() {
    try {
      return Optional.ofNullable(settings.get(Trainer.Schedule.NAME)).map(Trainer.Schedule::of);
    } catch (IllegalArgumentException | ArithmeticException e) {
      return Optional.empty(); // damaged; nothing of it changes a weight
    }
  }

  /** Version of the random numbers that the run began with. */
  String streams() {
    return settings.getOrDefault(STREAMS, "1");
  }

  /**
   * The configuration of the run.
   *
   * @param checkpoint where the state lies, for the message
   * @throws FormatException if a setting is missing or damaged
   */
  public TrainingConfig config(Path checkpoint) {
    try {
      Map<String, String> all = new LinkedHashMap<>(settings);
      for (String name : PROCESSES) {
        int processes = Integer.parseInt(settings.getOrDefault(name, "1"));
        BinaryOperator<String> times =
            (_, batch) -> Integer.toString(Math.multiplyExact(processes, Integer.parseInt(batch)));
        all.computeIfPresent("batch", times);
        all.computeIfPresent("--batch", times);
      }
      return TrainingConfig.of(all);
    } catch (IllegalArgumentException e) {
      throw new FormatException("%s: %s".formatted(checkpoint.resolve(FILE), e.getMessage()), e);
    }
  }

  /** What a power cut did to the files of earlier versions. */
  private static void requireContent(Path checkpoint) {
    try (Stream<Path> all = Files.list(checkpoint)) {
      for (Path file : all.toList()) {
        if (Files.size(file) == 0) {
          throw new FormatException(file + ": is damaged: it is empty");
        }
      }
    } catch (IOException e) {
      throw new FormatException(checkpoint + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Checks a checkpoint: the sums of its files, which those of earlier versions do not have, what
   * it says about its run, and that every number of it is finite.
   *
   * @return what it says about its run
   * @throws FormatException naming the file that is damaged
   */
  public static TrainingState check(Path checkpoint) {
    boolean adapters = Files.exists(checkpoint.resolve(PeftAdapter.WEIGHTS));
    if (!Sha256.checkList(checkpoint)) {
      Json.read(checkpoint.resolve("config.json"), MAX_BYTES);
      requireContent(checkpoint);
    }
    TrainingState state = read(checkpoint);
    for (String name : List.of(adapters ? PeftAdapter.WEIGHTS : MODEL_FILE, OPTIMIZER_FILE)) {
      try (Arena arena = Arena.ofShared()) {
        Path file = checkpoint.resolve(name);
        NonFinite.first(Safetensors.open(file, arena).tensors())
            .ifPresent(
                bad -> {
                  throw new FormatException(file + ": " + bad);
                });
      }
    }
    return state;
  }

  /**
   * Reads what a checkpoint says about its run.
   *
   * @throws FormatException if it is no checkpoint of a run
   */
  public static TrainingState read(Path checkpoint) {
    Path file = checkpoint.resolve(FILE);
    if (Files.notExists(file)) {
      throw new FormatException(
          file + ": is missing; the folder is a model, but no checkpoint to resume from");
    }
    Json json = Json.read(file, MAX_BYTES);
    Map<String, String> settings = new LinkedHashMap<>();
    json.get("settings").map().forEach((key, value) -> settings.put(key, String.valueOf(value)));
    return new TrainingState(
        json.get("step").integer(), settings, json.get("data").string(), json.get("base").string());
  }

  /**
   * Copies a checkpoint's weights and optimizer state into these tensors.
   *
   * @param weights by Hugging Face name; none where all that is trained is with the optimizer
   * @param optimizer by name
   * @throws FormatException if a tensor is missing or has another shape
   */
  public static void restore(
      Path checkpoint, Map<String, Tensor> weights, Map<String, Tensor> optimizer) {
    if (!weights.isEmpty()) {
      restore(checkpoint.resolve(MODEL_FILE), weights);
    }
    restore(checkpoint.resolve(OPTIMIZER_FILE), optimizer);
  }

  private static void restore(Path file, Map<String, Tensor> into) {
    try (Arena arena = Arena.ofShared()) {
      Safetensors stored = Safetensors.open(file, arena);
      into.forEach(
          (name, tensor) -> {
            if (!stored.entries().containsKey(name)) {
              throw new FormatException(
                  "%s: lacks %s; it belongs to another run".formatted(file, name));
            }
            Tensor from = stored.tensor(name);
            if (!from.shape().equals(tensor.shape())) {
              throw new FormatException(
                  "%s: %s is %s, but this run's is %s"
                      .formatted(file, name, from.shape(), tensor.shape()));
            }
            Weights.copy(from, tensor);
          });
    }
  }

  /** Writes the file into a checkpoint's folder. */
  void write(Path folder) {
    AtomicFile.write(folder.resolve(FILE), json());
  }

  private byte[] json() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeNumberField("step", step);
      json.writeStringField("data", data);
      json.writeStringField("base", base);
      json.writeObjectFieldStart("settings");
      for (Map.Entry<String, String> entry : settings.entrySet()) {
        json.writeStringField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail so
    }
    return bytes.toByteArray();
  }
}
