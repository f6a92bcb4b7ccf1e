// Renders job summaries much as GitHub does and takes their pictures; fails where GitHub would show less, or a secret.
// usage: node render-summary.mjs FOLDER   FOLDER/*.md become FOLDER/*-light.png and FOLDER/*-dark.png
// FOLDER/NAME.secrets has the secrets of a workflow, one a line: the runner masks their letters before GitHub gets the page.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import MarkdownIt from 'markdown-it';
import puppeteer from 'puppeteer-core';

const require = createRequire(import.meta.url);
const LIMIT = 1024 * 1024;
// Pictures of the longest pages help nobody.
const PICTURE_HEIGHT = 2400;
const folder = process.argv[2];
const mermaid = require.resolve('mermaid').replace(/mermaid\.core\.mjs$/, 'mermaid.min.js');

const markdown = new MarkdownIt({ html: true, linkify: true });
// What GitHub links of itself: addresses with a scheme or `www`, but no bare names.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false }).add('//', null);
const fence = markdown.renderer.rules.fence;
markdown.renderer.rules.fence = (tokens, index, ...rest) =>
  tokens[index].info.trim() === 'mermaid'
    ? `<pre class="mermaid">${markdown.utils.escapeHtml(tokens[index].content)}</pre>`
    : fence(tokens, index, ...rest);

function page(text, theme) {
  const style = fs.readFileSync(require.resolve(`github-markdown-css/github-markdown-${theme}.css`), 'utf8');
  const alert = (_, kind) =>
    `<blockquote class="markdown-alert markdown-alert-${kind.toLowerCase()}">` +
    `<p class="markdown-alert-title">${kind[0]}${kind.slice(1).toLowerCase()}</p><p>`;
  const body = markdown
    .render(text)
    .replace(/<blockquote>\s*<p>\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*/g, alert);
  const background = theme === 'dark' ? '#0d1117' : '#ffffff';
  return `<!doctype html><meta charset="utf-8"><style>${style} body{margin:0;background:${background}}
    .markdown-body{max-width:880px;padding:24px}</style><article class="markdown-body">${body}</article>`;
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROME,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
let problems = 0;
for (const name of fs.readdirSync(folder).filter((name) => name.endsWith('.md')).sort()) {
  const known = path.join(folder, name.replace(/\.md$/, '.secrets'));
  const secrets = fs.existsSync(known) ? fs.readFileSync(known, 'utf8').split('\n').filter(Boolean) : [];
  const mask = (text, secret) => text.replaceAll(secret, '***');
  const text = secrets.reduce(mask, fs.readFileSync(path.join(folder, name), 'utf8'));
  const problem = (message) => {
    problems += 1;
    console.error(`${name}: ${message}`);
  };
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMIT) problem(`${bytes} bytes; the runner drops what is above ${LIMIT}`);
  let pictures = 0;
  for (const theme of ['light', 'dark']) {
    const view = await browser.newPage();
    await view.setViewport({ width: 930, height: 600 });
    await view.setContent(page(text, theme), { timeout: 120_000 });
    await view.addScriptTag({ path: mermaid });
    const drawn = await view.evaluate(async (theme) => {
      mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', theme: theme === 'dark' ? 'dark' : 'default' });
      const errors = [];
      const sources = [...document.querySelectorAll('pre.mermaid')];
      for (const [index, source] of sources.entries()) {
        try {
          const { svg } = await mermaid.render(`picture${index}`, source.textContent);
          source.outerHTML = `<div>${svg}</div>`;
        } catch (error) {
          errors.push(String(error.message ?? error));
        }
      }
      // Whatever a browser would run or fetch came from the data.
      const foreign = [...document.querySelectorAll('article script, article img, article iframe, article a')]
        .filter((element) => !(element.tagName === 'A' && /^https?:\/\/127\.0\.0\.1/.test(element.href)))
        .map((element) => element.outerHTML);
      const shown = document.body.innerText;
      return { errors, foreign, shown, pictures: sources.length, height: document.documentElement.scrollHeight };
    }, theme);
    pictures = drawn.pictures;
    for (const error of drawn.errors) problem(`mermaid (${theme}): ${error}`);
    for (const secret of secrets.filter((secret) => drawn.shown.includes(secret))) problem(`readable (${theme}): ${secret}`);
    for (const element of drawn.foreign.slice(0, 3)) problem(`markup from data: ${element}`);
    const height = Math.min(drawn.height, PICTURE_HEIGHT);
    const picture = path.join(folder, `${name.replace(/\.md$/, '')}-${theme}.png`);
    await view.screenshot({ path: picture, clip: { x: 0, y: 0, width: 930, height } });
    await view.close();
  }
  console.log(`${name}: ${bytes} bytes, ${pictures} drawings`);
}
await browser.close();
process.exit(problems ? 1 : 0);
