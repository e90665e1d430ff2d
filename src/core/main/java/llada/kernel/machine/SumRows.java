package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import llada.tensor.Tensor;

/**
 * The way back from lanes to rows of tokens.
 *
 * @param sums (panels, rows, width), {@code panelBytes} a panel
 * @param skip lanes before that of the first token
 */
record SumRows(MemorySegment sums, long panelBytes, int skip) {
  /**
   * out[t, first + r] = sums[r, skip + t].
   *
   * @param out (T, N)
   */
  void store(Program program, Geometry g, Tensor out, int first, int rows, Block argumentBlock) {
    int end = skip + out.dim(0);
    int lanes = g.lanes();
    int squares = rows / lanes;
    for (int t0 = skip / lanes * lanes; t0 < end; t0 += lanes) {
      long source = t0 / g.width() * panelBytes + 4L * (t0 % g.width());
      int from = Math.max(skip - t0, 0);
      int to = Math.min(lanes, end - t0);
      if (squares > 0) {
        // The target of tokens before and past these is memory behind the arguments.
        int spare = TransposeCode.arguments(g);
        MemorySegment arguments = argumentBlock.atLeast(spare + 4L * g.blockRows());
        Block.set(arguments, TransposeCode.COUNT, squares);
        Block.set(arguments, TransposeCode.SOURCE_STEP, (long) lanes * g.step());
        Block.set(arguments, TransposeCode.TARGET_STEP, 4L * lanes);
        for (int i = 0; i < lanes; i++) {
          Block.set(
              arguments,
              TransposeCode.SOURCES + 8 * i,
              sums.address() + source + (long) i * g.step());
          long row = out.data().address() + 4 * ((long) (t0 + i - skip) * out.dim(1) + first);
          Block.set(
              arguments,
              TransposeCode.targets(g) + 8 * i,
              i >= from && i < to ? row : arguments.address() + spare);
        }
        program.code(Program.TRANSPOSE).run(arguments);
      }
      for (int r = squares * lanes; r < rows; r++) {
        for (int i = from; i < to; i++) {
          float sum = sums.get(ValueLayout.JAVA_FLOAT, source + (long) r * g.step() + 4L * i);
          out.set((long) (t0 + i - skip) * out.dim(1) + first + r, sum);
        }
      }
    }
  }
}
