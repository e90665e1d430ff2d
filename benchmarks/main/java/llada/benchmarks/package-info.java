/**
 * JMH benchmarks, one class an op, at the shapes of LLaDA-8B. Each compares its op with the scalar
 * reference in {@code @Setup} before anything is timed: a fast wrong kernel has no time. Run by
 * {@code benchmarks/run.sh}.
 *
 * <p>Open first: {@link llada.benchmarks.MatmulBenchmark}.
 */
package llada.benchmarks;
