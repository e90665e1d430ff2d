package llada.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import llada.api.Scheduler;
import llada.bench.BatchGain;
import llada.bench.ServerLoad;
import llada.server.LladaServer;
import llada.server.ServeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a server does when many ask. */
@Command(
    name = "serve",
    description = {
      "Serve the model to many clients at once, and compare each answer with that of the same"
          + " request alone.",
      "",
      "Lengths and ways of asking are mixed; a tenth of the clients hangs up and a tenth reads"
          + " slowly. It prints how long answers take, tokens per second, CPU time outside the"
          + " model, what sharing passes gains, and holds many idle streams.",
      "Exits with 1 if an answer was lost, or is not the one of the request alone."
    },
    footer = {"  llada bench serve", "  llada bench serve --connections 8 --rounds 2 --idle 0"})
final class ServeBench implements Callable<Integer> {
  private static final int TOGETHER = 8;

  private final CommandContext context;

  @Option(
      names = "--connections",
      paramLabel = "N",
      defaultValue = "64",
      description = "Clients at a time. Default: ${DEFAULT-VALUE}.")
  private int connections;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "4",
      description = "Requests of each. Default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(
      names = "--idle",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Idle streams to hold; 0 for none. Default: ${DEFAULT-VALUE}.")
  private int idle;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "3",
      description = "Times that the gain of a batch is measured. Default: ${DEFAULT-VALUE}.")
  private int repeat;

  @Mixin private ModelOptions model;
  @Mixin private BackendOptions computation;

  ServeBench(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (connections < 1 || rounds < 1 || idle < 0 || repeat < 1) {
      throw new UsageException(
          "--connections, --rounds and --repeat must be at least 1, --idle at least 0");
    }
    System.setProperty("slf4j.internal.verbosity", "ERROR"); // Jetty would say that nothing logs
    PrintStream out = context.console().out();
    try (OpenModel opened = OpenModel.open(model, computation)) {
      out.println(opened.llada().backend().why());
      ServerLoad.Result load;
      try (LladaServer server =
          LladaServer.start(Map.of("model", opened.llada()), options(connections + idle))) {
        load =
            ServerLoad.run(
                URI.create("http://127.0.0.1:" + server.port()),
                new ServerLoad.Settings(connections, rounds, idle, 1));
      }
      print(out, load);
      for (BatchGain gain : BatchGain.measure(opened.llada(), TOGETHER, repeat)) {
        line(
            out,
            "%-5s  %d requests together %.2f times as fast as one at a time, their passes %.2f: %.0f %%",
            gain.decoder(),
            TOGETHER,
            gain.answers(),
            gain.passes(),
            100 * gain.share());
      }
      return load.lost() + load.mixed() + load.left() > 0 || load.held() < idle ? 1 : ExitCodes.OK;
    }
  }

  private void print(PrintStream out, ServerLoad.Result load) {
    line(
        out,
        "%d answers (%d read slowly), %d hung up, %d lost, %d mixed",
        load.millis().length,
        load.slow(),
        load.hungUp(),
        load.lost(),
        load.mixed());
    line(
        out,
        "%d connections: p50 %.0f ms, p99 %.0f ms, %.0f tokens/s; one at a time %.0f tokens/s",
        connections,
        load.millis(0.5),
        load.millis(0.99),
        load.tokensPerSecond(),
        load.aloneTokensPerSecond());
    line(out, "CPU time outside the model: %.2f ms a request", load.cpuMillis());
    line(
        out,
        "%d idle streams held with %.1f %% of a core; %d left after all hung up",
        load.held(),
        100 * load.idleCpu(),
        load.left());
  }

  private static void line(PrintStream out, String format, Object... values) {
    out.println(String.format(Locale.ROOT, format, values));
    out.flush();
  }

  private static ServeOptions options(int clients) {
    ServeOptions local = ServeOptions.local();
    Scheduler.Limits usual = Scheduler.Limits.DEFAULT;
    return new ServeOptions(
        local.host(),
        local.port(),
        List.of(),
        List.of(),
        List.of(),
        usual.waiting(clients),
        clients + 16,
        local.bodyBytes(),
        local.idle(),
        Duration.ofMinutes(5),
        _ -> {},
        false);
  }
}
