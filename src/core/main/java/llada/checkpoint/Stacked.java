package llada.checkpoint;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import llada.model.Part;
import llada.model.WeightTable;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * Where the weights of all experts of a layer lie in one tensor.
 *
 * @param name of the tensor
 * @param parts how many matrices each expert has in it, one below the other: 2 where gate and what
 *     it gates lie together
 * @param part which of them it is
 */
record Stacked(String name, int parts, int part) {
  /** A tensor (E, rows, columns) of one part. */
  static Stacked whole(String name) {
    return new Stacked(name, 1, 0);
  }

  /**
   * The layouts that programs write for Hugging Face folders beside the published one: dFactory's
   * merged experts, mlx's {@code switch_mlp}, dInfer's {@code w1} (gate and up) and {@code w2}.
   */
  static Optional<Stacked> find(WeightTable.Row row, Set<String> available) {
    String each = row.huggingFace(); // ...mlp.experts.%e.gate_proj.weight
    String merged = each.replace("%e.", "");
    String prefix = each.substring(0, each.indexOf("experts.%e"));
    boolean out = row.part() == Part.EXPERT_OUT;
    return Stream.of(
            whole(merged),
            whole(merged.replaceFirst("[.]weight$", "")),
            whole(each.replace("experts.%e", "switch_mlp")),
            out
                ? whole(prefix + "w2")
                : new Stacked(prefix + "w1", 2, row.part() == Part.EXPERT_GATE ? 0 : 1))
        .filter(stacked -> available.contains(stacked.name))
        .findFirst();
  }

  /** Its shape. */
  Shape shape(WeightTable.Row row) {
    return Shape.of(row.experts(), parts * row.shape().dim(0), row.shape().dim(1));
  }

  /** A view for each expert. */
  List<Tensor> views(WeightTable.Row row, Function<String, Tensor> tensors) {
    Tensor all = tensors.apply(name);
    long each = row.shape().elements();
    List<Tensor> views = new ArrayList<>();
    for (int expert = 0; expert < row.experts(); expert++) {
      views.add(all.slice((expert * (long) parts + part) * each, row.shape().toArray()));
    }
    return views;
  }
}
