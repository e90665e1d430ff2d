package llada.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Numbers at the end of their range: each is answered, or refused by name; none is our defect. */
@Timeout(300)
final class ExtremesTest extends OneServer {
  private static final List<String> NUMBERS =
      List.of(
          "0",
          "-0.0",
          "4.9e-324",
          "1e6",
          "1e38",
          "1.7976931348623157e308",
          "-1e308",
          "9223372036854775807",
          "9223372036854775808",
          "2147483648");

  private static final Map<String, String> ASKED =
      Map.of(
          "/v1/chat/completions",
          "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"max_tokens\": 2",
          "/v1/infill",
          "\"text\": \"A {2} lives in town.\"");

  private static void neverOurDefect(String name, String member) throws Exception {
    for (Map.Entry<String, String> asked : ASKED.entrySet()) {
      for (String number : NUMBERS) {
        String body = "{%s, %s}".formatted(asked.getValue(), member.formatted(number));
        HttpResponse<String> reply = served.post(asked.getKey(), body);
        if (reply.statusCode() != 200) {
          assertThat(reply.statusCode()).as(body + reply.body()).isEqualTo(400);
          assertThat(Served.json(reply.body()).get("error").get("param").value())
              .as(body + reply.body())
              .isEqualTo(name);
        }
      }
    }
  }

  @Test
  void ofTheRequest() throws Exception {
    for (String name : List.of("temperature", "top_p", "top_k", "seed")) {
      neverOurDefect(name, "\"" + name + "\": %s");
    }
  }

  @Test
  void ofTheTemperatureWithOtherRules() throws Exception {
    neverOurDefect("temperature", "\"temperature\": %s, \"top_p\": 0.5, \"top_k\": 3");
    neverOurDefect("top_p", "\"top_p\": %s, \"temperature\": 1e300");
    neverOurDefect(
        "diffusion.cfg_scale",
        "\"top_p\": 1e-9, \"temperature\": 1, \"diffusion\": {\"cfg_scale\": %s}");
  }

  @Test
  void ofDiffusion() throws Exception {
    for (String name :
        List.of("cfg_scale", "repetition_penalty", "no_repeat_ngram", "steps", "block_length")) {
      neverOurDefect("diffusion." + name, "\"diffusion\": {\"" + name + "\": %s}");
    }
  }

  @Test
  void ofCachesAndRules() throws Exception {
    for (String commit : List.of("threshold", "factor", "eb", "klass", "remdm-cap", "remdm-loop")) {
      neverOurDefect("diffusion.commit", "\"diffusion\": {\"commit\": \"" + commit + "=%s\"}");
    }
    for (String cache : List.of("dkv", "dkv-pd", "prefix", "dual", "dllm")) {
      neverOurDefect("diffusion.cache", "\"diffusion\": {\"cache\": \"" + cache + "=%s\"}");
    }
  }
}
