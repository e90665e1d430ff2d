/**
 * The commands {@code convert}, {@code quantize}, {@code diff}, {@code verify} and {@code imatrix}:
 * options in, lines of text out. The work is done by {@link llada.converter}, which knows neither
 * picocli nor this package.
 */
package llada.converter.cli;
