/**
 * The corpus of the model that comes with LLaDA.java, made by a seeded grammar: a small world with
 * facts that never contradict each other, little stories in it, and questions about both.
 *
 * <p>Open first: {@link llada.train.demo.DemoCorpus}.
 */
package llada.train.demo;
