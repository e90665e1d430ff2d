/**
 * The decoders that the server knows by name, with what each means in words. The first is chosen.
 * `fills` tells whether it can fill gaps as well.
 */
export const PRESETS = [
  {
    name: 'fast',
    title: 'Fast',
    fills: true,
    words:
      'Every step keeps all tokens that the model is at least 90 % sure of, and computes only the ' +
      'block at work. Many times less work than exact, at nearly the same quality.',
  },
  {
    name: 'exact',
    title: 'Exact',
    fills: true,
    words:
      'The published sampler. Every step computes the whole text and keeps a fixed number of ' +
      'tokens, the surest ones. The slowest, and what the others are compared with.',
  },
  {
    name: 'variable',
    title: 'Variable length',
    fills: false,
    words:
      'Like fast, but the model also finds how long the answer should be: it begins short and ' +
      'grows, up to the most tokens that you allow. It cannot fill gaps.',
  },
];
