package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A small load: nothing is lost or mixed. How fast it is, no test can know. */
@Timeout(300)
final class ServeBenchTest {
  @Test
  void nothingIsLostOrMixed() {
    CliRun run =
        CliRun.of(
            "bench",
            "serve",
            "--connections",
            "12",
            "--rounds",
            "2",
            "--idle",
            "40",
            "--repeat",
            "1");
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    assertThat(run.out())
        .containsPattern("22 answers \\(2 read slowly\\), 2 hung up, 0 lost, 0 mixed")
        .containsPattern("12 connections: p50 \\d+ ms, p99 \\d+ ms, \\d+ tokens/s")
        .containsPattern("40 idle streams held .*; 0 left after all hung up")
        .containsPattern("exact +8 requests together \\S+ times as fast")
        .containsPattern("fast +8 requests together \\S+ times as fast");
  }

  @Test
  void wrongOptionsAreTold() {
    assertThat(CliRun.of("bench", "serve", "--connections", "0").code()).isEqualTo(ExitCodes.USAGE);
    assertThat(CliRun.of("bench", "serve", "--idle", "-1").code()).isEqualTo(ExitCodes.USAGE);
  }
}
