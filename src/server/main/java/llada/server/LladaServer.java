package llada.server;

import java.io.IOException;
import java.net.BindException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import llada.api.Llada;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * Serves models over HTTP: OpenAI's API, and a page.
 *
 * <pre>{@code
 * try (Llada llada = Llada.demo();
 *     LladaServer server = LladaServer.start(Map.of("demo", llada), ServeOptions.local())) {
 *   System.out.println("http://127.0.0.1:" + server.port());
 *   Thread.currentThread().join();
 * }
 * }</pre>
 */
public final class LladaServer implements AutoCloseable {
  private static final int HEADER_BYTES = 16 << 10;

  private final Server server;
  private final ServerConnector connector;
  private final Models models;
  private final Api api;
  private final Silent silent;

  private LladaServer(Map<String, Llada> opened, ServeOptions options) {
    QueuedThreadPool threads = new QueuedThreadPool(16, 2);
    threads.setName("llada-http");
    threads.setDaemon(true);
    threads.setVirtualThreadsExecutor(VirtualThreads.getDefaultVirtualThreadsExecutor());
    HttpConfiguration http = new HttpConfiguration();
    http.setSendServerVersion(false);
    http.setRequestHeaderSize(HEADER_BYTES);
    server = new Server(threads);
    connector = new ServerConnector(server, 0, 1, new HttpConnectionFactory(http));
    connector.setHost(options.host());
    connector.setPort(options.port());
    connector.setIdleTimeout(options.idle().toMillis());
    server.addConnector(connector);
    server.addBean(new NetworkConnectionLimit(options.connections(), connector));
    server.setErrorHandler(new JsonErrors());
    models = new Models(opened, options.limits());
    api = new Api(options, models);
    server.setHandler(api);
    silent = new Silent(options.idle(), api::look);
    connector.addBean(silent);
  }

  /**
   * Serves these models, which stay the caller's and are closed after the server.
   *
   * @param models by the names that clients give; the first answers who gives none
   * @throws IOException if it cannot listen there; the message says why
   */
  public static LladaServer start(Map<String, Llada> models, ServeOptions options)
      throws IOException {
    LladaServer started = new LladaServer(models, options);
    try {
      started.server.start();
      return started;
    } catch (Exception e) {
      started.close();
      boolean taken = e instanceof BindException || e.getCause() instanceof BindException;
      String why = taken ? "something else listens there, or it is no address of this machine" : "";
      throw new IOException(
          "%s:%d cannot be listened at: %s"
              .formatted(options.host(), options.port(), taken ? why : e.getMessage()),
          e);
    }
  }

  /** Where it listens. */
  public int port() {
    return connector.getLocalPort();
  }

  /**
   * Takes no more requests and lets those that were taken be answered.
   *
   * @return whether all were within that time; {@link #close} tells the others
   */
  public boolean drain(Duration time) {
    api.stopping();
    connector.close(); // who is connected already stays so
    long end = System.nanoTime() + time.toNanos();
    boolean all = true;
    for (Models.Served model : models.all()) {
      Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
      all &= model.scheduler().drain(left);
    }
    boolean quiet = api.awaitQuiet(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
    return all && quiet;
  }

  /** Ends all answers; their clients are told that the server stops. */
  @Override
  public void close() {
    api.stopping();
    models.all().forEach(model -> model.scheduler().close());
    api.awaitQuiet(Duration.ofSeconds(2)); // until they are told
    silent.stop();
    try {
      server.stop();
    } catch (Exception e) {
      throw new IllegalStateException("the server does not stop: " + e.getMessage(), e);
    }
  }

  /** Closes connections on which no whole request comes in time, however often a byte does. */
  private static final class Silent implements Connection.Listener {
    /**
     * What was last seen of a connection.
     *
     * @param requests whose heads have come
     * @param bytes that had come by then
     * @param since when there have been more, of a request whose head has not; 0 if there are none
     */
    private record Seen(long requests, long bytes, long since) {}

    private final Map<Connection, Seen> connections = new ConcurrentHashMap<>();
    private final Thread thread;

    Silent(Duration idle, Runnable look) {
      thread =
          Thread.ofVirtual()
              .name("llada-silent")
              .start(
                  () -> {
                    try {
                      while (true) {
                        Thread.sleep(Exchange.LOOK_MILLIS);
                        look.run();
                        sweep(idle);
                      }
                    } catch (InterruptedException _) {
                      // stopped
                    }
                  });
    }

    private void sweep(Duration idle) {
      long now = System.currentTimeMillis();
      connections.replaceAll(
          (connection, seen) -> {
            long requests = connection.getMessagesIn();
            long bytes = connection.getBytesIn();
            if (requests > seen.requests() || requests > connection.getMessagesOut()) {
              return new Seen(requests, bytes, 0); // one is being answered, or was meanwhile
            }
            if (seen.since() > 0 && now - seen.since() > idle.toMillis()) {
              connection.getEndPoint().close();
            }
            return seen.since() > 0 || bytes == seen.bytes()
                ? seen
                : new Seen(requests, seen.bytes(), now);
          });
    }

    void stop() {
      thread.interrupt();
    }

    @Override
    public void onOpened(Connection connection) {
      connections.put(connection, new Seen(0, 0, 0));
    }

    @Override
    public void onClosed(Connection connection) {
      connections.remove(connection);
    }
  }

  /** What is wrong before a request reaches the API, in the same form. */
  private static final class JsonErrors extends ErrorHandler {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      ApiException told =
          ApiException.refused(
              response.getStatus(), null, "the request is not HTTP as it is served here");
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
      Content.Sink.write(response, true, told.json(), callback);
      return true;
    }
  }
}
