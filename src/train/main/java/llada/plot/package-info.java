/**
 * Small charts without a library: {@link llada.plot.Chart} draws itself on a {@link
 * llada.plot.Canvas}, of which there are two, SVG text and pixels for PNG.
 *
 * <p>Open first: {@link llada.plot.Chart}.
 */
package llada.plot;
