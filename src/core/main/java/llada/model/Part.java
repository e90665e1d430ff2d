package llada.model;

/**
 * The kinds of weights that a model of the family may have. Which of them one has, and what they
 * are called in files, says its {@link Architecture}; shapes are those of {@link WeightTable}.
 */
public enum Part {
  /** (V, C) one row a token. */
  EMBEDDING,
  /** (C) the norm before attention. */
  ATTN_NORM,
  /** (H D, C) queries. */
  Q_PROJ,
  /** (Ckv, C) keys. */
  K_PROJ,
  /** (Ckv, C) values. */
  V_PROJ,
  /** (H D + 2 Ckv, C) the three above, one below the other. */
  QKV_PROJ,
  /** (H D) added to the queries. */
  Q_BIAS,
  /** (Ckv) added to the keys. */
  K_BIAS,
  /** (Ckv) added to the values. */
  V_BIAS,
  /** (H D + 2 Ckv) the three above. */
  QKV_BIAS,
  /** (D) norm of each head's query. */
  Q_NORM,
  /** (D) norm of each head's key. */
  K_NORM,
  /** (C, H D) from the heads back to the stream. */
  ATTN_OUT,
  /** (C) added after that. */
  ATTN_OUT_BIAS,
  /** (C) the norm before the feed-forward. */
  FF_NORM,
  /** (F, C) the gate. */
  FF_PROJ,
  /** (F, C) what is gated. */
  UP_PROJ,
  /** (C, F) back to the stream. */
  FF_OUT,
  /** (E, C) scores of the experts. */
  ROUTER,
  /** (E) bias of the scores. */
  ROUTER_BIAS,
  /** E of (F, C) the experts' gates. */
  EXPERT_GATE,
  /** E of (F, C) what they gate. */
  EXPERT_UP,
  /** E of (C, F) back to the stream. */
  EXPERT_OUT,
  /** (Fs, C) the gate of the expert that all tokens share. */
  SHARED_GATE,
  /** (Fs, C) what it gates. */
  SHARED_UP,
  /** (C, Fs) back to the stream. */
  SHARED_OUT,
  /** (C) the last norm. */
  FINAL_NORM,
  /** (V, C) from the stream to logits. */
  HEAD;

  /** Whether there is one in each layer. */
  boolean inLayers() {
    return this != EMBEDDING && this != FINAL_NORM && this != HEAD;
  }

  /** Whether there is one for each expert. */
  public boolean stacked() {
    return this == EXPERT_GATE || this == EXPERT_UP || this == EXPERT_OUT;
  }

  /** Whether it stays in float32 in a quantised file: vectors, and what routes. */
  public boolean staysFloat32() {
    return switch (this) {
      case Q_BIAS, K_BIAS, V_BIAS, QKV_BIAS, ATTN_OUT_BIAS, ROUTER_BIAS, ROUTER -> true;
      default -> norm();
    };
  }

  /** Whether it is one of the norms, whose weights lie near 1. */
  public boolean norm() {
    return switch (this) {
      case ATTN_NORM, FF_NORM, FINAL_NORM, Q_NORM, K_NORM -> true;
      default -> false;
    };
  }

  /** Whether its product is added to the residual stream. */
  public boolean writesToStream() {
    return this == ATTN_OUT || this == FF_OUT || this == EXPERT_OUT || this == SHARED_OUT;
  }
}
