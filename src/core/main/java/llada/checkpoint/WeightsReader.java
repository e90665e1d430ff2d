package llada.checkpoint;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import llada.format.FormatException;
import llada.kernel.scalar.RopeLayout;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.Part;
import llada.model.WeightTable;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * Finds every weight of a configuration among the tensors of a file. What is missing, of another
 * shape or left over is an error: it means that file and configuration do not belong together.
 *
 * <p>Experts come as E views, whether the file has one tensor for each or all in one. What must
 * stay float32 but lies in another type (a router in bfloat16) is widened into new memory; it is
 * small.
 */
final class WeightsReader {
  private final String source;
  private final LladaConfig config;
  private final boolean gguf;
  private final Set<String> unused;
  private final Set<String> missing = new TreeSet<>();
  private final Function<String, Tensor> tensors;
  private final Arena arena;

  /**
   * A reader of one checkpoint.
   *
   * @param source file or folder, for messages
   * @param gguf whether names and order are those of GGUF files
   * @param available all names there are
   * @param tensors from name to tensor; may refuse a type
   * @param arena owns what is widened
   */
  WeightsReader(
      String source,
      LladaConfig config,
      boolean gguf,
      Set<String> available,
      Function<String, Tensor> tensors,
      Arena arena) {
    this.source = source;
    this.config = config;
    this.gguf = gguf;
    this.unused = new TreeSet<>(available);
    this.tensors = tensors;
    this.arena = arena;
  }

  LladaWeights read() {
    requireAll();
    RopeLayout layout = gguf ? config.architecture().ggufLayout() : RopeLayout.HALF_SPLIT;
    LladaWeights weights = LladaWeights.of(config, layout, this::find);
    if (!unused.isEmpty()) {
      throw new FormatException(
          "%s: holds tensors that a LLaDA of this configuration does not have: %s; is config.json of this model (n_layers %d, weight_tying %s)?"
              .formatted(source, some(unused), config.nLayers(), config.weightTying()));
    }
    return weights;
  }

  /** One missing layer is as good as all: a hostile layer count must not make us list millions. */
  private void requireAll() {
    for (int layer = -1; layer <= config.nLayers() && missing.isEmpty(); layer++) {
      WeightTable.rows(config, layer).forEach(this::require);
    }
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
  }

  private void require(WeightTable.Row row) {
    if (!gguf && row.experts() > 0 && Stacked.find(row, unused).isPresent()) {
      return;
    }
    for (int expert = 0; expert < (gguf ? 1 : row.count()) && missing.size() < 100; expert++) {
      String name = gguf ? row.gguf() : row.huggingFace(expert);
      if (!unused.contains(name)) {
        missing.add(name);
      }
    }
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

  private List<Tensor> find(WeightTable.Row row) {
    if (row.experts() == 0) {
      return List.of(take(gguf ? row.gguf() : row.huggingFace(), row.shape(), row.part()));
    }
    if (gguf) {
      return Stacked.whole(row.gguf())
          .views(row, name -> take(name, row.stackedShape(), row.part()));
    }
    return Stacked.find(row, unused)
        .map(stacked -> stacked.views(row, name -> takeShared(name, stacked.shape(row), row)))
        .orElseGet(
            () -> {
              List<Tensor> experts = new ArrayList<>();
              for (int expert = 0; expert < row.experts(); expert++) {
                experts.add(take(row.huggingFace(expert), row.shape(), row.part()));
              }
              return experts;
            });
  }

  /** A tensor that gates and what they gate may share: it stays available until both had it. */
  private Tensor takeShared(String name, Shape shape, WeightTable.Row row) {
    Tensor tensor = take(name, shape, row.part());
    if (row.part() == Part.EXPERT_GATE && shape.dim(1) != row.shape().dim(0)) {
      unused.add(name);
    }
    return tensor;
  }

  private Tensor take(String name, Shape wanted, Part part) {
    unused.remove(name);
    Tensor tensor = tensors.apply(name);
    if (!tensor.shape().equals(wanted)) {
      throw new FormatException(
          "%s: tensor %s is %s, but the configuration makes it %s"
              .formatted(source, name, tensor.shape(), wanted));
    }
    boolean widen = part.staysFloat32() && !part.norm() && tensor.dtype() != DType.F32;
    return widen ? Tensor.of(arena, tensor.toArray(), wanted.toArray()) : tensor;
  }

  private static String some(Set<String> names) {
    String shown = String.join(", ", names.stream().limit(3).toList());
    return names.size() > 3 ? shown + " and " + (names.size() - 3) + " more" : shown;
  }
}
