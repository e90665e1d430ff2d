package llada.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import llada.format.FormatException;
import llada.format.Json;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * Asks a server as many clients do at once, some of which hang up and some of which read slowly,
 * and compares what each gets with what the same request gets alone. It knows only the API.
 */
public final class ServerLoad {
  private static final int KINDS = 32;
  private static final int WARM_UPS = 6;
  private static final List<String> PROMPTS =
      List.of("Tell me a story about Mia.", "What does a cow say?", "What is 3 plus 4?", "Hello");

  private final URI server;
  private final List<Asked> asked = new ArrayList<>();

  /**
   * What is to be done.
   *
   * @param connections that ask at a time
   * @param rounds requests of each
   * @param idle streams that are held open at a time, without anything to read
   * @param seed of who asks what
   */
  public record Settings(int connections, int rounds, int idle, long seed) {}

  /**
   * What came of it.
   *
   * @param millis times of the answers that were read to their end, sorted
   * @param hungUp requests whose client went away
   * @param slow answers that were read slowly, among those of {@code millis}
   * @param lost answers that did not come, or not whole
   * @param mixed answers that are not those of the same request alone
   * @param tokensPerSecond of answers, with all connections
   * @param aloneTokensPerSecond one request at a time
   * @param cpuMillis CPU time for each request without clients, model and the virtual machine's own
   *     threads; NaN if the system does not tell
   * @param held idle streams that the server had at a time
   * @param idleCpu share of one core that it took to hold them
   * @param left requests of theirs that were still there a while after all had hung up
   */
  public record Result(
      double[] millis,
      int hungUp,
      int slow,
      int lost,
      int mixed,
      double tokensPerSecond,
      double aloneTokensPerSecond,
      double cpuMillis,
      int held,
      double idleCpu,
      int left) {
    /** The time within which this share of the answers came. */
    public double millis(double share) {
      return millis.length == 0
          ? Double.NaN
          : millis[Math.min(millis.length - 1, (int) (share * millis.length))];
    }
  }

  /** A request, and what is answered to it alone. */
  private record Asked(String path, String body, boolean stream, Told alone) {}

  /** An answer, as far as it must always be the same. */
  private record Told(String text, int tokens) {}

  private ServerLoad(URI server) {
    this.server = server;
  }

  /**
   * Runs.
   *
   * @param server with room for the connections and the idle streams, in this process
   * @throws IOException if it does not answer a request alone
   */
  public static Result run(URI server, Settings settings) throws IOException, InterruptedException {
    return new ServerLoad(server).measured(settings);
  }

  private Result measured(Settings settings) throws IOException, InterruptedException {
    double alone = 0;
    for (int round = 0; round < 2; round++) { // the first compiles
      asked.clear();
      long before = System.nanoTime();
      for (int i = 0; i < KINDS; i++) {
        asked.add(alone(i));
      }
      alone = tokens(asked) * 1e9 / (System.nanoTime() - before);
    }
    for (int round = 0; round < WARM_UPS; round++) {
      load(settings); // so does this
    }
    double cpu = outside();
    Loaded loaded = load(settings);
    cpu = outside() - cpu;
    double[] idle = settings.idle() == 0 ? new double[3] : idle(settings.idle());
    int[] counts = loaded.counts();
    return new Result(
        loaded.nanos().stream().mapToDouble(n -> n / 1e6).sorted().toArray(),
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        loaded.tokens().get() * 1e9 / loaded.took().get(),
        alone,
        cpu * 1e3 / (settings.connections() * settings.rounds()),
        (int) idle[0],
        idle[1],
        (int) idle[2]);
  }

  /**
   * What clients have met together.
   *
   * @param counts of those that hung up, were slow, lost, mixed
   */
  private record Loaded(
      ConcurrentLinkedQueue<Long> nanos, AtomicInteger tokens, int[] counts, AtomicLong took) {}

  private Loaded load(Settings settings) throws InterruptedException {
    Loaded loaded =
        new Loaded(
            new ConcurrentLinkedQueue<>(), new AtomicInteger(), new int[4], new AtomicLong());
    List<Thread> clients = new ArrayList<>();
    long before = System.nanoTime();
    for (int c = 0; c < settings.connections(); c++) {
      int client = c;
      SplittableRandom random = RandomStreams.of(settings.seed() + c, Purpose.BENCHMARK);
      Runnable asks =
          () -> {
            for (int r = 0; r < settings.rounds(); r++) {
              ask(client, random, loaded);
            }
          };
      clients.add(Thread.ofPlatform().name("llada-load-" + c).start(asks));
    }
    for (Thread client : clients) {
      client.join();
    }
    loaded.took().set(System.nanoTime() - before);
    return loaded;
  }

  private static int tokens(List<Asked> asked) {
    return asked.stream().mapToInt(one -> one.alone().tokens()).sum();
  }

  private Asked alone(int i) throws IOException, InterruptedException {
    boolean chat = i % 3 > 0;
    boolean stream = i % 4 > 0;
    String said =
        chat ? "\"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]" : "\"prompt\": \"%s\"";
    String body =
        ("{"
                + said
                + ", \"max_tokens\": %d, \"seed\": %d, \"temperature\": %s, \"stream\": %s,"
                + " \"stream_options\": {\"include_usage\": true}}")
            .formatted(
                PROMPTS.get(i % PROMPTS.size()),
                chat ? 32 * (1 + i % 4) : 4 + i,
                i,
                i % 5 == 0 ? "0.8" : "0",
                stream);
    String path = chat ? "/v1/chat/completions" : "/v1/completions";
    try (Socket socket = send(path, body)) {
      return new Asked(path, body, stream, told(read(socket, 0), stream));
    }
  }

  /** One request of one client: every tenth hangs up, another tenth reads slowly. */
  private void ask(int client, SplittableRandom random, Loaded loaded) {
    Asked one = asked.get(random.nextInt(asked.size()));
    boolean hangsUp = client % 10 == 3;
    boolean slow = client % 10 == 7;
    long before = System.nanoTime();
    Told told = new Told("", 0);
    boolean lost = false;
    try (Socket socket = send(one.path(), one.body())) {
      if (hangsUp) {
        Thread.sleep(random.nextInt(100));
      } else {
        told = told(read(socket, slow ? 20 : 0), one.stream());
        loaded.nanos().add(System.nanoTime() - before);
        loaded.tokens().addAndGet(told.tokens());
      }
    } catch (IOException | FormatException | InterruptedException _) {
      lost = true;
    }
    int[] counts = loaded.counts();
    synchronized (counts) {
      counts[0] += hangsUp ? 1 : 0;
      counts[1] += slow && !lost ? 1 : 0;
      counts[2] += lost ? 1 : 0;
      counts[3] += !hangsUp && !lost && !told.equals(one.alone()) ? 1 : 0;
    }
  }

  /** By HTTP/1.0, whose answers end where the connection does. */
  private Socket send(String path, String body) throws IOException {
    Socket socket = new Socket(server.getHost(), server.getPort());
    socket.setSoTimeout(120_000);
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    String head =
        "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
            .formatted(bytes.length == 0 ? "GET" : "POST", path, bytes.length);
    socket.getOutputStream().write((head + body).getBytes(StandardCharsets.UTF_8));
    return socket;
  }

  /**
   * The body of an answer.
   *
   * @param pause milliseconds before each part is read
   */
  private static String read(Socket socket, long pause) throws IOException, InterruptedException {
    InputStream in = socket.getInputStream();
    StringBuilder all = new StringBuilder();
    byte[] part = new byte[pause > 0 ? 512 : 8192];
    for (int n = in.read(part); n >= 0; n = in.read(part)) {
      all.append(new String(part, 0, n, StandardCharsets.ISO_8859_1));
      Thread.sleep(pause);
    }
    if (!all.toString().startsWith("HTTP/1.1 200")) {
      throw new IOException("the server answers " + all.toString().lines().findFirst());
    }
    String body = all.substring(all.indexOf("\r\n\r\n") + 4);
    return new String(body.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }

  private static Told told(String body, boolean stream) throws IOException {
    String end = "data: [DONE]\n\n";
    if (stream && !body.endsWith(end)) {
      throw new IOException("the stream has no end");
    }
    List<String> parts =
        stream
            ? Arrays.stream(body.replace(end, "").split("\n\n")).map(e -> e.substring(6)).toList()
            : List.of(body);
    StringBuilder text = new StringBuilder();
    int tokens = 0;
    for (String part : parts) {
      Json json = Json.parse(part.getBytes(StandardCharsets.UTF_8), "the answer");
      for (Json choice : json.get("choices").list()) {
        Json message = choice.get(stream ? "delta" : "message");
        Json said = message.isNull() ? choice.get("text") : message.get("content");
        text.append(said.isNull() ? "" : said.string());
      }
      Json usage = json.get("usage");
      tokens = usage.isNull() ? tokens : usage.get("completion_tokens").integer(0, 1 << 20);
    }
    return new Told(text.toString(), tokens);
  }

  /** Opens streams that wait or are answered slowly; gives what {@link Result} has of them. */
  private double[] idle(int streams) throws IOException, InterruptedException {
    String body =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}], \"max_tokens\": 128,"
            + " \"stream\": true, \"diffusion\": {\"preset\": \"exact\"}}";
    List<Socket> open = new ArrayList<>();
    try {
      double answered = gauge("answers_total");
      for (int i = 0; i < streams; i++) {
        open.add(send("/v1/chat/completions", body));
      }
      for (Socket socket : open) {
        int first = socket.getInputStream().read(); // the role is sent at once
        if (first != 'H') {
          throw new IOException("a stream of " + streams + " was not begun");
        }
      }
      double cpu = outside();
      Thread.sleep(2000);
      double share = (outside() - cpu) / 2;
      double held = gauge("waiting") + gauge("open") + gauge("answers_total") - answered;
      for (Socket socket : open) {
        socket.close();
      }
      double left = held;
      for (int i = 0; i < 300 && left > 0; i++) {
        Thread.sleep(100);
        left = gauge("waiting") + gauge("open");
      }
      return new double[] {held, share, left};
    } finally {
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  /** Seconds of CPU time without those who ask, the model, the compiler and the collector. */
  private double outside() throws IOException, InterruptedException {
    return ProcessorTime.ofThreads(
            "llada-(\\d+|scheduler|load.*)|main|java|C[12] .*|G1 .*|GC .*|VM .*")
        + gauge("scheduler_cpu_seconds_total");
  }

  private double gauge(String name) throws IOException, InterruptedException {
    try (Socket socket = send("/metrics", "")) {
      Matcher found =
          Pattern.compile("(?m)^llada_" + name + "(?:\\{.*\\})? (\\S+)$").matcher(read(socket, 0));
      return found.find() ? Double.parseDouble(found.group(1)) : Double.NaN;
    }
  }
}
