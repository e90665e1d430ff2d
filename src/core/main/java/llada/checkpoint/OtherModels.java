package llada.checkpoint;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import llada.format.FormatException;

/** Models that are known but not supported, each with the reason. */
final class OtherModels {
  /** A part of the name that a configuration gives; the first that fits counts. */
  private static final Map<String, String> REASONS = new LinkedHashMap<>();

  static {
    REASONS.put("dreamreasoner", "DreamReasoner, whose blocks follow Qwen3's layers");
    REASONS.put("dream", "Dream, whose logits are those of the position before");
    REASONS.put("diffucoder", "DiffuCoder, whose logits are those of the position before");
    REASONS.put("sdar", "SDAR, whose blocks follow Qwen3's layers");
    REASONS.put("fast_dllm", "Fast-dLLM v2, whose logits are those of the position before");
    REASONS.put("rnd1", "RND1, whose logits are those of the position before");
    REASONS.put("nemotron", "a Nemotron; its prompt is read causally, its blocks are not");
    REASONS.put("diffusiongemma", "DiffusionGemma, which has no mask but random tokens");
    REASONS.put("diffusion_gemma", "DiffusionGemma, which has no mask but random tokens");
    REASONS.put("diffusion-gemma", "DiffusionGemma, which has no mask but random tokens");
    REASONS.put("bailing", "Ling: LLaDA2's layers, but causal and autoregressive");
    REASONS.put("llama4", "LLaMA 4, which is not LLaMA 3");
    REASONS.put("mllama", "LLaMA 3.2 with images");
    for (String name : "qwen mistral mixtral gemma phi gpt deepseek glm falcon".split(" ")) {
      REASONS.put(name, "an autoregressive model of another family");
    }
  }

  private OtherModels() {}

  /**
   * The refusal of a model.
   *
   * @param where the key that names it
   * @param name what it calls itself
   */
  static FormatException refusal(String where, String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    String reason =
        REASONS.entrySet().stream()
            .filter(entry -> lower.contains(entry.getKey()))
            .map(entry -> "; that is " + entry.getValue())
            .findFirst()
            .orElse("");
    return new FormatException(
        "%s '%s'%s; the dense LLaDA models are supported (LLaDA-8B, LLaDA-1.5, iLLaDA), LLaDA-MoE, LLaDA2.0 and 2.1, and LLaMA 3"
            .formatted(where, name, reason));
  }
}
