import { ask, Failure, models } from './api.js';
import { PRESETS } from './presets.js';
import { Turn } from './turn.js';

const MOST_TRIES = 5; // of a request that the server is too busy for

const GAPS =
  'Write {} for a gap whose length the model finds, {3} for one of three tokens, and {{ or }} for ' +
  'a brace itself.';

const of = (id) => document.getElementById(id);
const form = of('form');
const text = of('text');
const still = matchMedia('(prefers-reduced-motion: reduce)');

let messages = []; // the conversation so far, as the server is told it
let running = null; // the AbortController of the answer under way
let served = []; // the models

const mode = () => form.elements.mode.value;

// ---- Asking

async function submit() {
  const question = text.value;
  if (running || !valid()) return;
  if (question.trim() === '') {
    text.focus();
    return;
  }
  text.value = '';
  await answer(question, mode() === 'fill');
}

/** Adds a turn to the page and fills it. */
async function answer(question, filling) {
  const turn = new Turn(question, { filling, still: still.matches });
  const spoken = [...messages, { role: 'user', content: question }];
  of('welcome').hidden = true;
  of('turns').append(turn.element);
  turn.element.scrollIntoView({ block: 'end' });
  begin();
  const { signal } = running;
  try {
    const result = await patiently(turn, signal, () =>
      ask(...requestOf(question, filling, spoken), {
        key: of('key').value,
        signal,
        onStep: (diffusion) => {
          turn.step(diffusion);
          if (diffusion.step === 1) turn.element.scrollIntoView({ block: 'end' });
        },
      }),
    );
    // A new chat may have begun in the meantime; then this answer belongs to no conversation.
    if (!filling && turn.element.isConnected) {
      messages = [...spoken, { role: 'assistant', content: result.text }];
    }
    end();
    await turn.finish(result, filling);
    announce(`${filling ? 'The gaps are filled' : 'The answer is complete'}: ${result.text}`);
  } catch (error) {
    end();
    if (error.name === 'AbortError') {
      await turn.stopped();
      announce('Stopped.');
    } else {
      if (error.status === 401) askForKey();
      const words = error instanceof Failure ? error.message : `This page has failed: ${error}`;
      turn.fail(words, () => running || answer(question, filling));
    }
  }
  turn.element.scrollIntoView({ block: 'nearest' });
}

/** Asks again for as long as the server is too busy, and says when. */
async function patiently(turn, signal, attempt) {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!error.waits || tries === MOST_TRIES) throw error;
      const wait = Math.max(error.waits, tries);
      announce(`${error.message} It is asked again in ${wait} seconds.`);
      for (let left = wait; left > 0; left--) {
        turn.say(`${error.message} Again in ${left} ${left === 1 ? 'second' : 'seconds'}.`);
        await sleep(1000, signal);
      }
      turn.say('Asking again…');
    }
  }
}

/** Rejects as a fetch does where the user does not want to wait. */
function sleep(millis, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, millis);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** Path and body of a request. A model without a chat template continues the text. */
function requestOf(question, filling, spoken) {
  const model = served.find(({ id }) => id === of('model').value);
  const body = { diffusion: { preset: form.elements.preset.value } };
  if (model) body.model = model.id;
  for (const name of ['temperature', 'seed']) put(body, name);
  put(body.diffusion, 'steps');
  if (filling) return ['v1/infill', { ...body, text: question }];
  put(body, 'max_tokens');
  put(body.diffusion, 'block_length');
  return model?.chat === false
    ? ['v1/completions', { ...body, prompt: question }]
    : ['v1/chat/completions', { ...body, messages: spoken }];
}

/** A number that was given; what is empty is left to the server. */
function put(body, name) {
  const { value } = of(name);
  if (value !== '') body[name] = Number(value);
}

/** Whether the numbers can be sent. The first that cannot is shown, with the browser's own words. */
function valid() {
  const wrong = [...form.querySelectorAll('input[type=number]')].find((i) => !i.validity.valid);
  if (wrong) {
    wrong.closest('details').open = true; // else there is nothing to point at
    wrong.reportValidity();
  }
  return !wrong;
}

// ---- The state of the form

function begin() {
  running = new AbortController();
  of('send').disabled = true;
  of('stop').hidden = false;
}

function end() {
  running = null;
  of('send').disabled = false;
  const focused = document.activeElement === of('stop');
  of('stop').hidden = true;
  if (focused) text.focus(); // the focus must not vanish with the button
}

function drawMode() {
  const filling = mode() === 'fill';
  of('text-label').textContent = filling ? 'Your text with gaps' : 'Your question';
  of('syntax').textContent = filling ? GAPS : '';
  of('send').textContent = filling ? 'Fill' : 'Ask';
  of('gap').hidden = !filling;
  for (const { name, fills } of PRESETS) {
    const radio = form.querySelector(`[name=preset][value=${name}]`);
    radio.disabled = filling && !fills;
    if (radio.disabled && radio.checked) form.elements.preset.value = PRESETS[0].name;
  }
  drawChosen();
}

function drawPresets() {
  const rows = PRESETS.map(({ name, title, words }, i) => {
    const label = document.createElement('label');
    const radio = document.createElement('input');
    Object.assign(radio, { type: 'radio', name: 'preset', value: name, checked: i === 0 });
    const strong = document.createElement('strong');
    strong.textContent = title;
    label.append(radio, ' ', strong, ` ${words}`);
    return label;
  });
  of('presets').append(...rows);
}

function drawChosen() {
  const { title } = PRESETS.find(({ name }) => name === form.elements.preset.value);
  const set = [...form.querySelectorAll('.numbers input')].filter(({ value }) => value !== '');
  const numbers = set.map((input) => `${input.id.replace('_', ' ')} ${input.value}`);
  of('chosen').textContent = [title, ...numbers].join(', ');
}

/** For screen readers; the page shows it in its own place. */
function announce(words) {
  of('status').textContent = words;
}

function askForKey() {
  of('locked').hidden = false;
  of('key').focus();
}

async function loadModels() {
  try {
    served = await models(of('key').value);
    of('model').replaceChildren(...served.map(({ id }) => new Option(id, id)));
    of('models').hidden = served.length < 2;
  } catch (error) {
    if (error.status === 401) askForKey();
    else announce(error.message); // a question will say it again, where it can be seen
  }
}

// ---- What the user does

form.noValidate = true; // valid() opens the folded part first
form.addEventListener('submit', (event) => {
  event.preventDefault();
  submit();
});
form.addEventListener('change', drawMode);
of('key').addEventListener('change', loadModels);
text.addEventListener('keydown', (event) => {
  // While an input method composes a word, Enter ends the word.
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort();
});
of('stop').addEventListener('click', () => running?.abort());
of('gap').addEventListener('click', () => {
  text.setRangeText('{}', text.selectionStart, text.selectionEnd, 'end');
  text.focus();
});
of('fresh').addEventListener('click', () => {
  running?.abort();
  messages = [];
  of('turns').replaceChildren();
  of('welcome').hidden = false;
  announce('A new chat.');
  text.focus();
});
of('examples').addEventListener('click', ({ target }) => {
  if (!target.dataset.mode) return;
  form.elements.mode.value = target.dataset.mode;
  drawMode();
  text.value = target.textContent;
  text.focus();
});

drawPresets();
drawMode();
loadModels();
text.focus();
