/** The contract of all operations. */
package llada.kernel;
