package llada.kernel.machine;

import static llada.kernel.machine.Gpr.RCX;

/**
 * Products of the codes of four rows with a token's activations, added up within groups: a vector
 * (group, row) of whole numbers.
 *
 * <p>Sums of 16 bits stay so as long as they have room for the next step; nothing wraps here.
 */
final class FewSums {
  private final FewForm form;
  private final Assembler a;
  private final Vec spare;

  FewSums(FewForm form) {
    this.form = form;
    this.a = form.a();
    this.spare = form.free(4);
  }

  private Vec sum(int row) {
    return form.free(row);
  }

  /** Sums of a piece: as many vectors as {@link FewForm#vectors} over {@link FewForm#together}. */
  void emit(int piece, int s, Mem to) {
    int first = s * form.together();
    switch (form.products()) {
      case DOT -> dot(piece, first);
      case PAIRS -> pairs(piece, first);
      case SIGNS -> signs(piece, first);
      default -> words(piece, first);
    }
    boolean small = form.products() == FewForm.Products.PAIRS;
    small = widenWithoutRoom(small, 2, 1);
    addPairs(sum(0), sum(1), small);
    addPairs(sum(2), sum(3), small);
    small = widenWithoutRoom(small, 4, 2);
    a.op(Op.VSHUFPS, spare, sum(0), sum(2), 0x44);
    a.op(Op.VSHUFPS, sum(2), sum(0), sum(2), 0xEE);
    a.op(small ? Op.VPADDW : Op.VPADDD, spare, spare, sum(2));
    if (small) {
      form.with(Op.VPMADDWD, spare, spare, FewForm.ONES);
    }
    a.store(Op.VMOVUPS_STORE, to, spare);
  }

  private Mem x(int piece, int i) {
    return RCX.at(form.vectorBytes() * form.vector(piece, i));
  }

  private void dot(int piece, int first) {
    for (int row = 0; row < 4; row++) {
      a.op(Op.VPXOR, sum(row), sum(row), sum(row));
      for (int i = first; i < first + form.together(); i++) {
        a.op(Op.VPDPBUSD, sum(row), form.code(row, i), x(piece, i));
      }
    }
  }

  private void pairs(int piece, int first) {
    for (int row = 0; row < 4; row++) {
      for (int i = first; i < first + form.together(); i++) {
        Vec product = i == first ? sum(row) : spare;
        a.op(Op.VPMADDUBSW, product, form.code(row, i), x(piece, i));
        add(Op.VPADDW, row, product);
      }
    }
  }

  private void add(Op op, int row, Vec product) {
    if (!product.equals(sum(row))) {
      a.op(op, sum(row), sum(row), product);
    }
  }

  /** A pair has room, 128 * 127 * 2 = 32,512, and no more than one. */
  private void signs(int piece, int first) {
    Vec x = form.free(5);
    Vec size = form.free(6);
    for (int i = first; i < first + form.together(); i++) {
      a.op(Op.VMOVUPS, x, x(piece, i));
      for (int row = 0; row < 4; row++) {
        Vec product = i == first ? sum(row) : spare;
        a.op(Op.VPABSB, size, form.code(row, i));
        a.op(Op.VPSIGNB, product, x, form.code(row, i));
        a.op(Op.VPMADDUBSW, product, size, product);
        form.with(Op.VPMADDWD, product, product, FewForm.ONES);
        add(Op.VPADDD, row, product);
      }
    }
  }

  private void words(int piece, int first) {
    for (int i = first; i < first + form.together(); i++) {
      Vec even = form.free(5);
      Vec odd = form.free(6);
      a.op(Op.VMOVUPS, odd, x(piece, i));
      FewWeights.widen(a, odd, even, odd);
      for (int row = 0; row < 4; row++) {
        Vec product = i == first ? sum(row) : spare;
        a.op(Op.VPMADDWD, product, form.code(row, 2 * i), even);
        add(Op.VPADDD, row, product);
        a.op(Op.VPMADDWD, spare, form.code(row, 2 * i + 1), odd);
        add(Op.VPADDD, row, spare);
      }
    }
  }

  /**
   * Widens every {@code step}-th sum unless so many products of each as were added to one of 16
   * bits fit into it {@code times} over.
   *
   * @return whether sums are still small
   */
  private boolean widenWithoutRoom(boolean small, int times, int step) {
    int largest = ((1 << form.weights().bits()) - 1) * 2 * 127 * form.together() * times;
    if (!small || largest <= Short.MAX_VALUE) {
      return small;
    }
    for (int row = 0; row < 4; row += step) {
      form.with(Op.VPMADDWD, sum(row), sum(row), FewForm.ONES);
    }
    return false;
  }

  /** Of two rows, four numbers each in 128 bits: x = x0 + x2, y0 + y2, x1 + x3, y1 + y3. */
  private void addPairs(Vec x, Vec y, boolean small) {
    a.op(Op.VUNPCKLPS, spare, x, y);
    a.op(Op.VUNPCKHPS, y, x, y);
    a.op(small ? Op.VPADDW : Op.VPADDD, x, spare, y);
  }
}
