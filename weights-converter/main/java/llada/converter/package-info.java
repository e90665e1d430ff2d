/** Conversion of weights between file formats. */
package llada.converter;
