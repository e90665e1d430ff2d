package llada.kernel.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import llada.tensor.DType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Code for few tokens is assembled when it is first needed, by whichever thread needs it. */
final class FewCodeTest {
  private static String assembled(DType dtype, int chunks) {
    return FewCode.assemble(512, true, dtype, Matmul.Arithmetic.INT8, Geometry.CHUNK * chunks)
        .listing();
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"Q4_0", "Q8_0", "Q4_K", "Q5_K", "Q6_K"})
  void threadsThatAssembleAtOnceDoNotMixTheirCode(DType dtype) {
    List<String> alone = IntStream.range(1, 9).mapToObj(n -> assembled(dtype, n)).toList();
    for (int round = 0; round < 10; round++) {
      assertThat(IntStream.range(1, 9).parallel().mapToObj(n -> assembled(dtype, n)).toList())
          .isEqualTo(alone);
    }
  }
}
