package llada.checkpoint;

import java.util.ArrayList;
import java.util.List;
import llada.checkpoint.TensorNames.Part;
import llada.kernel.scalar.RopeLayout;
import llada.model.BlockWeights;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.Tensor;

/**
 * One weight of an opened model, under its name in both formats, and the order of its rows in each:
 * what a converter needs to know.
 */
public final class NamedWeight {
  private static final int NO_HEADS = 0;

  private final String huggingFace;
  private final String gguf;
  private final Tensor tensor;
  private final Part part; // null outside of the blocks
  private final int layer;
  private final int heads; // of q and k, else NO_HEADS
  private final RopeLayout layout;

  private NamedWeight(
      String huggingFace,
      String gguf,
      Tensor tensor,
      Part part,
      int layer,
      int heads,
      RopeLayout layout) {
    this.huggingFace = huggingFace;
    this.gguf = gguf;
    this.tensor = tensor;
    this.part = part;
    this.layer = layer;
    this.heads = heads;
    this.layout = layout;
  }

  /** All weights in the order of the forward pass; a tied head is left out. */
  static List<NamedWeight> of(LladaConfig config, LladaWeights weights) {
    TensorNames hf = TensorNames.HUGGING_FACE;
    TensorNames gguf = TensorNames.GGUF;
    List<NamedWeight> all = new ArrayList<>();
    all.add(outside(hf.embedding(), gguf.embedding(), weights.embedding()));
    for (int layer = 0; layer < weights.blocks().size(); layer++) {
      for (Part part : Part.values()) {
        int heads =
            switch (part) {
              case Q_PROJ -> config.nHeads();
              case K_PROJ -> config.nKvHeads();
              default -> NO_HEADS;
            };
        all.add(
            new NamedWeight(
                hf.of(layer, part),
                gguf.of(layer, part),
                tensor(weights.blocks().get(layer), part),
                part,
                layer,
                heads,
                weights.ropeLayout()));
      }
    }
    all.add(outside(hf.finalNorm(), gguf.finalNorm(), weights.finalNorm()));
    if (!weights.tied()) {
      all.add(outside(hf.head(), gguf.head(), weights.head()));
    }
    return all;
  }

  private static NamedWeight outside(String huggingFace, String gguf, Tensor tensor) {
    return new NamedWeight(huggingFace, gguf, tensor, null, -1, NO_HEADS, RopeLayout.HALF_SPLIT);
  }

  private static Tensor tensor(BlockWeights b, Part part) {
    return switch (part) {
      case ATTN_NORM -> b.attnNorm();
      case Q_PROJ -> b.qProj();
      case K_PROJ -> b.kProj();
      case V_PROJ -> b.vProj();
      case ATTN_OUT -> b.attnOut();
      case FF_NORM -> b.ffNorm();
      case FF_PROJ -> b.ffProj();
      case UP_PROJ -> b.upProj();
      case FF_OUT -> b.ffOut();
    };
  }

  /** Its name in safetensors files. */
  public String huggingFaceName() {
    return huggingFace;
  }

  /** Its name in GGUF files. */
  public String ggufName() {
    return gguf;
  }

  /** Its numbers, as the opened file has them. */
  public Tensor tensor() {
    return tensor;
  }

  /** Whether it is a vector, which is never quantised. */
  public boolean norm() {
    return tensor.shape().rank() == 1;
  }

  Part part() {
    return part;
  }

  int layer() {
    return layer;
  }

  boolean embedding() {
    return gguf.equals(TensorNames.GGUF.embedding());
  }

  /** Whether {@link #sourceRow} moves any row. */
  public boolean sameOrder(RopeLayout target) {
    return heads == NO_HEADS || layout == target;
  }

  /**
   * Which row of {@link #tensor} stands at {@code row} in a file whose heads have this layout:
   * half-split in safetensors, interleaved in GGUF. Only rows of q and k move.
   */
  public long sourceRow(RopeLayout target, long row) {
    return sameOrder(target)
        ? row
        : RopeRows.move(row, Math.toIntExact(tensor.shape().dim(0) / heads), target, layout);
  }
}
