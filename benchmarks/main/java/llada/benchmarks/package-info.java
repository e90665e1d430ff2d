/** JMH benchmarks, one class per op. */
package llada.benchmarks;
