package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import llada.backend.Peaks;
import llada.backend.Peaks.Limit;
import llada.bench.Timings;
import llada.format.Json;
import llada.kernel.Precision;
import llada.tensor.DType;
import org.junit.jupiter.api.Test;

/** What bench reports is there and fits together; how fast anything is, no test can know. */
class BenchTest {
  private static final List<String> KEYS =
      List.of(
          "bench",
          "model",
          "layers",
          "tokens",
          "backend",
          "threads",
          "repeat",
          "forward_ms",
          "forward_ms_all",
          "forward_gflop",
          "forward_gflops",
          "block_ms",
          "head_ms",
          "logits_finite",
          "peak_fma_gflops",
          "peak_fma_256_gflops",
          "peak_madd_gops",
          "peak_vnni_gops",
          "peak_bf16_gflops",
          "memory_gbps",
          "memory_core_gbps",
          "peaks_raised",
          "peak_rss_mb",
          "ops");

  @Test
  void theJsonIsCompleteAndItsNumbersFitTogether() {
    CliRun run =
        CliRun.of(
            ("bench --shape custom --dim 64 --layers 3 --heads 4 --kv-heads 2 --ffn 96 --vocab 300"
                    + " --type q4_0 --head q8_0 --tokens 10 --repeat 3 --warmup 0 --threads 2 --backend vector --json")
                .split(" "));
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    Json json = Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
    assertThat(json.map().keySet()).containsExactlyElementsOf(KEYS);
    assertThat(json.get("model").string()).isEqualTo("synthetic, 3 layers, q4_0");
    assertThat(json.get("backend").string()).isEqualTo("vector");
    assertThat(json.get("tokens").integer(0, 99)).isEqualTo(10);
    assertThat(json.get("threads").integer(0, 99)).isEqualTo(2);
    assertThat(json.get("logits_finite").bool()).isTrue();
    assertThat(json.get("peak_vnni_gops")).matches(peak -> peak.isNull() || peak.number() > 0);
    assertThat(json.get("peak_bf16_gflops")).matches(peak -> peak.isNull() || peak.number() > 0);
    assertThat(json.get("peak_fma_gflops").number()).isPositive();
    assertThat(json.get("memory_gbps").number()).isPositive();

    double[] all =
        json.get("forward_ms_all").list().stream().mapToDouble(Json::number).sorted().toArray();
    assertThat(all).hasSize(3);
    double ms = json.get("forward_ms").number();
    assertThat(ms).isEqualTo(all[1]);
    double gflop = json.get("forward_gflop").number();
    // By hand: two for each weight of the matrices (blocks 64 64 + 2 32 64 + 64 64 + 3 64 96, head
    // 300 64) and token, four for each channel and pair of tokens in each layer.
    double block = 64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 64 * 96;
    assertThat(1e9 * gflop)
        .isCloseTo(2 * 10 * (3 * block + 300 * 64) + 3 * 4 * 10 * 10 * 64, within(1e-3));
    assertThat(json.get("forward_gflops").number()).isCloseTo(gflop / ms * 1e3, within(1e-9));

    double sum = 0;
    for (Json op : json.get("ops").list()) {
      double calls = op.get("calls").number();
      assertThat(op.get("ms").number()).isPositive();
      if (!op.get("gflop").isNull()) {
        sum += calls * op.get("gflop").number();
        assertThat(op.get("peak_percent").number())
            .isCloseTo(
                100 * op.get("gflops").number() / json.get("peak_fma_gflops").number(),
                within(1e-6));
      }
    }
    assertThat(sum).isCloseTo(gflop, within(1e-12));
    List<String> ops =
        json.get("ops").list().stream()
            .map(
                op ->
                    "%s %s %s"
                        .formatted(
                            op.get("op").string(),
                            op.get("shape").string(),
                            op.get("type").string()))
            .toList();
    assertThat(ops)
        .contains(
            "matmul (10, 64) x (32, 64) Q4_0",
            "matmul (10, 64) x (96, 64) Q4_0",
            "matmul (10, 96) x (64, 96) Q4_0",
            "matmul (10, 64) x (300, 64) Q8_0",
            "attention (10, 64), kv (10, 32) F32",
            "swiGlu (10, 96) F32");
  }

  @Test
  void theTableHasARowForEverything() {
    CliRun run =
        CliRun.of(
            ("bench --shape custom --dim 64 --layers 2 --heads 4 --ffn 96 --vocab 300 --type bf16"
                    + " --tokens 8 --repeat 1 --warmup 0 --no-limits --backend vector")
                .split(" "));
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    assertThat(run.out())
        .contains(
            "model    synthetic, 2 layers, bf16",
            "backend: vector",
            "limits   FMA -, FMA at 256 bits -")
        .containsSubsequence("op ", "embedding", "matmul", "attention", "block", "head", "forward");
  }

  @Test
  void aMachineTierIsComparedWithItsOwnLimit() {
    Peaks peaks =
        new Peaks(Map.of(Limit.FMA, 1.0, Limit.MADD, 2.0, Limit.VNNI, 3.0, Limit.BF16, 4.0));
    Precision plain = Precision.WEIGHTS;
    assertThat(peaks.matmul("vector", plain, DType.Q8_0)).isEqualTo(Limit.FMA);
    assertThat(peaks.matmul("machine", plain, DType.Q4_K)).isEqualTo(Limit.VNNI);
    assertThat(peaks.matmul("machine", plain, DType.BF16)).isEqualTo(Limit.BF16);
    assertThat(peaks.matmul("machine", plain, DType.F32)).isEqualTo(Limit.FMA);
    assertThat(peaks.matmul("machine", Precision.BF16, DType.F32)).isEqualTo(Limit.BF16);
    assertThat(peaks.matmul("machine", Precision.EXACT, DType.Q8_0)).isEqualTo(Limit.FMA);
    Peaks older = new Peaks(Map.of(Limit.FMA, 1.0, Limit.MADD, 2.0));
    assertThat(older.matmul("machine", plain, DType.BF16)).isEqualTo(Limit.FMA);
    assertThat(older.matmul("machine", plain, DType.Q4_0)).isEqualTo(Limit.MADD);
  }

  @Test
  void theMedianOfAnEvenNumberIsBetweenTheMiddleTwo() {
    Timings timings = new Timings();
    for (long nanos : new long[] {4_000_000, 1_000_000, 2_000_000, 9_000_000}) {
      timings.add(nanos);
    }
    assertThat(timings.medianMillis()).isEqualTo(3);
    assertThat(timings.millis()).containsExactly(4, 1, 2, 9);
  }
}
