package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.converter.CommandsTest.Run;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files in types that are read and not written, on their way into types that are. */
final class ReadOnlyTypesConvertTest {
  private static final Path FILE = Golden.resources().resolve("gguf/read-only.gguf");

  @TempDir Path temp;

  /**
   * Every float16 scale times a small code fits in float32, so a conversion to it loses nothing.
   */
  @Test
  void toFloat32AndThenToAFolderNothingChanges() {
    Path gguf = temp.resolve("f32.gguf");
    Path folder = temp.resolve("folder");
    ConvertTest.convert(FILE, gguf, QuantizationMix.F32);
    ConvertTest.convert(gguf, folder, QuantizationMix.F32);
    try (Checkpoint before = Checkpoint.open(FILE);
        Checkpoint between = Checkpoint.open(gguf);
        Checkpoint after = Checkpoint.open(folder)) {
      List<Tensor> a = weights(before);
      List<Tensor> b = weights(between);
      assertThat(a).hasSameSizeAs(b);
      for (int i = 0; i < a.size(); i++) {
        assertThat(b.get(i).dtype()).isEqualTo(DType.F32);
        assertThat(b.get(i).toArray()).isEqualTo(a.get(i).toArray());
      }
      assertThat(after.config().nLayers()).isEqualTo(2);
    }
    Run diff = Run.of("diff", FILE, folder);
    assertThat(diff.code()).as(diff.err()).isZero();
    assertThat(diff.out()).contains("Q2_K", "Q3_K", "IQ4_NL", "MXFP4").contains("F32");
  }

  private static List<Tensor> weights(Checkpoint checkpoint) {
    return checkpoint.namedWeights().stream().map(weight -> weight.tensor()).toList();
  }

  @Test
  void toAnotherQuantisedTypeWithAWord() {
    Run run = Run.of("quantize", FILE, temp.resolve("q8.gguf"), "--type", "q8_0");
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.err()).contains("is quantised already (Q2_K)");
    assertThat(Run.of("verify", temp.resolve("q8.gguf")).code()).isZero();
  }

  @Test
  void verifyRunsThem() {
    Run verify = Run.of("verify", FILE);
    assertThat(verify.code()).as(verify.err()).isZero();
  }

  @Test
  void asTargetsTheyAreRefused() {
    Run type = Run.of("quantize", FILE, temp.resolve("x.gguf"), "--type", "q5_0");
    assertThat(type.code()).isEqualTo(2);
    Run head = Run.of("quantize", FILE, temp.resolve("x.gguf"), "--type", "q8_0", "--head", "q5_0");
    assertThat(head.code()).isEqualTo(2);
    assertThat(head.err())
        .contains("--head is q5_0; it must be f32, f16, bf16, q8_0, q4_0, q4_k, q5_k, q6_k");
  }
}
