package llada.checkpoint;

/**
 * What the same weight is called in the two formats.
 *
 * @param embedding name of the token embedding
 * @param finalNorm name of the last norm
 * @param head name of the output matrix
 * @param block pattern of a block's weights, with the layer and the part to fill in
 */
record TensorNames(String embedding, String finalNorm, String head, String block) {
  static final TensorNames HUGGING_FACE =
      new TensorNames(
          "model.transformer.wte.weight",
          "model.transformer.ln_f.weight",
          "model.transformer.ff_out.weight",
          "model.transformer.blocks.%d.%s.weight");

  static final TensorNames GGUF =
      new TensorNames(
          "token_embd.weight", "output_norm.weight", "output.weight", "blk.%d.%s.weight");

  /** The weights of a block. */
  enum Part {
    ATTN_NORM("attn_norm", "attn_norm"),
    Q_PROJ("q_proj", "attn_q"),
    K_PROJ("k_proj", "attn_k"),
    V_PROJ("v_proj", "attn_v"),
    ATTN_OUT("attn_out", "attn_output"),
    FF_NORM("ff_norm", "ffn_norm"),
    FF_PROJ("ff_proj", "ffn_gate"),
    UP_PROJ("up_proj", "ffn_up"),
    FF_OUT("ff_out", "ffn_down");

    private final String huggingFace;
    private final String gguf;

    Part(String huggingFace, String gguf) {
      this.huggingFace = huggingFace;
      this.gguf = gguf;
    }
  }

  String of(int layer, Part part) {
    return block.formatted(layer, equals(GGUF) ? part.gguf : part.huggingFace);
  }
}
