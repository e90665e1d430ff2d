package llada.checkpoint;

import java.util.ArrayList;
import java.util.List;
import llada.kernel.scalar.RopeLayout;
import llada.model.LladaWeights;
import llada.model.WeightTable;
import llada.tensor.Tensor;

/**
 * One weight of an opened model, or one expert's, under its name in both formats, and the order of
 * its rows in each: what a converter needs to know.
 */
public final class NamedWeight {
  private final WeightTable.Row row;
  private final int expert; // 0 where there are none
  private final Tensor tensor;
  private final RopeLayout layout;

  private NamedWeight(WeightTable.Row row, int expert, Tensor tensor, RopeLayout layout) {
    this.row = row;
    this.expert = expert;
    this.tensor = tensor;
    this.layout = layout;
  }

  /** All weights in the order of the forward pass; a tied head is left out. */
  static List<NamedWeight> of(LladaWeights weights) {
    List<NamedWeight> all = new ArrayList<>();
    for (WeightTable.Row row : weights.table()) {
      List<Tensor> tensors = weights.of(row);
      for (int expert = 0; expert < tensors.size(); expert++) {
        all.add(new NamedWeight(row, expert, tensors.get(expert), weights.ropeLayout()));
      }
    }
    return all;
  }

  /** Its name in safetensors files. */
  public String huggingFaceName() {
    return row.huggingFace(expert);
  }

  /** Its name in GGUF files, which is that of all experts together. */
  public String ggufName() {
    return row.gguf();
  }

  /** What it is, and of which layer. */
  public WeightTable.Row row() {
    return row;
  }

  /** Which expert it is of, from 0; 0 where it is of none. */
  public int expert() {
    return expert;
  }

  /** Its numbers, as the opened file has them. */
  public Tensor tensor() {
    return tensor;
  }

  /** Whether it is never quantised: a vector, or what routes. */
  public boolean staysFloat32() {
    return row.part().staysFloat32();
  }

  /** Whether {@link #sourceRow} moves any row. */
  public boolean sameOrder(RopeLayout target) {
    return row.ropeHeads() == 0 || layout == target;
  }

  /**
   * Which row of {@link #tensor} stands at {@code target} in a file whose heads have this layout.
   * Only rows of q and k move.
   */
  public long sourceRow(RopeLayout target, long at) {
    return sameOrder(target)
        ? at
        : RopeRows.move(
            at, Math.toIntExact(tensor.shape().dim(0) / row.ropeHeads()), target, layout);
  }
}
