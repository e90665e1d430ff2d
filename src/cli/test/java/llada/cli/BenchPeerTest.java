package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import llada.backend.Peaks;
import llada.backend.Peaks.Limit;
import llada.backend.ThreadPool;
import llada.format.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A peer runs in turn with our passes, and a limit is never below what a kernel reached. */
class BenchPeerTest {
  @TempDir Path temp;

  @BeforeEach
  void needsAShell() {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "--peer is a line for the shell");
  }

  private static CliRun bench(String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                ("bench --shape custom --dim 32 --layers 1 --heads 2 --ffn 32 --vocab 300 --tokens 4"
                        + " --repeat 3 --warmup 0 --threads 1 --backend vector --no-limits")
                    .split(" ")));
    args.addAll(List.of(more));
    return CliRun.of(args.toArray(String[]::new));
  }

  @Test
  void theTimeThatThePeerPrintsIsTakenAndComparedByMedians() {
    Path count = temp.resolve("count");
    String command =
        "echo x >>'%1$s'; echo took 9 s; echo took $(wc -l <'%1$s').5 s".formatted(count);
    CliRun run = bench("--json", "--peer", command, "--peer-pattern", "took ([0-9.]+) s");
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    Json json = Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
    assertThat(json.get("peer").string()).isEqualTo(command);
    assertThat(json.get("peer_ms_all").list().stream().map(Json::number))
        .containsExactly(1500.0, 2500.0, 3500.0);
    assertThat(json.get("peer_ms").number()).isEqualTo(2500);
    assertThat(json.get("peer_ratio").number()).isEqualTo(json.get("forward_ms").number() / 2500);
    CliRun table = bench("--peer", "sleep 0.01");
    assertThat(table.out())
        .contains("peer ", " x its time (its whole process, in turn: sleep 0.01)");
  }

  @Test
  void aPeerThatFailsOrSaysNoTimeEndsTheCommand() {
    assertThat(bench("--peer", "echo no such model; exit 3"))
        .satisfies(
            run -> {
              assertThat(run.code()).isEqualTo(ExitCodes.USAGE);
              assertThat(run.err())
                  .isEqualTo(
                      "llada: the peer 'echo no such model; exit 3' ended with 3: no such model\n");
            });
    assertThat(bench("--peer", "echo done", "--peer-pattern", "took (.*) s").err())
        .contains("it found nothing, and the output ends: done");
    assertThat(bench("--peer", "echo took long s", "--peer-pattern", "took (.*) s").err())
        .contains("it found long,");
    assertThat(bench("--peer", "true", "--peer-pattern", "a(b)(c)").err())
        .contains("has 2 groups; it must have one");
    assertThat(bench("--peer-pattern", "took (.*) s").err())
        .contains("--peer-pattern needs --peer");
  }

  @Test
  void aLimitThatAKernelPassedIsRaisedToIt() {
    Peaks peaks = new Peaks(Map.of(Limit.FMA, 1e-9));
    try (ThreadPool pool = new ThreadPool(1)) {
      peaks.reached(Limit.FMA, 1e-10, pool);
      assertThat(peaks.value(Limit.FMA)).hasValue(1e-9);
      peaks.reached(Limit.FMA, 2e-9, pool); // measured again, it is far more
      assertThat(peaks.value(Limit.FMA).orElseThrow()).isGreaterThan(1e-3);
      assertThat(peaks.raised()).isEmpty();
      peaks.reached(Limit.FMA, 1e12, pool);
      assertThat(peaks.value(Limit.FMA)).hasValue(1e12);
      assertThat(peaks.raised()).containsExactly(Limit.FMA);
      peaks.reached(Limit.BF16, 5, pool);
      assertThat(peaks.value(Limit.BF16)).as("what is not known is not raised").isEmpty();
    }
  }
}
