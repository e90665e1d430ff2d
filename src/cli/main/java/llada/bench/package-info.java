/**
 * What is measured of a model: the time of forward passes op by op, of training steps and of
 * answers by every decoder, what rounding costs in accuracy, and what a server does when many ask.
 *
 * <p>A measurement takes its settings as a record and gives its figures as one. None knows the
 * command line: what takes long reports to a listener, and exceptions carry facts. Percentages of a
 * machine's limit are those of {@link llada.backend.Peaks}; times are medians, by {@link
 * llada.bench.Timings}.
 *
 * <p>Open first: {@link llada.bench.ForwardBench}, then {@link llada.bench.DecoderComparison}.
 */
package llada.bench;
