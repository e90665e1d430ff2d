/**
 * The paper's claims, tried out on models small enough for a laptop: {@code ./llada experiments}.
 *
 * <p>An {@link llada.experiments.Experiment} says what it claims, names its {@link
 * llada.experiments.Job}s (an arm with a seed each: train, measure, give rows), and makes a report
 * of the rows. {@link llada.experiments.Lab} runs those jobs whose rows are not there yet, so an
 * experiment that was cut off goes on where it was.
 *
 * <p>Arms of a comparison have the same network, batches and steps, each the best of a few learning
 * rates; intervals are of 95 %, over seeds.
 *
 * <p>Open first: {@link llada.experiments.FisherConsistency}.
 */
package llada.experiments;
