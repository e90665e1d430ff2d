// What is said to the server, and how what it says is understood.

const BROKEN = 'The connection broke off before the answer was complete.';

/** Something that went wrong, in words for the user. */
export class Failure extends Error {
  /** @param waits seconds after which to try again, or 0 where trying again would not help */
  constructor(words, { status = 0, waits = 0 } = {}) {
    super(words);
    this.status = status;
    this.waits = waits;
  }
}

function headers(key) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** The models that are served. */
export async function models(key) {
  const response = await reach('v1/models', { headers: headers(key) });
  if (!response.ok) throw await failureOf(response);
  return (await response.json()).data;
}

/**
 * Asks and watches.
 *
 * @param path of the API, relative to the page, which may stand behind a proxy
 * @param body of the request, without what makes it stream
 * @param onStep is called with the `diffusion` field of each event
 * @returns {text, reason, usage}
 */
export async function ask(path, body, { key, signal, onStep }) {
  const response = await reach(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers(key) },
    body: JSON.stringify({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
      diffusion: { ...body.diffusion, diffusing: true },
    }),
    signal,
  });
  if (!response.ok) throw await failureOf(response);
  const result = { text: '', reason: '', usage: null };
  for await (const data of events(response.body)) {
    if (data === '[DONE]') return result;
    const event = JSON.parse(data);
    if (event.error) throw new Failure(wordsOf(0, event.error));
    const choice = event.choices[0];
    result.text = choice?.delta?.content ?? choice?.text ?? result.text;
    result.reason = choice?.finish_reason ?? result.reason;
    result.usage = event.usage ?? result.usage;
    if (event.diffusion) onStep(event.diffusion);
  }
  throw new Failure(BROKEN);
}

/** The data of each server-sent event. A chunk of bytes may end within one, or hold several. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split('\n\n');
      rest = parts.pop();
      for (const part of parts) {
        if (part.startsWith('data:')) yield part.slice(5).trim();
      }
    }
  } catch (error) {
    throw error.name === 'AbortError' ? error : new Failure(BROKEN);
  } finally {
    reader.cancel().catch(() => {}); // it is already closed where the user stopped the answer
  }
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure('The server cannot be reached. Is ./llada serve still running?');
  }
}

async function failureOf(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // Something between here and the server answered, in a form of its own.
  }
  const waits = Number(response.headers.get('Retry-After')) || 1;
  return new Failure(wordsOf(response.status, error), {
    status: response.status,
    waits: response.status === 429 ? waits : 0,
  });
}

/** An error in words. What the server says of a parameter is said in words already. */
function wordsOf(status, { code, message }) {
  if (status === 429) return 'The server is busy with other requests.';
  if (status === 401) return 'This server asks for an API key. Enter it below and try again.';
  if (status === 413) return 'The text is too long for this server.';
  if (code === 'context_length_exceeded') {
    return `The conversation is too long for this model. Start a new chat, or allow fewer tokens. (${message})`;
  }
  if (code === 'shutting_down') return 'The server is about to stop and takes no more questions.';
  if (code === 'timeout') return 'The answer took longer than this server allows. Allow fewer tokens.';
  if (message) return `The server says: ${message}.`;
  return `The server answered with error ${status}.`;
}
