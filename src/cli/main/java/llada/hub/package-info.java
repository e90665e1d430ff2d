/**
 * Models from a hub: a server that lists a model's files with their digests and hands them out, as
 * huggingface.co does.
 *
 * <p>{@link llada.hub.Pull} brings a model into a {@link llada.hub.ModelStore}: whole and checked,
 * or not at all. Nothing that the hub says is trusted: not its file names, not its sizes, and not
 * the bytes, which have to have the digests of the listing.
 *
 * <p>Open first: {@link llada.hub.Pull}.
 */
package llada.hub;
