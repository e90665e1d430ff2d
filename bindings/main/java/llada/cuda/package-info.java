/** CUDA through the Foreign Function and Memory API. */
package llada.cuda;
