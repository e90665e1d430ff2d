package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import llada.diffusion.DecoderText;
import llada.diffusion.SamplerOptions;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLine;
import llada.tokenizer.ChatTemplate.Message;

/** A server of {@code llada serve} that has the model open, so that nothing is loaded here. */
final class RemoteServer implements AutoCloseable {
  private final HttpClient client = HttpClient.newHttpClient();
  private final URI base;
  private final Optional<String> key;

  /**
   * Asks nothing yet.
   *
   * @param url such as http://127.0.0.1:8080
   * @param key empty where none is asked for
   */
  RemoteServer(String url, Optional<String> key) {
    try {
      this.base = URI.create(url.endsWith("/") ? url : url + "/");
      HttpRequest.newBuilder(base);
    } catch (IllegalArgumentException _) {
      throw new UsageException(
          "--server %s is no address such as http://127.0.0.1:8080".formatted(url));
    }
    this.key = key;
  }

  /** The next turn of a conversation. */
  String chat(List<Message> messages, SamplerOptions options, long seed) {
    Json reply =
        post(
            "v1/chat/completions",
            json -> {
              json.writeArrayFieldStart("messages");
              for (Message message : messages) {
                json.writeStartObject();
                json.writeStringField("role", message.role());
                json.writeStringField("content", message.content());
                json.writeEndObject();
              }
              json.writeEndArray();
              write(json, options, seed);
            });
    return reply.get("choices").get(0).get("message").get("content").string();
  }

  /** What follows a text. */
  String complete(String prompt, SamplerOptions options, long seed) {
    Json reply =
        post(
            "v1/completions",
            json -> {
              json.writeStringField("prompt", prompt);
              write(json, options, seed);
            });
    return reply.get("choices").get(0).get("text").string();
  }

  private static void write(JsonGenerator json, SamplerOptions options, long seed)
      throws IOException {
    json.writeNumberField("max_tokens", options.genLength());
    json.writeNumberField("temperature", options.temperature());
    json.writeNumberField("top_p", options.topP());
    json.writeNumberField("top_k", options.topK());
    json.writeNumberField("seed", seed);
    json.writeObjectFieldStart("diffusion");
    json.writeNumberField("steps", options.steps());
    json.writeNumberField("block_length", options.blockLength());
    json.writeNumberField("cfg_scale", options.cfgScale());
    json.writeStringField("remasking", SamplerFlags.text(options.remasking()));
    json.writeStringField("preset", options.decoder().length().isPresent() ? "variable" : "exact");
    json.writeStringField("cache", DecoderText.of(options.decoder().cache()));
    json.writeStringField("commit", DecoderText.of(options.decoder().commit()));
    json.writeNumberField("repetition_penalty", options.decoder().repetition().penalty());
    json.writeNumberField("no_repeat_ngram", options.decoder().repetition().ngram());
    json.writeEndObject();
  }

  private Json post(String path, JsonLine.Members members) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(base.resolve(path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(JsonLine.of(members)));
    key.ifPresent(value -> request.header("Authorization", "Bearer " + value));
    try {
      HttpResponse<byte[]> reply =
          client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      if (reply.statusCode() == 200) {
        return Json.parse(reply.body(), base.toString());
      }
      throw refused(reply);
    } catch (IOException e) {
      throw new UncheckedIOException(
          new IOException("%s does not answer; start it by 'llada serve'".formatted(base), e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UsageException("interrupted while %s answered".formatted(base));
    }
  }

  /** A mistake in what was asked, or a server that cannot. */
  private RuntimeException refused(HttpResponse<byte[]> reply) {
    String message;
    try {
      message = Json.parse(reply.body(), "reply").get("error").get("message").string();
    } catch (FormatException _) {
      message = new String(reply.body(), StandardCharsets.UTF_8);
    }
    String text = "%s: %d, %s".formatted(base, reply.statusCode(), message);
    return reply.statusCode() == 400
        ? new UsageException(text)
        : new UncheckedIOException(new IOException(text));
  }

  @Override
  public void close() {
    client.close();
  }
}
