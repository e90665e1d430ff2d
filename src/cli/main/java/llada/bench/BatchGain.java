package llada.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import llada.api.Llada;
import llada.api.Request;
import llada.api.Scheduler;
import llada.diffusion.Decoder;
import llada.diffusion.ReverseProcess;
import llada.diffusion.SamplerOptions;
import llada.model.Portion;
import llada.tensor.Tensor;

/**
 * How many times faster requests are answered together than one after the other, beside what the
 * passes alone would allow: the same passes, with all requests in each or one.
 *
 * @param decoder a name for how it was decoded
 * @param answers gain of the scheduler
 * @param passes gain of the forward passes
 */
public record BatchGain(String decoder, double answers, double passes) {
  private static final int LENGTH = 64;

  /** The share of what the passes allow that is reached. */
  public double share() {
    return answers / passes;
  }

  /**
   * Measures both, by the published sampler and by the fast one.
   *
   * @param together requests at a time
   * @param repeats of which the best counts
   */
  public static List<BatchGain> measure(Llada llada, int together, int repeats) {
    return List.of(
        measure(llada, "exact", Decoder.exact(), together, repeats),
        measure(llada, "fast", Decoder.fast(), together, repeats));
  }

  private static BatchGain measure(
      Llada llada, String name, Decoder decoder, int together, int repeats) {
    SamplerOptions options =
        SamplerOptions.defaults().toBuilder()
            .lengths(LENGTH, LENGTH, LENGTH / 2)
            .decoder(decoder)
            .build();
    int[] prompt = llada.tokenize("Tell me a story about Mia and her green kite.");
    List<Request> requests =
        IntStream.range(0, together)
            .mapToObj(seed -> Request.of(prompt).options(options).seed(seed))
            .toList();
    double alone = Double.POSITIVE_INFINITY;
    double shared = Double.POSITIVE_INFINITY;
    double passesAlone = Double.POSITIVE_INFINITY;
    double passesShared = Double.POSITIVE_INFINITY;
    try (Scheduler scheduler = new Scheduler(llada, Scheduler.Limits.DEFAULT)) {
      for (int i = 0; i <= repeats; i++) { // the first compiles, and does not count
        long start = System.nanoTime();
        requests.forEach(request -> scheduler.submit(request).answer().join());
        long middle = System.nanoTime();
        requests.stream().map(scheduler::submit).toList().forEach(one -> one.answer().join());
        long end = System.nanoTime();
        double[] passes = passes(llada, prompt, options, together);
        if (i > 0) {
          alone = Math.min(alone, (double) middle - start);
          shared = Math.min(shared, (double) end - middle);
          passesAlone = Math.min(passesAlone, passes[0]);
          passesShared = Math.min(passesShared, passes[1]);
        }
      }
    }
    return new BatchGain(name, alone / shared, passesAlone / passesShared);
  }

  /** Nanoseconds of all passes of these generations, each by itself and together. */
  private static double[] passes(Llada llada, int[] prompt, SamplerOptions options, int together) {
    List<ReverseProcess> all = new ArrayList<>();
    double[] nanos = new double[2];
    try {
      for (int seed = 0; seed < together; seed++) {
        all.add(llada.engine().start(prompt, options, seed));
      }
      int room = all.stream().mapToInt(ReverseProcess::room).sum();
      return llada
          .engine()
          .with(
              room,
              predictor -> {
                List<ReverseProcess> open = all;
                while (!open.isEmpty()) {
                  List<Portion> portions = open.stream().map(p -> p.plan().orElseThrow()).toList();
                  long start = System.nanoTime();
                  for (Portion portion : portions) {
                    predictor.forward(List.of(portion));
                  }
                  long middle = System.nanoTime();
                  Tensor logits = predictor.forward(portions);
                  nanos[0] += middle - start;
                  nanos[1] += System.nanoTime() - middle;
                  int row = 0;
                  for (int i = 0; i < open.size(); i++) {
                    int rows = portions.get(i).rows().length;
                    open.get(i).commit(logits.rows(row, rows));
                    row += rows;
                  }
                  open = open.stream().filter(process -> !process.done()).toList();
                }
                return nanos;
              });
    } finally {
      all.forEach(ReverseProcess::close);
    }
  }
}
