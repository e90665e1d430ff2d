/** Small programs that use the library; they are built and run with the tests. */
package llada.examples;
