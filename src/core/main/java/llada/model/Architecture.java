package llada.model;

import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import llada.kernel.scalar.RopeLayout;

/**
 * The models of the family, as data: what each calls itself and its weights, in both formats. What
 * it computes stands in {@link LladaConfig}, which the one forward pass reads.
 *
 * <p>A row of the tables: the part, its name in Hugging Face folders, its name in GGUF files. The
 * first number of a name is the layer, the second the expert; GGUF files have all experts of a
 * layer in one tensor.
 */
public enum Architecture {
  /** Dense LLaDA: LLaDA-8B, LLaDA-1.5, iLLaDA. */
  LLADA(
      "LLaDAModelLM",
      "llada",
      Decoding.ANY_ORDER,
      RopeLayout.INTERLEAVED,
      """
      EMBEDDING      model.transformer.wte.weight                   token_embd.weight
      ATTN_NORM      model.transformer.blocks.%d.attn_norm.weight   blk.%d.attn_norm.weight
      Q_PROJ         model.transformer.blocks.%d.q_proj.weight      blk.%d.attn_q.weight
      K_PROJ         model.transformer.blocks.%d.k_proj.weight      blk.%d.attn_k.weight
      V_PROJ         model.transformer.blocks.%d.v_proj.weight      blk.%d.attn_v.weight
      ATTN_OUT       model.transformer.blocks.%d.attn_out.weight    blk.%d.attn_output.weight
      FF_NORM        model.transformer.blocks.%d.ff_norm.weight     blk.%d.ffn_norm.weight
      FF_PROJ        model.transformer.blocks.%d.ff_proj.weight     blk.%d.ffn_gate.weight
      UP_PROJ        model.transformer.blocks.%d.up_proj.weight     blk.%d.ffn_up.weight
      FF_OUT         model.transformer.blocks.%d.ff_out.weight      blk.%d.ffn_down.weight
      FINAL_NORM     model.transformer.ln_f.weight                  output_norm.weight
      HEAD           model.transformer.ff_out.weight                output.weight
      """),
  /** LLaDA-MoE-7B-A1B: a mixture of experts under dense LLaDA's sampler. */
  LLADA_MOE(
      "LLaDAMoEModelLM",
      "llada-moe",
      Decoding.ANY_ORDER,
      RopeLayout.HALF_SPLIT,
      """
      EMBEDDING      model.embed_tokens.weight                             token_embd.weight
      ATTN_NORM      model.layers.%d.input_layernorm.weight                blk.%d.attn_norm.weight
      Q_PROJ         model.layers.%d.self_attn.q_proj.weight               blk.%d.attn_q.weight
      K_PROJ         model.layers.%d.self_attn.k_proj.weight               blk.%d.attn_k.weight
      V_PROJ         model.layers.%d.self_attn.v_proj.weight               blk.%d.attn_v.weight
      Q_BIAS         model.layers.%d.self_attn.q_proj.bias                 blk.%d.attn_q.bias
      K_BIAS         model.layers.%d.self_attn.k_proj.bias                 blk.%d.attn_k.bias
      V_BIAS         model.layers.%d.self_attn.v_proj.bias                 blk.%d.attn_v.bias
      Q_NORM         model.layers.%d.self_attn.q_norm.weight               blk.%d.attn_q_norm.weight
      K_NORM         model.layers.%d.self_attn.k_norm.weight               blk.%d.attn_k_norm.weight
      ATTN_OUT       model.layers.%d.self_attn.o_proj.weight               blk.%d.attn_output.weight
      ATTN_OUT_BIAS  model.layers.%d.self_attn.o_proj.bias                 blk.%d.attn_output.bias
      FF_NORM        model.layers.%d.post_attention_layernorm.weight       blk.%d.ffn_norm.weight
      FF_PROJ        model.layers.%d.mlp.gate_proj.weight                  blk.%d.ffn_gate.weight
      UP_PROJ        model.layers.%d.mlp.up_proj.weight                    blk.%d.ffn_up.weight
      FF_OUT         model.layers.%d.mlp.down_proj.weight                  blk.%d.ffn_down.weight
      ROUTER         model.layers.%d.mlp.gate.weight                       blk.%d.ffn_gate_inp.weight
      ROUTER_BIAS    model.layers.%d.mlp.expert_bias                       blk.%d.exp_probs_b.bias
      EXPERT_GATE    model.layers.%d.mlp.experts.%d.gate_proj.weight       blk.%d.ffn_gate_exps.weight
      EXPERT_UP      model.layers.%d.mlp.experts.%d.up_proj.weight         blk.%d.ffn_up_exps.weight
      EXPERT_OUT     model.layers.%d.mlp.experts.%d.down_proj.weight       blk.%d.ffn_down_exps.weight
      SHARED_GATE    model.layers.%d.shared_expert.gate_proj.weight        blk.%d.ffn_gate_shexp.weight
      SHARED_UP      model.layers.%d.shared_expert.up_proj.weight          blk.%d.ffn_up_shexp.weight
      SHARED_OUT     model.layers.%d.shared_expert.down_proj.weight        blk.%d.ffn_down_shexp.weight
      FINAL_NORM     model.norm.weight                                     output_norm.weight
      HEAD           lm_head.weight                                        output.weight
      """),
  /** LLaDA2.0 and 2.1: block diffusion with experts. */
  LLADA2(
      "LLaDA2MoeModelLM",
      "llada2",
      Decoding.BLOCK_BY_BLOCK,
      RopeLayout.HALF_SPLIT,
      """
      EMBEDDING      model.word_embeddings.weight                          token_embd.weight
      ATTN_NORM      model.layers.%d.input_layernorm.weight                blk.%d.attn_norm.weight
      QKV_PROJ       model.layers.%d.attention.query_key_value.weight      blk.%d.attn_qkv.weight
      QKV_BIAS       model.layers.%d.attention.query_key_value.bias        blk.%d.attn_qkv.bias
      Q_NORM         model.layers.%d.attention.query_layernorm.weight      blk.%d.attn_q_norm.weight
      K_NORM         model.layers.%d.attention.key_layernorm.weight        blk.%d.attn_k_norm.weight
      ATTN_OUT       model.layers.%d.attention.dense.weight                blk.%d.attn_output.weight
      ATTN_OUT_BIAS  model.layers.%d.attention.dense.bias                  blk.%d.attn_output.bias
      FF_NORM        model.layers.%d.post_attention_layernorm.weight       blk.%d.ffn_norm.weight
      FF_PROJ        model.layers.%d.mlp.gate_proj.weight                  blk.%d.ffn_gate.weight
      UP_PROJ        model.layers.%d.mlp.up_proj.weight                    blk.%d.ffn_up.weight
      FF_OUT         model.layers.%d.mlp.down_proj.weight                  blk.%d.ffn_down.weight
      ROUTER         model.layers.%d.mlp.gate.weight                       blk.%d.ffn_gate_inp.weight
      ROUTER_BIAS    model.layers.%d.mlp.gate.expert_bias                  blk.%d.exp_probs_b.bias
      EXPERT_GATE    model.layers.%d.mlp.experts.%d.gate_proj.weight       blk.%d.ffn_gate_exps.weight
      EXPERT_UP      model.layers.%d.mlp.experts.%d.up_proj.weight         blk.%d.ffn_up_exps.weight
      EXPERT_OUT     model.layers.%d.mlp.experts.%d.down_proj.weight       blk.%d.ffn_down_exps.weight
      SHARED_GATE    model.layers.%d.mlp.shared_experts.gate_proj.weight   blk.%d.ffn_gate_shexp.weight
      SHARED_UP      model.layers.%d.mlp.shared_experts.up_proj.weight     blk.%d.ffn_up_shexp.weight
      SHARED_OUT     model.layers.%d.mlp.shared_experts.down_proj.weight   blk.%d.ffn_down_shexp.weight
      FINAL_NORM     model.norm.weight                                     output_norm.weight
      HEAD           lm_head.weight                                        output.weight
      """),
  /** LLaMA 3: the autoregressive model that the paper compares LLaDA with. */
  LLAMA(
      "LlamaForCausalLM",
      "llama",
      Decoding.LEFT_TO_RIGHT,
      RopeLayout.INTERLEAVED,
      """
      EMBEDDING      model.embed_tokens.weight                             token_embd.weight
      ATTN_NORM      model.layers.%d.input_layernorm.weight                blk.%d.attn_norm.weight
      Q_PROJ         model.layers.%d.self_attn.q_proj.weight               blk.%d.attn_q.weight
      K_PROJ         model.layers.%d.self_attn.k_proj.weight               blk.%d.attn_k.weight
      V_PROJ         model.layers.%d.self_attn.v_proj.weight               blk.%d.attn_v.weight
      ATTN_OUT       model.layers.%d.self_attn.o_proj.weight               blk.%d.attn_output.weight
      FF_NORM        model.layers.%d.post_attention_layernorm.weight       blk.%d.ffn_norm.weight
      FF_PROJ        model.layers.%d.mlp.gate_proj.weight                  blk.%d.ffn_gate.weight
      UP_PROJ        model.layers.%d.mlp.up_proj.weight                    blk.%d.ffn_up.weight
      FF_OUT         model.layers.%d.mlp.down_proj.weight                  blk.%d.ffn_down.weight
      FINAL_NORM     model.norm.weight                                     output_norm.weight
      HEAD           lm_head.weight                                        output.weight
      """);

  /** How a model writes. */
  public enum Decoding {
    /** Masks are filled in any order, every token seeing every other: LLaDA's reverse process. */
    ANY_ORDER,
    /** One block after the other, each in any order; what is before is final. */
    BLOCK_BY_BLOCK,
    /** Each position says the token that follows it. */
    LEFT_TO_RIGHT
  }

  /**
   * What a part is called.
   *
   * @param huggingFace with the layer, and the expert, to fill in
   * @param gguf with the layer to fill in
   */
  record Names(String huggingFace, String gguf) {}

  private final String huggingFaceClass;
  private final String ggufName;
  private final Decoding decoding;
  private final RopeLayout ggufLayout;
  private final Map<Part, Names> names;

  Architecture(
      String huggingFaceClass,
      String ggufName,
      Decoding decoding,
      RopeLayout ggufLayout,
      String table) {
    this.huggingFaceClass = huggingFaceClass;
    this.ggufName = ggufName;
    this.decoding = decoding;
    this.ggufLayout = ggufLayout;
    Map<Part, Names> read = new EnumMap<>(Part.class);
    table
        .lines()
        .map(line -> line.split(" +"))
        .forEach(row -> read.put(Part.valueOf(row[0]), new Names(row[1], row[2])));
    this.names = Collections.unmodifiableMap(read);
  }

  /** The one whose class {@code architectures[0]} of a config.json names. */
  public static Optional<Architecture> ofClass(String name) {
    return Arrays.stream(values()).filter(a -> a.huggingFaceClass.equals(name)).findFirst();
  }

  /** The one that {@code general.architecture} of a GGUF file names. */
  public static Optional<Architecture> ofGguf(String name) {
    return Arrays.stream(values()).filter(a -> a.ggufName.equals(name)).findFirst();
  }

  /** As config.json names it. */
  public String huggingFaceClass() {
    return huggingFaceClass;
  }

  /** As GGUF files name it, and their keys begin. */
  public String ggufName() {
    return ggufName;
  }

  public Decoding decoding() {
    return decoding;
  }

  /** The order of the rows of q and k in GGUF files; in Hugging Face folders it is half-split. */
  public RopeLayout ggufLayout() {
    return ggufLayout;
  }

  /** Texts of the mask; the first that a tokenizer has counts. */
  public List<String> masks() {
    return switch (this) {
      case LLADA -> List.of("<|mdm_mask|>");
      case LLADA_MOE, LLADA2 -> List.of("<|mask|>", "<|mdm_mask|>");
      case LLAMA -> List.of();
    };
  }

  /** The token that ends a chat turn. */
  public String endOfTurn() {
    return switch (this) {
      case LLADA, LLAMA -> "<|eot_id|>";
      case LLADA_MOE, LLADA2 -> "<|role_end|>";
    };
  }

  /** The parts that a model may have, in the order of the forward pass, with their names. */
  Map<Part, Names> names() {
    return names;
  }
}
