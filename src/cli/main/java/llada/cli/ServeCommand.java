package llada.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import llada.api.Llada;
import llada.api.Scheduler;
import llada.format.FormatException;
import llada.format.TextLines;
import llada.server.LladaServer;
import llada.server.ServeOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Models over HTTP. */
@Command(
    name = "serve",
    description = {
      "Serve models over HTTP: OpenAI's API, and a page on which one watches the text being"
          + " unmasked.",
      "",
      "Requests that come while others are answered join them at the next step and share their",
      "passes; each gets the tokens that it would get alone. Ctrl-C or SIGTERM takes no more",
      "requests, lets those under way be answered, and ends.",
      "src/docs/serving.md has the paths and parameters."
    },
    footer = {
      "  llada serve",
      "  llada serve --model 8b=LLaDA-8B-Instruct --model small=demo.gguf --port 9000",
      "  llada serve --host 0.0.0.0 --api-key-file keys.txt --allow-host llada.example.org",
      "  curl http://127.0.0.1:8080/v1/chat/completions -d '{\"messages\": [{\"role\": \"user\","
          + " \"content\": \"Hello\"}]}'"
    })
final class ServeCommand implements Callable<Integer> {
  private static final int KEY_FILE_BYTES = 1 << 20;

  private final CommandContext context;

  @Option(
      names = {"-m", "--model"},
      paramLabel = "[NAME=]PATH",
      description = {
        "A Hugging Face folder, a GGUF file or OWNER/MODEL as llada pull has brought it, and the"
            + " name by which clients ask for it; may be"
            + " given several times, the first answers who asks for none.",
        "Default: environment variable LLADA_MODEL, else the small model that comes with"
            + " LLaDA.java."
      })
  private List<String> models = List.of();

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      defaultValue = ServeOptions.HOST,
      description = "Where to listen; 0.0.0.0 lets other machines ask. Default: ${DEFAULT-VALUE}.")
  private String host;

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "8080",
      description = "0 takes any that is free. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--api-key-file",
      paramLabel = "FILE",
      description = "Clients must give one of the keys in this file, one on a line.")
  private Path keys;

  @Option(
      names = "--allow-host",
      paramLabel = "NAME",
      description =
          "A name under which clients ask, besides localhost and addresses; may be repeated.")
  private List<String> hosts = List.of();

  @Option(
      names = "--allow-origin",
      paramLabel = "URL",
      description = "A web page elsewhere whose scripts may ask; may be repeated. Default: none.")
  private List<String> origins = List.of();

  @Option(
      names = "--queue",
      paramLabel = "N",
      defaultValue = "64",
      description =
          "Requests that may wait; those beyond are told to come again. Default: ${DEFAULT-VALUE}.")
  private int queue;

  @Option(
      names = "--parallel",
      paramLabel = "N",
      defaultValue = "32",
      description = "Requests that are answered together at most. Default: ${DEFAULT-VALUE}.")
  private int parallel;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "600",
      description = "Time for an answer, waiting included. Default: ${DEFAULT-VALUE}.")
  private int timeout;

  @Option(
      names = "--connections",
      paramLabel = "N",
      defaultValue = "1024",
      description = "Connections at a time. Default: ${DEFAULT-VALUE}.")
  private int connections;

  @Option(
      names = "--drain",
      paramLabel = "SECONDS",
      defaultValue = "30",
      description = "Time for answers under way when the server stops. Default: ${DEFAULT-VALUE}.")
  private int drain;

  @Option(names = "--log", description = "Write a line for each request to standard error.")
  private boolean log;

  @Option(names = "--log-prompts", description = "The same with what was asked.")
  private boolean logPrompts;

  @Mixin private AdapterOption adapter;
  @Mixin private BackendOptions computation;

  ServeCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws IOException {
    if (queue < 1 || parallel < 1 || timeout < 1 || connections < 1 || drain < 0) {
      throw new UsageException(
          "--queue, --parallel, --timeout and --connections must be at least 1, --drain at least"
              + " 0");
    }
    if (adapter.adapter().isPresent() && models.size() != 1) {
      throw new UsageException(
          "--adapter belongs to one model, but there are %d of --model".formatted(models.size()));
    }
    if (port < 0 || port > 65535) {
      throw new UsageException("--port is %d; it must be from 0 to 65535".formatted(port));
    }
    System.setProperty("slf4j.internal.verbosity", "ERROR"); // Jetty would say that nothing logs
    ServeOptions options = options();
    Console console = context.console();
    if (options.keys().isEmpty() && !InetAddress.getByName(host).isLoopbackAddress()) {
      console.message(
          "whoever reaches %s may ask, without a key; --api-key-file asks for one".formatted(host));
    }
    Map<String, Llada> opened = new LinkedHashMap<>();
    try {
      paths()
          .forEach(
              (name, path) ->
                  opened.put(name, Llada.open(path, adapter.adapter(), computation::start)));
      try (LladaServer server = LladaServer.start(opened, options)) {
        console.message(
            "serving %s at http://%s:%d/"
                .formatted(String.join(", ", opened.keySet()), host, server.port()));
        untilStopped(server);
      }
      return ExitCodes.OK;
    } finally {
      opened.values().forEach(Llada::close);
    }
  }

  /** Waits for a signal, which the JVM turns into its end: the hook has it wait for the answers. */
  private void untilStopped(LladaServer server) {
    CountDownLatch stopped = new CountDownLatch(1);
    Thread hook =
        new Thread(
            () -> {
              if (!server.drain(Duration.ofSeconds(drain))) {
                context.console().message("some answers are not finished; their clients are told");
              }
              server.close();
            },
            "stop serving");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      stopped.await();
    } catch (InterruptedException _) {
      Runtime.getRuntime().removeShutdownHook(hook); // whoever has called us closes
    }
  }

  private ServeOptions options() {
    Scheduler.Limits usual = Scheduler.Limits.DEFAULT;
    ServeOptions local = ServeOptions.local();
    return new ServeOptions(
        host,
        port,
        keys == null ? List.of() : keys(keys),
        hosts,
        origins,
        new Scheduler.Limits(queue, parallel, usual.positions(), usual.bytes()),
        connections,
        local.bodyBytes(),
        local.idle(),
        Duration.ofSeconds(timeout),
        log || logPrompts ? context.console()::message : _ -> {},
        logPrompts);
  }

  private static List<String> keys(Path file) {
    List<String> keys =
        TextLines.read(file, KEY_FILE_BYTES)
            .lines()
            .map(String::strip)
            .filter(key -> !key.isEmpty())
            .toList();
    if (keys.isEmpty()) {
      throw new FormatException(file + ": has no key; write one on each line");
    }
    return keys;
  }

  private Map<String, Path> paths() {
    Map<String, Path> paths = new LinkedHashMap<>();
    if (models.isEmpty()) {
      Path usual = ModelOptions.usual(context);
      paths.put(name(usual), usual);
    }
    for (String model : models) {
      int at = model.indexOf('=');
      Path path = context.model(model.substring(at + 1));
      String name = at < 0 ? name(path) : model.substring(0, at);
      if (name.isBlank() || paths.put(name, path) != null) {
        throw new UsageException(
            "--model %s: two models have that name, or it is empty; give NAME=PATH"
                .formatted(model));
      }
    }
    return paths;
  }

  /** A file's name without its ending. */
  private static String name(Path path) {
    return path.toAbsolutePath().normalize().getFileName().toString().replaceFirst("\\.gguf$", "");
  }
}
