package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.diffusion.Decoder;
import llada.diffusion.DecoderText;
import llada.diffusion.SamplerOptions;
import llada.diffusion.commit.Prophet;
import llada.format.JsonLine;

/** A generation as one line of JSON. */
final class GenerationJson {
  private GenerationJson() {}

  static void write(
      PrintStream out,
      String prompt,
      Request request,
      SamplerOptions options,
      Answer answer,
      OpenModel opened) {
    Llada llada = opened.llada();
    JsonLine.write(
        out,
        json -> {
          json.writeStringField("text", answer.text());
          JsonLine.ids(json, "ids", answer.tokens());
          json.writeNumberField("useful_tokens", answer.useful());
          json.writeStringField("prompt", prompt);
          JsonLine.ids(json, "prompt_ids", llada.encode(request));
          json.writeNumberField("seed", request.seed());
          json.writeObjectFieldStart("options");
          options(json, options);
          json.writeEndObject();
          json.writeStringField("model", llada.checkpoint().path().toString());
          json.writeStringField("backend", llada.backend().name());
          json.writeNumberField("threads", llada.backend().threads());
          json.writeNumberField("steps", answer.figures().steps());
          json.writeNumberField("forward_passes", answer.figures().forwardPasses());
          json.writeNumberField("positions_computed", answer.figures().positions());
          json.writeObjectFieldStart("timing");
          timing(json, answer, opened);
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

  private static void timing(JsonGenerator json, Answer answer, OpenModel opened)
      throws IOException {
    json.writeNumberField("start_seconds", OpenModel.seconds(opened.start()));
    json.writeNumberField("load_seconds", OpenModel.seconds(opened.load()));
    json.writeNumberField("generate_seconds", answer.figures().seconds());
    json.writeNumberField("ms_per_step", answer.figures().millisPerStep());
    json.writeNumberField("tokens_per_second", answer.tokensPerSecond());
    json.writeNumberField("useful_tokens_per_second", answer.usefulPerSecond());
  }
}
