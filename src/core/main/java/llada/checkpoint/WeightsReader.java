package llada.checkpoint;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import llada.checkpoint.TensorNames.Part;
import llada.format.FormatException;
import llada.model.BlockWeights;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * Finds every weight of a configuration among the tensors of a file. What is missing, of another
 * shape or left over is an error: it means that file and configuration do not belong together.
 */
final class WeightsReader {
  private final String source;
  private final LladaConfig config;
  private final TensorNames names;
  private final Set<String> unused;
  private final Set<String> missing = new TreeSet<>();
  private final Function<String, Tensor> tensors;

  /**
   * A reader of one checkpoint.
   *
   * @param source file or folder, for messages
   * @param available all names there are
   * @param tensors from name to tensor; may refuse a type
   */
  WeightsReader(
      String source,
      LladaConfig config,
      TensorNames names,
      Set<String> available,
      Function<String, Tensor> tensors) {
    this.source = source;
    this.config = config;
    this.names = names;
    this.unused = new TreeSet<>(available);
    this.tensors = tensors;
  }

  LladaWeights read() {
    int c = config.dModel();
    int kv = config.kvChannels();
    int f = config.mlpHiddenSize();
    int v = config.embeddingSize();
    Tensor embedding = take(names.embedding(), v, c);
    List<BlockWeights> blocks = new ArrayList<>();
    // One missing block is as good as all: a hostile layer count must not make us list millions.
    for (int layer = 0; layer < config.nLayers() && missing.isEmpty(); layer++) {
      blocks.add(
          new BlockWeights(
              take(names.of(layer, Part.ATTN_NORM), c),
              take(names.of(layer, Part.Q_PROJ), c, c),
              take(names.of(layer, Part.K_PROJ), kv, c),
              take(names.of(layer, Part.V_PROJ), kv, c),
              take(names.of(layer, Part.ATTN_OUT), c, c),
              take(names.of(layer, Part.FF_NORM), c),
              take(names.of(layer, Part.FF_PROJ), f, c),
              take(names.of(layer, Part.UP_PROJ), f, c),
              take(names.of(layer, Part.FF_OUT), c, f)));
    }
    Tensor finalNorm = take(names.finalNorm(), c);
    Tensor head = config.weightTying() ? embedding : take(names.head(), v, c);
    if (!missing.isEmpty()) {
      refusePrefix();
      throw new FormatException(
          "%s: the configuration has %d layers and %s head, but the file lacks %s; is it complete, and of this model?"
              .formatted(
                  source,
                  config.nLayers(),
                  config.weightTying() ? "a tied" : "its own",
                  some(missing)));
    }
    if (!unused.isEmpty()) {
      throw new FormatException(
          "%s: holds tensors that a LLaDA of this configuration does not have: %s; is config.json of this model (n_layers %d, weight_tying %s)?"
              .formatted(source, some(unused), config.nLayers(), config.weightTying()));
    }
    return new LladaWeights(embedding, blocks, finalNorm, head, names.ropeLayout());
  }

  /** Programs that wrap a model put their names before those of its tensors. */
  private void refusePrefix() {
    for (String name : missing) {
      for (String found : unused) {
        if (found.endsWith("." + name)) {
          throw new FormatException(
              "%s: its tensors are named with a prefix, '%s', that a wrapper has left (torch.compile, PEFT, a trainer); save the unwrapped model instead"
                  .formatted(source, found.substring(0, found.length() - name.length())));
        }
      }
    }
  }

  private Tensor take(String name, long... dims) {
    if (!unused.remove(name)) {
      missing.add(name);
      return null; // read() throws before anyone sees it
    }
    Tensor tensor = tensors.apply(name);
    Shape wanted = Shape.of(dims);
    if (!tensor.shape().equals(wanted)) {
      throw new FormatException(
          "%s: tensor %s is %s, but the configuration makes it %s"
              .formatted(source, name, tensor.shape(), wanted));
    }
    return tensor;
  }

  private static String some(Set<String> names) {
    String shown = String.join(", ", names.stream().limit(3).toList());
    return names.size() > 3 ? shown + " and " + (names.size() - 3) + " more" : shown;
  }
}
