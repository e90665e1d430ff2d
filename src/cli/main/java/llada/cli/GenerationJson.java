package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import llada.diffusion.Decoder;
import llada.diffusion.DecoderText;
import llada.diffusion.SamplerOptions;
import llada.diffusion.commit.Prophet;

/** A generation as one line of JSON. */
final class GenerationJson {
  private GenerationJson() {}

  static void write(
      PrintStream out,
      String prompt,
      int[] promptIds,
      Answer answer,
      SamplerOptions options,
      long seed,
      Session session) {
    JsonLine.write(
        out,
        json -> {
          json.writeStringField("text", answer.text());
          JsonLine.ids(json, "ids", answer.ids());
          json.writeNumberField("useful_tokens", answer.useful());
          json.writeStringField("prompt", prompt);
          JsonLine.ids(json, "prompt_ids", promptIds);
          json.writeNumberField("seed", seed);
          json.writeObjectFieldStart("options");
          options(json, options);
          json.writeEndObject();
          json.writeStringField("model", session.checkpoint().path().toString());
          json.writeStringField("backend", session.backend().name());
          json.writeNumberField("threads", session.backend().threads());
          json.writeNumberField("steps", answer.generation().steps());
          json.writeNumberField("forward_passes", answer.generation().forwardPasses());
          json.writeNumberField("positions_computed", answer.generation().positions());
          json.writeObjectFieldStart("timing");
          timing(json, answer, session);
          json.writeEndObject();
        });
  }

  /** The members of an object "options". */
  static void options(JsonGenerator json, SamplerOptions options) throws IOException {
    json.writeNumberField("steps", options.steps());
    json.writeNumberField("gen_length", options.genLength());
    json.writeNumberField("block_length", options.blockLength());
    json.writeNumberField("temperature", options.temperature());
    json.writeNumberField("cfg_scale", options.cfgScale());
    json.writeStringField("remasking", SamplerFlags.text(options.remasking()));
    json.writeBooleanField("logits_eos_inf", options.logitsEosInf());
    json.writeBooleanField("confidence_eos_eot_inf", options.confidenceEosEotInf());
    json.writeNumberField("top_k", options.topK());
    json.writeNumberField("top_p", options.topP());
    json.writeBooleanField("stop_at_eos", options.stopAtEos());
    json.writeStringField("mode", SamplerFlags.text(options.mode()));
    Decoder decoder = options.decoder();
    json.writeStringField("cache", DecoderText.of(decoder.cache()));
    json.writeStringField("cache_type", SamplerFlags.text(decoder.cacheType()));
    json.writeStringField("commit", DecoderText.of(decoder.commit()));
    json.writeBooleanField("prophet", decoder.commit() instanceof Prophet);
    json.writeBooleanField("variable_length", decoder.length().isPresent());
    json.writeNumberField("repetition_penalty", decoder.repetition().penalty());
    json.writeNumberField("no_repeat_ngram", decoder.repetition().ngram());
  }

  private static void timing(JsonGenerator json, Answer answer, Session session)
      throws IOException {
    json.writeNumberField("start_seconds", Answer.seconds(session.startTime()));
    json.writeNumberField("load_seconds", Answer.seconds(session.loadTime()));
    json.writeNumberField("generate_seconds", answer.seconds());
    json.writeNumberField("ms_per_step", answer.millisPerStep());
    json.writeNumberField("tokens_per_second", answer.tokensPerSecond());
    json.writeNumberField("useful_tokens_per_second", answer.usefulPerSecond());
  }
}
