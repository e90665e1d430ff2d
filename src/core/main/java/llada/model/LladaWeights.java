package llada.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.Tensor;

/**
 * All weights of a mask predictor, in any mixture of types.
 *
 * @param table a row for each weight, in the order of the forward pass
 * @param embedding (V, C)
 * @param blocks L of them, first to last
 * @param finalNorm (C)
 * @param head (V, C); the embedding itself when weights are tied
 * @param ropeLayout the order of the rows of all q_proj and k_proj within a head
 */
public record LladaWeights(
    List<WeightTable.Row> table,
    Tensor embedding,
    List<BlockWeights> blocks,
    Tensor finalNorm,
    Tensor head,
    RopeLayout ropeLayout) {
  public LladaWeights {
    blocks = List.copyOf(blocks);
  }

  /**
   * The weights of a model, found or made one after the other in the order of the forward pass.
   *
   * @param one gives a row's tensor, or those of all experts
   */
  public static LladaWeights of(
      LladaConfig config, RopeLayout layout, Function<WeightTable.Row, List<Tensor>> one) {
    Map<Part, Tensor> outside = new EnumMap<>(Part.class);
    List<Map<Part, List<Tensor>>> layers = new ArrayList<>();
    List<WeightTable.Row> table = WeightTable.of(config);
    for (WeightTable.Row row : table) {
      List<Tensor> tensors = one.apply(row);
      if (row.layer() < 0) {
        outside.put(row.part(), tensors.getFirst());
        continue;
      }
      if (row.layer() == layers.size()) {
        layers.add(new EnumMap<>(Part.class));
      }
      layers.get(row.layer()).put(row.part(), tensors);
    }
    Tensor embedding = outside.get(Part.EMBEDDING);
    return new LladaWeights(
        table,
        embedding,
        layers.stream().map(BlockWeights::new).toList(),
        outside.get(Part.FINAL_NORM),
        outside.getOrDefault(Part.HEAD, embedding),
        layout);
  }

  /** New weights in half-split order; {@code make} is asked for each tensor, and each expert's. */
  public static LladaWeights make(LladaConfig config, Function<WeightTable.Row, Tensor> make) {
    return of(
        config,
        RopeLayout.HALF_SPLIT,
        row -> {
          List<Tensor> tensors = new ArrayList<>();
          for (int i = 0; i < row.count(); i++) {
            tensors.add(make.apply(row));
          }
          return tensors;
        });
  }

  /** The same weights with others in their place, the head only where it is its own. */
  public LladaWeights map(UnaryOperator<Tensor> change) {
    Tensor changed = change.apply(embedding);
    List<BlockWeights> layers = blocks.stream().map(block -> block.map(change)).toList();
    Tensor norm = change.apply(finalNorm);
    return new LladaWeights(
        table, changed, layers, norm, tied() ? changed : change.apply(head), ropeLayout);
  }

  /**
   * The same weights with others for some rows.
   *
   * @param change gives the tensor that takes the place of one
   */
  public LladaWeights map(BiFunction<WeightTable.Row, Tensor, Tensor> change, RopeLayout layout) {
    Iterator<WeightTable.Row> rows =
        table.stream().flatMap(row -> Collections.nCopies(row.count(), row).stream()).iterator();
    LladaWeights changed = map(tensor -> change.apply(rows.next(), tensor));
    return new LladaWeights(
        table, changed.embedding, changed.blocks, changed.finalNorm, changed.head, layout);
  }

  /**
   * The same weights with low-rank terms beside some of them.
   *
   * @param terms by row, of weights within layers that are one matrix
   */
  public LladaWeights with(Map<WeightTable.Row, LowRank> terms) {
    List<Map<Part, LowRank>> layers = new ArrayList<>();
    blocks.forEach(_ -> layers.add(new EnumMap<>(Part.class)));
    terms.forEach((row, term) -> layers.get(row.layer()).put(row.part(), term));
    List<BlockWeights> changed = new ArrayList<>();
    for (int layer = 0; layer < blocks.size(); layer++) {
      changed.add(blocks.get(layer).with(layers.get(layer)));
    }
    return new LladaWeights(table, embedding, changed, finalNorm, head, ropeLayout);
  }

  /** The low-rank term beside a weight, if there is one. */
  public Optional<LowRank> lowRank(WeightTable.Row row) {
    return row.layer() < 0
        ? Optional.empty()
        : Optional.ofNullable(blocks.get(row.layer()).lowRanks().get(row.part()));
  }

  /** All low-rank terms. */
  List<LowRank> lowRanks() {
    return blocks.stream().flatMap(block -> block.lowRanks().values().stream()).toList();
  }

  /** Whether there are low-rank terms. */
  public boolean hasLowRanks() {
    return !lowRanks().isEmpty();
  }

  /** What to run before each pass: weights in a file that was cut short would end the process. */
  Runnable check() {
    Runnable[] checks =
        tensors().stream()
            .map(tensor -> tensor.storage().check())
            .distinct()
            .toArray(Runnable[]::new);
    return () -> {
      for (Runnable check : checks) {
        check.run();
      }
    };
  }

  /**
   * All tensors under their Hugging Face names, in the order of the forward pass; a tied head is
   * left out. Rows are in the order of {@link #ropeLayout}.
   */
  public Map<String, Tensor> byName() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    for (WeightTable.Row row : table) {
      List<Tensor> tensors = of(row);
      for (int expert = 0; expert < tensors.size(); expert++) {
        all.put(row.huggingFace(expert), tensors.get(expert));
      }
    }
    return all;
  }

  /** The tensors of a row of the {@link WeightTable}: one, or one for each expert. */
  public List<Tensor> of(WeightTable.Row row) {
    return switch (row.part()) {
      case EMBEDDING -> List.of(embedding);
      case FINAL_NORM -> List.of(finalNorm);
      case HEAD -> List.of(head);
      default -> blocks.get(row.layer()).parts().get(row.part());
    };
  }

  /** Whether the head is the embedding. */
  @SuppressWarnings("ReferenceEquality") // the same memory is what is asked for
  public boolean tied() {
    return head == embedding;
  }

  /** All tensors, in the order of the forward pass; a tied head only once, as the embedding. */
  public List<Tensor> tensors() {
    List<Tensor> all = new ArrayList<>();
    all.add(embedding);
    blocks.forEach(block -> all.addAll(block.tensors()));
    all.add(finalNorm);
    if (!tied()) {
      all.add(head);
    }
    return all;
  }
}
