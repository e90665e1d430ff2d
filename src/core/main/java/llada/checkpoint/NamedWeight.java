package llada.checkpoint;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import llada.kernel.scalar.RopeLayout;
import llada.model.LladaWeights;
import llada.model.LowRank;
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
  private final Optional<LowRank> term;

  private NamedWeight(
      WeightTable.Row row, int expert, Tensor tensor, RopeLayout layout, Optional<LowRank> term) {
    this.term = term;
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
      Optional<LowRank> term = weights.lowRank(row);
      for (int expert = 0; expert < tensors.size(); expert++) {
        all.add(new NamedWeight(row, expert, tensors.get(expert), weights.ropeLayout(), term));
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

  /** Whether an adapter lies beside it: {@link #addTerm} merges that. */
  public boolean adapted() {
    return term.isPresent();
  }

  /**
   * Adds the adapter's term, B A, to rows of this weight.
   *
   * @param values numbers of one row from index {@code at}, changed
   * @param row of {@link #tensor}
   */
  public void addTerm(float[] values, int at, long row) {
    if (term.isEmpty()) {
      return;
    }
    Tensor a = term.get().a();
    int k = a.dim(1);
    for (int j = 0; j < a.dim(0); j++) {
      float b = term.get().b().get(row * a.dim(0) + j);
      for (int i = 0; i < k; i++) {
        values[at + i] += b * a.get((long) j * k + i);
      }
    }
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
