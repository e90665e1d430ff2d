package llada.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The dimensions of a tensor, outermost first. Immutable; every dimension is at least 0 and the
 * number of elements fits a {@code long}.
 */
public final class Shape {
  private final long[] dims;
  private final long elements;

  private Shape(long[] dims) {
    this.dims = dims;
    long product = 1;
    for (long dim : dims) {
      if (dim < 0) {
        throw new IllegalArgumentException("shape " + text(dims) + ": a dimension is negative");
      }
      try {
        product = Math.multiplyExact(product, dim);
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException(
            "shape " + text(dims) + ": the number of elements exceeds 2^63", e);
      }
    }
    this.elements = product;
  }

  /** A shape of the given dimensions, outermost first. */
  public static Shape of(long... dims) {
    return new Shape(dims.clone());
  }

  /** Number of dimensions. */
  public int rank() {
    return dims.length;
  }

  /** Dimension {@code i}; negative indices count from the innermost, -1 being the last. */
  public long dim(int i) {
    return dims[i < 0 ? dims.length + i : i];
  }

  /** Product of all dimensions; 1 for a scalar. */
  public long elements() {
    return elements;
  }

  /** Number of rows when the innermost dimension is taken as a row. */
  public long rows() {
    return dims.length == 0 ? 1 : dim(-1) == 0 ? 0 : elements / dim(-1);
  }

  /** The dimensions, copied. */
  public long[] toArray() {
    return dims.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** As (2, 3), the way shapes are written in all comments and messages. */
  @Override
  public String toString() {
    return text(dims);
  }

  private static String text(long[] dims) {
    return Arrays.stream(dims).mapToObj(Long::toString).collect(Collectors.joining(", ", "(", ")"));
  }
}
