package llada.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import llada.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every benchmark's own check passes, so that its figures mean something. */
final class BenchmarksTest {
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"})
  void matmul(DType dtype) {
    MatmulBenchmark benchmark = new MatmulBenchmark();
    benchmark.dtype = dtype;
    benchmark.setup();
    assertThat(benchmark.matmul().dim(1)).isEqualTo(1024);
    benchmark.close();
  }

  @Test
  void otherOps() {
    AttentionBenchmark attention = new AttentionBenchmark();
    attention.setup();
    assertThat(attention.attention().dim(0)).isEqualTo(64);
    AttentionBenchmark blocks = new AttentionBenchmark();
    blocks.block = 32;
    blocks.setup();
    RmsNormBenchmark rmsNorm = new RmsNormBenchmark();
    rmsNorm.setup();
    RopeBenchmark rope = new RopeBenchmark();
    rope.setup();
    SwiGluBenchmark swiGlu = new SwiGluBenchmark();
    swiGlu.setup();
    ResidualBenchmark residual = new ResidualBenchmark();
    residual.setup();
    List.of(attention, blocks, rmsNorm, rope, swiGlu, residual).forEach(OpBenchmark::close);
  }

  @ParameterizedTest
  @ValueSource(strings = {"vector", "auto"})
  void experts(String backend) {
    RouteBenchmark route = new RouteBenchmark();
    ExpertMatmulBenchmark matmul = new ExpertMatmulBenchmark();
    CombineBenchmark combine = new CombineBenchmark();
    List.of(route, matmul, combine).forEach(benchmark -> benchmark.backend = backend);
    route.setup();
    assertThat(route.route()).hasSize(2048);
    matmul.setup();
    assertThat(matmul.expertMatmul().dim(0)).isEqualTo(32);
    combine.setup();
    assertThat(combine.combine().dim(0)).isEqualTo(256);
    List.of(route, matmul, combine).forEach(OpBenchmark::close);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "quota",
        "threshold=1",
        "factor=0.000001",
        "eb=0",
        "klass=1,0.000001,2",
        "remdm-cap=0.008"
      })
  void decoders(String commit) {
    for (String cache : List.of("none", "prefix", "dual", "dkv", "dllm")) {
      DecoderBenchmark benchmark = new DecoderBenchmark();
      benchmark.cache = cache;
      benchmark.commit = commit;
      benchmark.setup();
      assertThat(benchmark.block().answer(0)).containsOnly(7);
      benchmark.close();
    }
  }

  @Test
  void backward() {
    MatmulBackwardBenchmark matmul = new MatmulBackwardBenchmark();
    matmul.setup();
    assertThat(matmul.weight().dim(0)).isEqualTo(256);
    AttentionBackwardBenchmark attention = new AttentionBackwardBenchmark();
    attention.setup();
    EmbeddingBackwardBenchmark embedding = new EmbeddingBackwardBenchmark();
    embedding.setup();
    MaskedCrossEntropyBackwardBenchmark loss = new MaskedCrossEntropyBackwardBenchmark();
    loss.setup();
    assertThat(loss.backward()[0]).isPositive();
    TrainingStepBenchmark step = new TrainingStepBenchmark();
    step.shape = "32x1x2x48x64";
    step.batch = 2;
    step.tokens = 16;
    step.setup();
    assertThat(step.step()).isPositive();
    step.free();
    List.of(matmul, attention, embedding, loss, step).forEach(OpBenchmark::close);
  }

  @ParameterizedTest
  @ValueSource(strings = {"vector", "auto"})
  void forwardPass(String backend) {
    ForwardPassBenchmark pass = new ForwardPassBenchmark();
    pass.backend = backend;
    pass.setup();
    assertThat(pass.forward().dim(0)).isEqualTo(1);
    pass.close();
  }

  @Test
  void vocabulary() {
    SoftmaxStatisticsBenchmark statistics = new SoftmaxStatisticsBenchmark();
    statistics.setup();
    GumbelMaxBenchmark gumbelMax = new GumbelMaxBenchmark();
    gumbelMax.setup();
    assertThat(gumbelMax.gumbelMax()).hasSize(32);
    MaskedCrossEntropyBenchmark loss = new MaskedCrossEntropyBenchmark();
    loss.setup();
    assertThat(loss.maskedCrossEntropy()[0]).isPositive();
    EmbeddingBenchmark embedding = new EmbeddingBenchmark();
    embedding.setup();
    List.of(statistics, gumbelMax, loss, embedding).forEach(OpBenchmark::close);
  }

  @Test
  void samplerAndTokenizer() {
    SamplerBenchmark sampler = new SamplerBenchmark();
    sampler.temperature = 0.7;
    sampler.setup();
    assertThat(sampler.step().answer(0)).hasSize(32);
    TokenizerBenchmark tokenizer = new TokenizerBenchmark();
    tokenizer.setup();
    assertThat(tokenizer.encode()).isNotEmpty();
  }
}
