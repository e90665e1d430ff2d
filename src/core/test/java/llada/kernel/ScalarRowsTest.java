package llada.kernel;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@link RowContract} of the reference, which runs on the calling thread. */
final class ScalarRowsTest implements RowContract {
  @Override
  public Kernels kernels(Parallel parallel) {
    return new ScalarKernels();
  }

  @Override
  public List<Integer> threads() {
    return List.of(1);
  }

  /** Loops without tiles need no long rows, on which they take a minute. */
  @Override
  @ParameterizedTest
  @CsvSource({"1,2,2,16", "37,4,2,64", "70,3,1,20"})
  public void attention(int keys, int heads, int kvHeads, int d) {
    RowContract.super.attention(keys, heads, kvHeads, d);
  }
}
