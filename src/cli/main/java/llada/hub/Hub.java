package llada.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import llada.format.FormatException;
import llada.format.Json;

/**
 * A hub over HTTP. Redirections are followed here and not by the client, because the token goes to
 * the hub itself only: large files mostly lie with somebody else. For one thread.
 */
public final class Hub implements AutoCloseable {
  private static final int MAX_REDIRECTIONS = 5;
  private static final int MAX_LISTING_BYTES = 16 << 20;
  private static final int ATTEMPTS = 5;
  private static final long MAX_WAIT_SECONDS = 120;

  private final ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpClient client;
  private final URI endpoint;
  private final Optional<String> token;
  private final Duration pause;
  private final Duration silence;

  /** The network or the hub failed; another time it may not. */
  static final class Broken extends IOException {
    private static final long serialVersionUID = 1L;

    Broken(String message) {
      super(message);
    }
  }

  /** Something that the network may fail. */
  @FunctionalInterface
  interface Attempt<T> {
    /** Tries once. */
    T run() throws IOException;

    /** A number that has grown if a failure came after some progress. */
    default long progress() throws IOException {
      return 0;
    }
  }

  /**
   * Asks nothing yet.
   *
   * @param endpoint such as {@code https://huggingface.co}
   * @param token of an account, for models that not everybody may read
   * @param pause after a failure; twice as long after the next, and so on
   * @param silence without a byte, after which a connection counts as broken
   * @throws FormatException if that is no address, or one where others could read the token
   */
  public Hub(String endpoint, Optional<String> token, Duration pause, Duration silence) {
    try {
      this.endpoint = URI.create(endpoint.replaceFirst("/*$", "/"));
      HttpRequest.newBuilder(this.endpoint);
    } catch (IllegalArgumentException e) {
      throw new FormatException(
          endpoint + ": is no address of a hub, such as https://huggingface.co", e);
    }
    boolean local =
        String.valueOf(this.endpoint.getHost())
            .matches("localhost|127\\.\\d+\\.\\d+\\.\\d+|\\[::1]");
    if (token.isPresent() && !local && !"https".equalsIgnoreCase(this.endpoint.getScheme())) {
      throw new FormatException(
          endpoint + ": everybody on the way there could read the token; give an https address");
    }
    this.token = token;
    this.pause = pause;
    this.silence = silence;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(silence)
            .build();
  }

  /**
   * A model's files at one time.
   *
   * @param commit which time that is
   */
  record Listing(String commit, List<HubFile> files) {}

  /**
   * All files of a model.
   *
   * @throws FormatException if there is none, it may not be read, or the listing is malformed
   */
  Listing list(ModelName name) throws IOException {
    URI uri =
        endpoint.resolve(
            "api/models/%s/%s/revision/%s?blobs=true"
                .formatted(name.owner(), name.model(), name.revision().replace("/", "%2F")));
    Json json =
        retry(
            name.toString(),
            () -> {
              try (InputStream in = send(name.toString(), uri, Map.of()).body()) {
                byte[] utf8 = await(name.toString(), () -> in.readNBytes(MAX_LISTING_BYTES));
                return Json.parse(utf8, "the listing of " + name);
              }
            });
    String commit = json.get("sha").string();
    if (!commit.matches("[0-9a-f]{7,64}")) {
      throw new FormatException("%s: its commit is '%s', which is none".formatted(name, commit));
    }
    return new Listing(commit, json.get("siblings").list().stream().map(HubFile::of).toList());
  }

  /** The address of a file. */
  URI address(ModelName name, String commit, HubFile file) {
    String path = "/%s/%s/resolve/%s/".formatted(name.owner(), name.model(), commit) + file.name();
    try {
      return endpoint.resolve(new URI(null, null, path, null).toASCIIString().substring(1));
    } catch (URISyntaxException e) {
      throw new FormatException("%s: has no address".formatted(file.name()), e);
    }
  }

  /**
   * The answer to a GET, 200 or 206, at the end of any redirections. Its body is to be closed.
   *
   * @param what is asked for, for messages
   * @throws FormatException if the hub refuses
   * @throws IOException if {@link #retry} may ask again
   */
  HttpResponse<InputStream> send(String what, URI start, Map<String, String> headers)
      throws IOException {
    URI uri = start;
    for (int hops = 0; hops <= MAX_REDIRECTIONS; hops++) {
      HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(silence);
      headers.forEach(request::header);
      if (origin(uri).equals(origin(endpoint))) {
        token.ifPresent(value -> request.header("Authorization", "Bearer " + value));
      }
      HttpResponse<InputStream> reply;
      try {
        reply = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
      } catch (IOException e) {
        throw new Broken(e.getMessage() == null ? e.toString() : e.getMessage());
      } catch (InterruptedException e) {
        throw interrupted(what);
      }
      if (reply.statusCode() == 200 || reply.statusCode() == 206) {
        return reply;
      }
      reply.body().close();
      if (reply.statusCode() / 100 != 3) {
        throw refusal(what, reply);
      }
      uri = next(what, uri, reply.headers().firstValue("Location").orElse(""));
    }
    throw new FormatException(
        "%s: more than %d redirections from %s".formatted(what, MAX_REDIRECTIONS, start));
  }

  private static String origin(URI uri) {
    return "%s://%s:%d"
        .formatted(uri.getScheme(), uri.getHost(), uri.getPort())
        .toLowerCase(Locale.ROOT);
  }

  private static URI next(String what, URI from, String location) {
    try {
      URI to = from.resolve(location);
      HttpRequest.newBuilder(to); // refuses other schemes, and addresses without a host
      if (!location.isEmpty()
          && (to.getScheme().equals("https") || from.getScheme().equals("http"))) {
        return to;
      }
    } catch (IllegalArgumentException _) {
      // told below
    }
    throw new FormatException(
        "%s: %s redirects to '%s', where nothing can be asked for safely"
            .formatted(what, from.getHost(), location));
  }

  /** What to throw for an answer that is none: to be asked again, or not. */
  private Broken refusal(String what, HttpResponse<?> reply) {
    int status = reply.statusCode();
    long wait = reply.headers().firstValueAsLong("Retry-After").orElse(0);
    String answer =
        "%s answers %d %s"
            .formatted(
                reply.uri().getHost(),
                status,
                reply.headers().firstValue("X-Error-Message").orElse(""))
            .strip();
    if (status >= 500 || status == 429 || status == 416) {
      if (wait > MAX_WAIT_SECONDS) {
        throw new FormatException("%s: %s: come again in %d seconds".formatted(what, answer, wait));
      }
      pause(what, Duration.ofSeconds(Math.max(0, wait)));
      return new Broken(answer);
    }
    String remedy =
        switch (status) {
          case 401, 403 ->
              token.isEmpty()
                  ? "there is no such model, or not everybody may read it; check the name, or give the token of an account that may"
                  : "the account of this token may not read it; accept the model's conditions on its page, or make a new token";
          case 404 -> "there is no such model, revision or file; check the name";
          default -> "the hub refuses";
        };
    throw new FormatException("%s: %s: %s".formatted(what, answer, remedy));
  }

  /**
   * Tries until it succeeds, or fails several times without getting further.
   *
   * @throws FormatException if it fails for good
   * @throws IOException whatever else than the network fails
   */
  <T> T retry(String what, Attempt<T> attempt) throws IOException {
    for (int failures = 1; ; failures++) {
      long before = attempt.progress();
      try {
        return attempt.run();
      } catch (Broken e) {
        failures = attempt.progress() > before ? 1 : failures;
        if (failures == ATTEMPTS) {
          throw new FormatException(
              "%s: %s cannot be reached, or breaks off (%s); what came is kept: the same command goes on from there"
                  .formatted(what, endpoint, e.getMessage()),
              e);
        }
        pause(what, pause.multipliedBy(1L << (failures - 1)));
      }
    }
  }

  /** Reads from a body. A connection that is silent for long is broken. */
  <T> T await(String what, Callable<T> reading) throws IOException {
    try {
      return readers.submit(reading).get(silence.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new Broken("nothing came for %d s".formatted(silence.toSeconds()));
    } catch (ExecutionException e) {
      throw new Broken(e.getCause().getMessage());
    } catch (InterruptedException e) {
      throw interrupted(what);
    }
  }

  private static void pause(String what, Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      throw interrupted(what);
    }
  }

  private static FormatException interrupted(String what) {
    Thread.currentThread().interrupt();
    return new FormatException(what + ": interrupted");
  }

  @Override
  public void close() {
    client.shutdownNow();
    readers.shutdownNow();
  }
}
