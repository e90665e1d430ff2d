/**
 * What is measured of a model, and how the published evaluations ask for it: multiple choice by
 * likelihood or by generation, couplets in both directions.
 *
 * <p>Here are the questions, the plan, the loop over items with its listener, the reading of
 * answers, the statistics and the file of results. The model is an open {@link llada.api.Llada}.
 *
 * <p>Open first: {@link llada.evaluation.MultipleChoice}.
 */
package llada.evaluation;
