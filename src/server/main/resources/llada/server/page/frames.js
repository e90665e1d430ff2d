// The data of a replay: one frame for each step. Nothing here touches the page, and nothing is
// imported, since a saved replay carries this file inside itself.

const MASK = { text: '', state: 'mask', confidence: 0, step: -1 };

/** The state of a token: a mask, the end of the text, a token, or one that was given. */
function stateOf(token) {
  if (token.masked) return 'mask';
  if (token.end) return 'end';
  return token.step < 0 ? 'given' : 'token';
}

/**
 * A frame from the `diffusion` field of an event. Tokens that are as they were before are the same
 * objects: a replay of a thousand steps over a thousand tokens stays small, and what has changed
 * is found by comparing references.
 */
export function frameOf(diffusion, before) {
  const tokens = diffusion.tokens.map((token, i) => {
    const state = stateOf(token);
    if (state === 'mask') return MASK;
    const old = before?.tokens[i];
    const same = old && old.state === state && old.text === token.text && old.step === token.step;
    return same ? old : { text: token.text, state, confidence: token.confidence, step: token.step };
  });
  return {
    step: diffusion.step,
    of: diffusion.steps,
    from: diffusion.block[0],
    to: diffusion.block[1],
    tokens,
  };
}

/** What stood there before the first step: everything that it revealed was a mask. */
export function firstFrame(frame) {
  const tokens = frame.tokens.map((token) => (token.step === frame.step - 1 ? MASK : token));
  return { ...frame, step: 0, tokens };
}

/** Where the text ends: the index of the first end token with no mask before it. */
export function endOf(frame) {
  for (let i = 0; i < frame.tokens.length; i++) {
    if (frame.tokens[i].state === 'mask') return frame.tokens.length;
    if (frame.tokens[i].state === 'end') return i;
  }
  return frame.tokens.length;
}

/** A token in words, for the tip and for screen readers. */
export function wordsOf(token) {
  if (token.state === 'mask') return 'mask, not yet revealed';
  if (token.state === 'given') return `“${token.text}”, given by you`;
  const name =
    token.state === 'end'
      ? 'end of the text'
      : token.text === ''
        ? 'part of the character before'
        : `“${token.text.replaceAll('\n', '⏎')}”`;
  const percent = (token.confidence * 100).toFixed(token.confidence < 0.9995 ? 1 : 0);
  return `${name}, confidence ${percent} %, revealed in step ${token.step + 1}`;
}

/** A frame in words. `last` is the number of the last step, or 0 while nobody knows it. */
export function progressOf(frame, last) {
  const all = frame.tokens.filter((token) => token.state !== 'given');
  const open = all.filter((token) => token.state === 'mask').length;
  const of = last > 0 ? ` of ${last}` : '';
  return `Step ${frame.step}${of}: ${all.length - open} of ${all.length} tokens revealed`;
}

/** Frames as they are saved: each with the tokens only that differ from the frame before. */
export function pack(frames) {
  return frames.map(({ tokens, ...rest }, n) => ({
    ...rest,
    count: tokens.length,
    changes: tokens.flatMap((token, i) => (token === frames[n - 1]?.tokens[i] ? [] : [[i, token]])),
  }));
}

/** The same back again. */
export function unpack(saved) {
  let tokens = [];
  return saved.map(({ count, changes, ...rest }) => {
    tokens = tokens.slice(0, count);
    for (const [i, token] of changes) tokens[i] = token;
    return { ...rest, tokens };
  });
}
