package llada.kernel.scalar;

import llada.tensor.DType;
import llada.tensor.Tensor;

/** The shape rules that several ops share. */
final class Require {
  private Require() {}

  /** {@code tensor} is a float32 matrix (rows, columns). */
  static void matrix(String op, String name, Tensor tensor, long rows, long columns) {
    if (tensor.dtype() != DType.F32) {
      throw new IllegalArgumentException(
          "%s: %s is %s; activations are F32".formatted(op, name, tensor.dtype()));
    }
    if (tensor.shape().rank() != 2
        || tensor.shape().dim(0) != rows
        || tensor.shape().dim(1) != columns) {
      throw new IllegalArgumentException(
          "%s: %s is %s but must be (%d, %d)".formatted(op, name, tensor.shape(), rows, columns));
    }
  }

  /** {@code tensor} is float32, as every gradient is. */
  static void f32(String op, String name, Tensor tensor) {
    if (tensor.dtype() != DType.F32) {
      throw new IllegalArgumentException(
          "%s: %s is %s; gradients are F32".formatted(op, name, tensor.dtype()));
    }
  }

  /** {@code tensor} has exactly one dimension of {@code length}. */
  static void vector(String op, String name, Tensor tensor, long length) {
    if (tensor.shape().rank() != 1 || tensor.shape().dim(0) != length) {
      throw new IllegalArgumentException(
          "%s: %s is %s but must be (%d)".formatted(op, name, tensor.shape(), length));
    }
  }

  /** {@code tensor} is a matrix of any type. */
  static void rank2(String op, String name, Tensor tensor) {
    if (tensor.shape().rank() != 2) {
      throw new IllegalArgumentException(
          "%s: %s is %s but must be a matrix".formatted(op, name, tensor.shape()));
    }
  }
}
