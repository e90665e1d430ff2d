import { endOf, firstFrame, frameOf, progressOf, wordsOf } from './frames.js';

/**
 * Shows an answer in the making and lets one go back and forth in it. The row of tokens is a list
 * box with one focus, since an answer may have a thousand tokens, which must not be a thousand tab
 * stops. Elements are kept and changed in place, so a step costs what it changes.
 */
export class Replay {
  static #count = 0;

  #frames = [];
  #spans = [];
  #shown = -1; // index of the frame on the screen
  #at = -1; // token that the tip is about
  #complete = false;
  #playing = false;
  #timer = 0;
  #id = `replay-${++Replay.#count}`;
  #still;

  /** @param still whether steps are shown as they come, without pacing or movement */
  constructor(still) {
    this.#still = still;
    this.element = make('div', 'replay');
    const controls = make('div', 'controls');
    this.play = make('button', 'play');
    this.play.type = 'button';
    this.play.addEventListener('click', () => (this.#playing ? this.pause() : this.start()));
    const label = make('label', '', 'Step ');
    this.slider = make('input', 'steps');
    this.slider.type = 'range';
    this.slider.min = this.slider.max = this.slider.value = 0;
    this.slider.addEventListener('input', () => {
      this.pause();
      this.show(Number(this.slider.value));
    });
    label.append(this.slider);
    this.progress = make('span', 'progress');
    controls.append(this.play, label, this.progress);

    this.row = make('div', 'row');
    this.row.dir = 'auto';
    this.row.tabIndex = 0;
    this.row.setAttribute('role', 'listbox');
    this.row.setAttribute('aria-label', 'Tokens of the answer; arrow keys go through them');
    this.tip = make('div', 'tip');
    this.tip.id = `${this.#id}-tip`;
    this.tip.hidden = true;
    this.element.append(controls, this.row, this.tip);
    this.#listen();
    this.#drawPlay();
  }

  /** Adds a step. It is shown in its turn: at once, or paced so that the eye can follow. */
  add(diffusion) {
    const frame = frameOf(diffusion, this.#frames.at(-1));
    if (this.#frames.length === 0) {
      this.#frames.push(firstFrame(frame));
      this.show(0);
      this.#playing = true;
    }
    this.#frames.push(frame);
    this.slider.max = this.#frames.length - 1;
    if (this.#playing && this.#still) this.show(this.#frames.length - 1);
    this.#drawPlay();
    this.#tick();
  }

  /** No more steps will come. Resolves when the last one has been shown, or the user stepped in. */
  finish() {
    this.#complete = true;
    if (this.#frames.length === 0) this.element.hidden = true;
    else this.show(this.#shown);
    return new Promise((resolve) => {
      this.onRest = resolve;
      if (this.#playing) this.#tick();
      else resolve();
    });
  }

  /** The steps so far. */
  get frames() {
    return this.#frames;
  }

  /** Takes all the steps of an answer that is complete, and shows the last. */
  load(frames) {
    this.#frames = frames;
    this.slider.max = frames.length - 1;
    this.#complete = true;
    this.show(frames.length - 1);
    this.#drawPlay();
  }

  /** Goes on from here, or from the beginning when at the end. */
  start() {
    if (this.#shown === this.#frames.length - 1) this.show(0);
    this.#playing = true;
    this.#drawPlay();
    this.#tick();
  }

  pause() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#playing = false;
    this.#drawPlay();
    this.onRest?.();
  }

  /** Plans the next frame. While steps still come, a growing backlog is shown faster. */
  #tick() {
    const left = this.#frames.length - 1 - this.#shown;
    if (!this.#playing || this.#timer) return;
    if (left <= 0) {
      if (this.#complete) this.pause();
      return;
    }
    const wait = Math.min(250, Math.max(16, 3000 / Math.max(left, this.#frames.length / 2)));
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.show(this.#shown + 1);
      this.#tick();
    }, wait);
  }

  /** Draws the frame of this index. */
  show(index) {
    const frame = this.#frames[index];
    const before = this.#frames[this.#shown];
    const atEnd = this.#complete && index === this.#frames.length - 1;
    const end = endOf(frame);
    while (this.#spans.length < frame.tokens.length) {
      const span = make('span', 'token');
      span.id = `${this.#id}-${this.#spans.length}`;
      span.setAttribute('role', 'option');
      this.#spans.push(span);
      this.row.append(span);
    }
    this.#spans.forEach((span, i) => {
      const token = frame.tokens[i]; // there is none where the answer was longer in another step
      if (token && token !== before?.tokens[i]) drawToken(span, token);
      const framed = !atEnd && i >= frame.from && i < frame.to;
      span.classList.toggle('framed', framed);
      span.classList.toggle('first', framed && i === frame.from);
      span.classList.toggle('last', framed && i === frame.to - 1);
      span.classList.toggle('new', !atEnd && token?.step >= 0 && token?.step === frame.step - 1);
      span.classList.toggle('after', i > end);
      span.hidden = !token || (atEnd && i >= end); // what stands behind the end is no text
    });
    this.#shown = index;
    this.slider.value = index;
    const words = progressOf(frame, this.#complete ? this.#frames.at(-1).step : frame.of);
    this.slider.setAttribute('aria-valuetext', words);
    this.progress.textContent = words;
    if (this.#at >= 0) this.#point(this.#at);
  }

  #drawPlay() {
    this.play.textContent = this.#playing ? '❚❚' : '▶';
    this.play.setAttribute('aria-label', this.#playing ? 'Pause' : 'Play the steps');
    this.play.disabled = this.#frames.length === 0;
  }

  #listen() {
    const indexOf = (event) => this.#spans.indexOf(event.target.closest?.('.token'));
    this.row.addEventListener('pointerover', (event) => this.#point(indexOf(event)));
    this.row.addEventListener('pointerleave', () => this.#point(-1));
    this.row.addEventListener('click', (event) => this.#point(indexOf(event)));
    this.row.addEventListener('focus', () => {
      if (this.row.matches(':focus-visible') && this.#at < 0) this.#point(this.#next(-1, 1));
    });
    this.row.addEventListener('blur', () => this.#point(-1));
    this.row.addEventListener('keydown', (event) => {
      const visible = this.#spans.length;
      const to = {
        ArrowRight: () => this.#next(this.#at, 1),
        ArrowDown: () => this.#next(this.#at, 1),
        ArrowLeft: () => this.#next(this.#at, -1),
        ArrowUp: () => this.#next(this.#at, -1),
        Home: () => this.#next(-1, 1),
        End: () => this.#next(visible, -1),
        Escape: () => -1,
      }[event.key];
      if (!to) return;
      event.preventDefault();
      event.stopPropagation();
      this.#point(to());
    });
  }

  /** The next token that is on the screen in this direction; the same where there is none. */
  #next(from, by) {
    for (let i = from + by; i >= 0 && i < this.#spans.length; i += by) {
      if (!this.#spans[i].hidden) return i;
    }
    return from;
  }

  /** Shows the tip of a token; of none for -1. */
  #point(index) {
    const old = this.#spans[this.#at];
    old?.classList.remove('pointed');
    old?.setAttribute('aria-selected', 'false');
    const span = this.#spans[index];
    this.#at = span && !span.hidden ? index : -1;
    this.tip.hidden = this.#at < 0;
    if (this.#at < 0) {
      this.row.removeAttribute('aria-activedescendant');
      return;
    }
    span.classList.add('pointed');
    span.setAttribute('aria-selected', 'true');
    this.row.setAttribute('aria-activedescendant', span.id);
    this.tip.textContent = span.getAttribute('aria-label');
    const box = this.element.getBoundingClientRect();
    const at = span.getClientRects()[0] ?? box;
    const left = Math.min(at.left - box.left, box.width - this.tip.offsetWidth);
    this.tip.style.setProperty('--x', `${Math.max(0, left)}px`);
    this.tip.style.setProperty('--y', `${at.bottom - box.top + 6}px`);
  }
}

/** An element with these classes and this text. */
export function make(name, classes, text) {
  const element = document.createElement(name);
  if (classes) element.className = classes;
  if (text) element.textContent = text;
  return element;
}

/** A mask is drawn as three spaces over hatching: as wide as a short word, whatever the font. */
function drawToken(span, token) {
  for (const state of ['mask', 'end', 'given']) span.classList.toggle(state, token.state === state);
  span.textContent =
    token.state === 'mask' ? '\u00a0\u00a0\u00a0\u200b' : token.state === 'end' ? '·' : token.text;
  span.setAttribute('aria-label', wordsOf(token));
  span.style.setProperty('--sure', token.confidence);
}
