package llada.server;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import llada.api.InfillOptions;
import llada.api.InfillTemplate;
import llada.api.Llada;
import llada.api.Request;
import llada.diffusion.SamplerOptions;
import llada.format.Json;
import llada.format.JsonLine;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** The paths and what each does. */
final class Api extends Handler.Abstract {
  private static final int LONGEST_GAP = 16;
  private static final String MODELS = "/v1/models";
  private static final List<String> GETS = List.of("/health", "/metrics", MODELS);
  private static final List<String> POSTS =
      List.of("/v1/chat/completions", "/v1/completions", "/v1/infill", "/tokenize", "/detokenize");
  private static final int GONE = 499; // of clients that closed the connection, as others log it

  private final ServeOptions options;
  private final Models models;
  private final Gate gate;
  private final Page page = new Page();
  private final Metrics metrics = new Metrics();
  private final AtomicInteger busy = new AtomicInteger();
  private final Set<Exchange> exchanges = ConcurrentHashMap.newKeySet();
  private volatile boolean stopping;

  Api(ServeOptions options, Models models) {
    this.options = options;
    this.models = models;
    this.gate = new Gate(options);
  }

  /** Looks for the clients that wait. */
  void look() {
    exchanges.forEach(Exchange::look);
  }

  /** From now on new requests are refused. */
  void stopping() {
    stopping = true;
  }

  /** Waits until no request is being answered; whether that is so within the time. */
  boolean awaitQuiet(Duration time) {
    long end = System.nanoTime() + time.toNanos();
    try {
      while (busy.get() > 0 && System.nanoTime() < end) {
        Thread.sleep(5);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    return busy.get() == 0;
  }

  @Override
  public boolean handle(
      org.eclipse.jetty.server.Request request, Response response, Callback callback) {
    busy.incrementAndGet();
    try {
      answer(request, response, callback);
    } finally {
      busy.decrementAndGet();
    }
    return true;
  }

  private void answer(
      org.eclipse.jetty.server.Request request, Response response, Callback callback) {
    Client client = new Client(request, response);
    long before = System.nanoTime();
    String path = Objects.requireNonNullElse(request.getHttpURI().getDecodedPath(), "");
    String shown = "";
    int status = 0;
    try {
      gate.checkOrigin(request, response);
      String method = request.getMethod();
      if (method.equals("OPTIONS")) {
        gate.preflight(response);
        response.getHeaders().put(HttpHeader.ALLOW, allowed(path));
        response.setStatus(204);
      } else if (method.equals("POST")) {
        gate.checkKey(request);
        byte[] body = client.body(options.bodyBytes(), options.idle());
        shown = options.logsPrompts() ? " " + new String(body, StandardCharsets.UTF_8) : "";
        post(path, body, client);
      } else if (method.equals("GET") || method.equals("HEAD")) {
        get(path, client);
      } else {
        throw misplaced(path, client);
      }
      callback.succeeded();
    } catch (ApiException e) {
      tell(e, client, callback);
    } catch (InterruptedException | IOException e) { // nobody is left to be told
      status = GONE;
      callback.failed(e instanceof EOFException ? e : new EOFException(e.getMessage()));
    } catch (Throwable e) {
      options.log().accept("internal error: " + e);
      tell(
          ApiException.unavailable(500, "internal_error", "the server has failed"),
          client,
          callback);
    }
    status = status == 0 ? response.getStatus() : status;
    metrics.answered(status);
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
    options
        .log()
        .accept(request.getMethod() + " " + path + " " + status + " " + millis + " ms" + shown);
  }

  private void tell(ApiException e, Client client, Callback callback) {
    try {
      if (client.hasBegun()) {
        client.event(e.json());
        client.endEvents();
      } else {
        if (e.status() == 413 || e.status() == 408 || e.status() == 503) {
          client.response().getHeaders().put("Connection", "close");
        }
        client.sendJson(e.status(), e.json());
      }
      callback.succeeded();
    } catch (IOException gone) {
      callback.failed(gone);
    }
  }

  private void get(String path, Client client) throws IOException {
    switch (path) {
      case "/health" ->
          client.sendJson(
              stopping ? 503 : 200,
              JsonLine.of(json -> json.writeStringField("status", stopping ? "stopping" : "ok")));
      case "/metrics" -> {
        gate.checkKey(client.request());
        client.send(
            200,
            "text/plain; version=0.0.4; charset=utf-8",
            metrics.text(models).getBytes(StandardCharsets.UTF_8));
      }
      case MODELS -> {
        gate.checkKey(client.request());
        client.sendJson(200, list());
      }
      default -> {
        if (isModel(path)) {
          gate.checkKey(client.request());
          Models.Served model = models.named(Optional.of(path.substring(MODELS.length() + 1)));
          client.sendJson(200, JsonLine.of(json -> describe(json, model)));
        } else if (!page.send(path, client)) {
          throw misplaced(path, client);
        }
      }
    }
  }

  private static boolean isModel(String path) {
    return path.startsWith(MODELS + "/") && path.length() > MODELS.length() + 1;
  }

  /** The methods of a path, none where there is nothing. */
  private String allowed(String path) throws IOException {
    boolean got = GETS.contains(path) || isModel(path) || page.file(path).isPresent();
    return POSTS.contains(path) ? "POST, OPTIONS" : got ? "GET, HEAD, OPTIONS" : "";
  }

  private ApiException misplaced(String path, Client client) throws IOException {
    String allowed = allowed(path);
    if (allowed.isEmpty()) {
      return ApiException.notFound(null, "not_found", "there is nothing at this path");
    }
    client.response().getHeaders().put(HttpHeader.ALLOW, allowed);
    return ApiException.refused(405, "method_not_allowed", "this path takes " + allowed);
  }

  private String list() {
    return JsonLine.of(
        json -> {
          json.writeStringField("object", "list");
          json.writeArrayFieldStart("data");
          for (Models.Served model : models.all()) {
            json.writeStartObject();
            describe(json, model);
            json.writeEndObject();
          }
          json.writeEndArray();
        });
  }

  private static void describe(JsonGenerator json, Models.Served model) throws IOException {
    json.writeStringField("id", model.name());
    json.writeStringField("object", "model");
    json.writeNumberField("created", 0);
    json.writeStringField("owned_by", "llada");
    json.writeNumberField("max_sequence_length", model.llada().config().maxSequenceLength());
    json.writeBooleanField("chat", model.llada().hasChatTemplate());
  }

  private void post(String path, byte[] body, Client client)
      throws IOException, InterruptedException {
    if (!POSTS.contains(path)) {
      throw misplaced(path, client);
    }
    if (stopping) {
      throw Exchange.closing();
    }
    Fields fields = Fields.of(body);
    Models.Served model = models.named(fields.string("model"));
    switch (path) {
      case "/tokenize" -> client.sendJson(200, tokenize(fields, model.llada()));
      case "/detokenize" -> client.sendJson(200, detokenize(fields, model.llada()));
      default -> {
        Exchange.Question question =
            switch (path) {
              case "/v1/chat/completions" -> chat(new Wishes(fields), model.llada());
              case "/v1/completions" -> completion(new Wishes(fields), model, client);
              default -> infill(new Wishes(fields), model, client);
            };
        Exchange exchange = new Exchange(model, question, client, metrics);
        exchanges.add(exchange);
        try {
          exchange.run(options.time());
        } finally {
          exchanges.remove(exchange);
        }
      }
    }
  }

  private static String tokenize(Fields fields, Llada llada) {
    String text =
        fields
            .string("content")
            .or(() -> fields.string("prompt"))
            .orElseGet(() -> fields.read("text", Json::string));
    int[] ids = Wishes.checked("text", () -> llada.tokenize(text));
    return JsonLine.of(
        json -> {
          JsonLine.ids(json, "tokens", ids);
          json.writeNumberField("count", ids.length);
          json.writeNumberField("max_model_len", llada.config().maxSequenceLength());
        });
  }

  private static String detokenize(Fields fields, Llada llada) {
    String text = llada.textWithSpecials(fields.ids("tokens"));
    return JsonLine.of(
        json -> {
          json.writeStringField("content", text);
          json.writeStringField("prompt", text);
        });
  }

  private static Exchange.Question chat(Wishes wishes, Llada llada) {
    if (!llada.hasChatTemplate()) {
      throw ApiException.invalid(
          "model", "the model has no chat template that is understood; ask at /v1/completions");
    }
    Request request =
        Wishes.checked("messages", () -> wishes.over(Request.of(wishes.messages()).chat()));
    return Exchange.Question.answer(Form.CHAT, wishes, request, "messages");
  }

  private Exchange.Question completion(Wishes wishes, Models.Served model, Client client)
      throws IOException, InterruptedException {
    Fields fields = wishes.fields();
    fields.integer("best_of", 1, 1);
    Request plain =
        fields.read(
            "prompt",
            value ->
                value.value() instanceof List<?>
                    ? Request.of(fields.ids("prompt"))
                    : Request.of(value.string()).raw());
    Optional<String> suffix = fields.string("suffix").filter(text -> !text.isEmpty());
    if (suffix.isEmpty()) {
      Request request = Wishes.checked("prompt", () -> wishes.over(plain));
      return Exchange.Question.answer(Form.TEXT, wishes, request, "prompt");
    }
    fields.refuse("stop", "a gap ends where the suffix begins");
    String prompt = fields.read("prompt", Json::string);
    int gap = wishes.length().orElse(0);
    InfillTemplate template = new InfillTemplate(List.of(prompt, suffix.get()), new int[] {gap});
    return gaps(Form.TEXT, wishes, template, model, client);
  }

  private Exchange.Question infill(Wishes wishes, Models.Served model, Client client)
      throws IOException, InterruptedException {
    Fields fields = wishes.fields();
    fields.refuse("stop", "a gap ends where the text goes on");
    String text = fields.read("text", Json::string);
    InfillTemplate template =
        Wishes.checked("text", () -> InfillTemplate.parse(text, fields.flag("exact_spaces")));
    return gaps(Form.INFILL, wishes, template, model, client);
  }

  private Exchange.Question gaps(
      Form form, Wishes wishes, InfillTemplate template, Models.Served model, Client client)
      throws IOException, InterruptedException {
    String param = form == Form.TEXT ? "prompt" : "text";
    OptionalInt longest = wishes.fields().integer("longest_gap", 1, 64);
    SamplerOptions sampler =
        Wishes.checked(
            param,
            () -> wishes.sampler(SamplerOptions.defaults().toBuilder().logitsEosInf(true)).build());
    if (sampler.decoder().length().isPresent()) {
      throw ApiException.invalid(
          "diffusion.preset",
          "diffusion.preset is variable, which finds how long an answer is; gaps have their length, or longest_gap");
    }
    InfillOptions infill =
        new InfillOptions(
            sampler,
            wishes.steps().isPresent() ? wishes.steps().getAsInt() : null,
            InfillOptions.SCORING,
            longest.orElse(LONGEST_GAP),
            wishes.seed());
    InfillTemplate settled = settled(template, infill, param, model, client);
    Request request = Wishes.checked(param, () -> model.llada().infilling(settled, infill));
    boolean cut = Arrays.stream(template.lengths()).anyMatch(length -> length > 0);
    return new Exchange.Question(form, wishes, request, param, settled.lengths(), cut);
  }

  /** With the lengths of its gaps, which one request at a time finds, while others are answered. */
  private InfillTemplate settled(
      InfillTemplate template,
      InfillOptions infill,
      String param,
      Models.Served model,
      Client client)
      throws IOException, InterruptedException {
    if (Arrays.stream(template.lengths()).allMatch(length -> length > 0)) {
      return template;
    }
    if (model.finding().getQueueLength() >= options.limits().waiting()) {
      throw Exchange.full(client, "too many wait for the lengths of gaps to be found");
    }
    long end = System.nanoTime() + options.time().toNanos();
    BooleanSupplier wanted = () -> !stopping && !client.isGone() && System.nanoTime() - end < 0;
    boolean turn = false;
    try {
      while (!turn && wanted.getAsBoolean()) {
        turn = model.finding().tryAcquire(Exchange.LOOK_MILLIS, TimeUnit.MILLISECONDS);
      }
      return Wishes.checked(param, () -> model.scheduler().settled(template, infill, wanted));
    } catch (CancellationException _) {
      if (client.isGone()) {
        throw new IOException("the client is gone");
      }
      throw stopping ? Exchange.closing() : Exchange.late("");
    } finally {
      if (turn) {
        model.finding().release();
      }
    }
  }
}
