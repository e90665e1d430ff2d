import { pack } from './frames.js';

// A saved replay is the code and the style of this page, put inside one file with the steps. So it
// shows what the page shows, and needs neither server nor network; its policy allows none.
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";

/** A whole HTML file with the replay of an answer. */
export async function replayFile({ question, text, frames }) {
  const [style, ...code] = await Promise.all(['replay.css', 'frames.js', 'replay.js'].map(source));
  const steps = JSON.stringify(pack(frames)).replaceAll('<', '\\u003c'); // no tag ends the script
  const script = [
    "'use strict';",
    ...code.map((module) => module.replace(/^import .*;$/gm, '').replace(/^export /gm, '')),
    'const replay = new Replay(true);',
    `replay.load(unpack(${steps}));`,
    "document.querySelector('main').append(replay.element);",
  ].join('\n');
  const title = `LLaDA.java: ${[...question].slice(0, 60).join('')}`;
  return [
    '<!doctype html>',
    '<html lang="en" class="saved">',
    `<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escaped(title)}</title><style>${style}</style></head>`,
    `<body><main><h1 dir="auto">${escaped(question)}</h1>`,
    `<p class="unseen">${escaped(text)}</p></main>`,
    `<noscript><p>${escaped(text)}</p></noscript>`,
    `<script>${script}</script></body></html>`,
  ].join('\n');
}

/** Hands a file to the browser's downloads. */
export function download(name, type, content) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // a slow disk may still be reading
}

async function source(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} cannot be read`);
  return response.text();
}

function escaped(text) {
  const names = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => names[character]);
}
