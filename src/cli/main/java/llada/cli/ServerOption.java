package llada.cli;

import picocli.CommandLine.Option;

/** Who answers in place of a model that is opened here. */
final class ServerOption {
  private static final String KEY = "LLADA_API_KEY";

  @Option(
      names = "--server",
      paramLabel = "URL",
      description =
          "Ask a server of 'llada serve', such as http://127.0.0.1:8080, which has its model open"
              + " already. Environment variable LLADA_API_KEY has the key, where one is asked for.")
  private String url;

  private final CommandContext context;

  ServerOption(CommandContext context) {
    this.context = context;
  }

  /** Whether one is named. */
  boolean given() {
    return url != null;
  }

  /** A connection to it. */
  RemoteServer open() {
    return new RemoteServer(url, context.variable(KEY));
  }
}
