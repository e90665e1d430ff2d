/**
 * What is measured of a model, and how the published evaluations ask for it: multiple choice by
 * likelihood or by generation, couplets in both directions.
 *
 * <p>Here are the questions, the reading of answers, the statistics and the file of results; the
 * commands {@code eval} and {@code score} bring the model.
 *
 * <p>Open first: {@link llada.evaluation.MultipleChoice}.
 */
package llada.evaluation;
