package llada.model;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * A float32 number for every weight, in one piece of memory: gradients, or anything else that an
 * optimiser keeps beside the weights. Zero at first.
 */
public final class Gradients {
  private final LladaWeights tensors;
  private final Tensor flat;

  /**
   * Allocates as much as {@code like} has weights.
   *
   * @param like whose shapes to take, of any type; a tied head shares its memory with the embedding
   */
  public Gradients(LladaWeights like, Arena arena) {
    long size = padded(like.embedding()) + padded(like.finalNorm());
    size += like.tied() ? 0 : padded(like.head());
    for (BlockWeights block : like.blocks()) {
      for (Tensor tensor : block.tensors()) {
        size += padded(tensor);
      }
    }
    flat = Tensor.allocate(arena, DType.F32, size);
    Cutter cutter = new Cutter(flat);
    Tensor embedding = cutter.next(like.embedding());
    List<BlockWeights> blocks = new ArrayList<>();
    for (BlockWeights b : like.blocks()) {
      blocks.add(
          new BlockWeights(
              cutter.next(b.attnNorm()),
              cutter.next(b.qProj()),
              cutter.next(b.kProj()),
              cutter.next(b.vProj()),
              cutter.next(b.attnOut()),
              cutter.next(b.ffNorm()),
              cutter.next(b.ffProj()),
              cutter.next(b.upProj()),
              cutter.next(b.ffOut())));
    }
    Tensor finalNorm = cutter.next(like.finalNorm());
    Tensor head = like.tied() ? embedding : cutter.next(like.head());
    tensors = new LladaWeights(embedding, blocks, finalNorm, head, like.ropeLayout());
  }

  /** The gradients under the names of the weights, of the same shapes. */
  public LladaWeights tensors() {
    return tensors;
  }

  /**
   * All of them as one vector (n), in the order of the forward pass; each tensor starts on a cache
   * line, and the numbers between are 0.
   */
  public Tensor flat() {
    return flat;
  }

  /** Sets all to 0. */
  public void zero() {
    flat.clear();
  }

  /** Numbers of a tensor, up to the next cache line. */
  private static long padded(Tensor tensor) {
    long line = Tensor.ALIGNMENT / Float.BYTES;
    return (tensor.shape().elements() + line - 1) / line * line;
  }

  /** Takes one tensor after the other from a vector. */
  private static final class Cutter {
    private final Tensor flat;
    private long at;

    Cutter(Tensor flat) {
      this.flat = flat;
    }

    Tensor next(Tensor like) {
      Tensor tensor = flat.slice(at, like.shape().toArray());
      at += padded(like);
      return tensor;
    }
  }
}
