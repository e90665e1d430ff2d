package llada.cli;

/**
 * A command that another module brings, found by {@link java.util.ServiceLoader}. List the
 * implementing class in {@code META-INF/services/llada.cli.CommandProvider}.
 */
public interface CommandProvider {
  /**
   * A new object annotated with picocli's {@code @Command}, {@code Runnable} or {@code
   * Callable<Integer>}. It writes results to {@code spec.commandLine().getOut()}, messages to
   * {@code getErr()}, and throws what it cannot handle: {@link ErrorReport} knows what to say.
   */
  Object command();
}
