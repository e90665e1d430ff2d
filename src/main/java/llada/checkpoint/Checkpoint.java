package llada.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.SafetensorsFolder;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.Shape;

/**
 * An opened model: configuration, weights and tokenizer of a Hugging Face folder or a GGUF file.
 */
public final class Checkpoint implements AutoCloseable {
  private final Arena arena;
  private final Path path;
  private final String format;
  private final LladaConfig config;
  private final LladaWeights weights;
  private final List<TensorInfo> tensors;

  /**
   * A tensor as it is stored.
   *
   * @param type the name that the format gives to the number type
   */
  public record TensorInfo(String name, String type, Shape shape, long bytes) {}

  private Checkpoint(
      Arena arena,
      Path path,
      String format,
      LladaConfig config,
      LladaWeights weights,
      List<TensorInfo> tensors) {
    this.arena = arena;
    this.path = path;
    this.format = format;
    this.config = config;
    this.weights = weights;
    this.tensors = tensors;
  }

  /**
   * Opens and checks a model. The files stay mapped until {@link #close}.
   *
   * @param path a folder with config.json and safetensors files, or a GGUF file
   * @throws FormatException if it is not a LLaDA that can be run, with the reason and the remedy
   */
  public static Checkpoint open(Path path) {
    Arena arena = Arena.ofShared();
    try {
      return openFolder(path, arena);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static Checkpoint openFolder(Path folder, Arena arena) {
    Path configFile = folder.resolve("config.json");
    Json json;
    try {
      json = Json.parse(Files.readAllBytes(configFile), configFile.toString());
    } catch (IOException e) {
      throw new FormatException(configFile + ": cannot be read: " + e.getMessage(), e);
    }
    LladaConfig config = HuggingFaceConfig.read(json, HuggingFaceConfig.TokenizerIds.NONE);
    SafetensorsFolder files = SafetensorsFolder.open(folder, arena);
    LladaWeights weights =
        new WeightsReader(
                folder.toString(),
                config,
                TensorNames.HUGGING_FACE,
                files.tensors().keySet(),
                files::tensor)
            .read();
    return new Checkpoint(
        arena, folder, "Hugging Face folder, safetensors", config, weights, List.of());
  }

  public LladaConfig config() {
    return config;
  }

  public LladaWeights weights() {
    return weights;
  }

  public Path path() {
    return path;
  }

  public String format() {
    return format;
  }

  public List<TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public void close() {
    arena.close();
  }
}
