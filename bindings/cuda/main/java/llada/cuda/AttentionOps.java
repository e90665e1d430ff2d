package llada.cuda;

import llada.cuda.CudaFunction.Geometry;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.Tensor;

/** Launches of attention, forward and backward: tiles of queries and keys in shared memory. */
final class AttentionOps {
  /** Largest head that the larger tile takes. */
  private static final int WIDE_TILE_HEAD = 128;

  private static final int MAX_HEAD = 256;
  private static final int SIDE = 16; // threads of a block, squared

  private final DeviceKernels device;

  /** The sizes of a call: batch, queries, keys, heads, key-value heads, head size. */
  private record Sizes(int b, int tq, int tk, int h, int g, int d) {
    static Sizes of(Tensor q, Tensor k, AttentionShape shape) {
      int batch = shape.batch();
      Sizes sizes =
          new Sizes(
              batch,
              q.dim(0) / batch,
              k.dim(0) / batch,
              shape.heads(),
              shape.kvHeads(),
              q.dim(1) / shape.heads());
      if (sizes.d > MAX_HEAD) {
        throw new CudaException(
            "attention: heads of %d channels; backend cuda takes up to %d, use backend machine"
                .formatted(sizes.d, MAX_HEAD));
      }
      return sizes;
    }

    int tile(int wide) {
      return d <= WIDE_TILE_HEAD ? wide : wide / 2;
    }

    /** Rows of a tile in shared memory are this long: off the banks' rhythm. */
    int stride() {
      return (d + 3) / 4 * 4 + 4;
    }

    Geometry geometry(int rows, int heads, int tile, int shared) {
      return new Geometry((rows + tile - 1) / tile, heads, b, SIDE, SIDE, shared);
    }
  }

  /** A mask on the device; addresses are 0 where there is none. */
  private record Mask(long visible, long reach, int added) {
    static Mask of(AttentionMask mask, Scratch scratch) {
      return new Mask(
          scratch.constant(mask.visible()),
          mask.reach() == null ? 0 : scratch.constant(mask.reach()),
          mask.added() ? 1 : 0);
    }
  }

  AttentionOps(DeviceKernels device) {
    this.device = device;
  }

  /**
   * On tensor cores where the product that made the queries rounded its factors: there queries,
   * keys and values may be rounded to bfloat16, too.
   */
  void forward(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, AttentionMask attentionMask) {
    DeviceTensors tensors = device.tensors();
    Sizes sizes = Sizes.of(q, k, shape);
    Mask mask = Mask.of(attentionMask, device.scratch());
    long query = tensors.read(q);
    long key = tensors.read(k);
    long value = tensors.read(v);
    if (tensors.ofRounded(q) && sizes.d <= WIDE_TILE_HEAD) {
      onTensorCores(tensors.write(out), query, key, value, mask, sizes);
    } else {
      forward(tensors.write(out), 0, query, key, value, mask, sizes);
    }
  }

  private void onTensorCores(long out, long q, long k, long v, Mask mask, Sizes sizes) {
    int padded = (sizes.d + 15) / 16 * 16;
    int shared = 2 * (64 * (padded + 8) + 72 * padded);
    device.launch(
        "attention_bf16",
        "attention_bf16",
        new Geometry((sizes.tq + 63) / 64, sizes.h, sizes.b, 128, 1, shared),
        out,
        0L,
        q,
        k,
        v,
        mask.visible,
        mask.reach,
        mask.added,
        sizes.tq,
        sizes.tk,
        sizes.h,
        sizes.g,
        sizes.d);
  }

  private void forward(long out, long logSumExp, long q, long k, long v, Mask mask, Sizes sizes) {
    int tile = sizes.tile(64);
    int shared = 4 * (2 * tile * sizes.stride() + tile * (tile + 4));
    device.launch(
        "attention",
        "attention_" + tile,
        sizes.geometry(sizes.tq, sizes.h, tile, shared),
        out,
        logSumExp,
        q,
        k,
        v,
        mask.visible,
        mask.reach,
        mask.added,
        sizes.tq,
        sizes.tk,
        sizes.h,
        sizes.g,
        sizes.d);
  }

  void backward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask attentionMask) {
    DeviceTensors tensors = device.tensors();
    Sizes s = Sizes.of(q, k, shape);
    Mask mask = Mask.of(attentionMask, device.scratch());
    long rows = (long) s.b * s.h * s.tq;
    long context = device.scratch().at(Scratch.Slot.ATTENTION, q.bytes() + 8 * rows);
    long logSumExp = context + q.bytes();
    long delta = logSumExp + 4 * rows;
    long query = tensors.read(q);
    long key = tensors.read(k);
    long value = tensors.read(v);
    long above = tensors.read(dOut);
    forward(context, logSumExp, query, key, value, mask, s);
    device.launch(
        "attention_backward",
        "attention_backward_delta",
        Geometry.of((long) s.b * s.tq, s.h, 32),
        delta,
        above,
        context,
        s.tq,
        s.h,
        s.d);
    int tile = s.tile(32);
    int shared = 4 * (4 * tile * s.stride() + 2 * tile * (tile + 4));
    device.launch(
        "attention_backward",
        "attention_backward_query_" + tile,
        s.geometry(s.tq, s.h, tile, shared),
        tensors.write(dq),
        above,
        query,
        key,
        value,
        mask.visible,
        mask.reach,
        logSumExp,
        delta,
        s.tq,
        s.tk,
        s.h,
        s.g,
        s.d);
    device.launch(
        "attention_backward",
        "attention_backward_key_" + tile,
        s.geometry(s.tk, s.g, tile, shared),
        tensors.write(dk),
        tensors.write(dv),
        above,
        query,
        key,
        value,
        mask.visible,
        mask.reach,
        logSumExp,
        delta,
        s.tq,
        s.tk,
        s.h,
        s.g,
        s.d);
  }
}
