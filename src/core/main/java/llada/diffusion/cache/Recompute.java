package llada.diffusion.cache;

/** No cache: every step computes every position, as published. The exact sampler. */
public record Recompute() implements CachePolicy {
  @Override
  public Plan plan(Progress progress) {
    return Plan.ALL;
  }

  @Override
  public Keeps keeps() {
    return Keeps.NOTHING;
  }
}
