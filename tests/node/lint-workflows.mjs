// Holds workflows to GitHub's own language service, and their use of this action to action.yml.
// usage: node lint-workflows.mjs FILE...   of a Markdown file every YAML block is read
import fs from 'node:fs';
import * as service from '@actions/languageservice';
import { TextDocument } from 'vscode-languageserver-textdocument';
import YAML from 'yaml';

const own = YAML.parse(fs.readFileSync('action.yml', 'utf8'));
const isOwn = (action) => action.name === 'publish-to-tableau' || action.owner === '.';
const config = {
  actionsMetadataProvider: {
    // Without inputs nothing is said about what other actions take.
    fetchActionMetadata: async (action) => (isOwn(action) ? own : { name: action.name, description: '' }),
  },
};

/// What stands around a part of a workflow, by the key the part begins with.
const FRAMES = [
  [/^on:|^name:/m, []],
  [/^jobs:/m, ['on: push']],
  [/^concurrency:|^permissions:/m, ['on: push', 'jobs: { job: { runs-on: ubuntu-latest, steps: [ { run: "true" } ] } }']],
  [/^[\w-]+:\n\s+(runs-on|if|needs):/m, ['on: push', 'jobs:']],
  [/^- /m, ['on: push', 'jobs:', '  job:', '    runs-on: ubuntu-latest', '    steps:']],
];
const STEP = [
  'on: push', 'jobs:', '  job:', '    runs-on: ubuntu-latest', '    steps:',
  '    - uses: OWNER/publish-to-tableau@v1', '      with:',
];

function undent(lines) {
  const filled = lines.filter((line) => line.trim());
  const indent = Math.min(...filled.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(indent));
}

/// Returns the workflow a block is a part of, and how many lines were put before it.
function complete(block) {
  const lines = undent(block.split('\n'));
  const frame = FRAMES.find(([first]) => first.test(lines[0] === '' ? lines[1] : lines.find((line) => !line.startsWith('#')) + '\n' + (lines[1] ?? '')));
  if (frame) {
    const indent = ' '.repeat(frame[1].at(-1)?.startsWith('    ') ? 4 : frame[1].at(-1) === 'jobs:' ? 2 : 0);
    return { before: frame[1].length, text: [...frame[1], ...lines.map((line) => indent + line)].join('\n') };
  }
  // Inputs alone. Those that are not shown are given, so that only what is written is judged.
  const given = lines.map((line) => `        ${line}`);
  const missing = lines.some((line) => line.startsWith('source:')) ? [] : ['        source: x'];
  return { before: STEP.length, text: [...STEP, ...given, ...missing].join('\n') };
}

function* documents(file) {
  const text = fs.readFileSync(file, 'utf8');
  if (!file.endsWith('.md')) {
    yield { text, line: 1 };
    return;
  }
  for (const block of text.matchAll(/^```ya?ml\n([\s\S]*?)^```$/gm)) {
    const line = text.slice(0, block.index).split('\n').length + 1;
    const { before, text: whole } = complete(block[1].trimEnd());
    yield { text: whole, line: line - before };
  }
}

async function main() {
  let problems = 0;
  let seen = 0;
  for (const file of process.argv.slice(2)) {
    for (const { text, line } of documents(file)) {
      seen += 1;
      const document = TextDocument.create(`file:///${file}-${line}.yml`, 'yaml', 1, text);
      for (const found of await service.validate(document, config)) {
        problems += 1;
        console.error(`${file}:${line + found.range.start.line}: ${found.message}`);
      }
    }
  }
  console.log(`${seen} workflows and parts of workflows`);
  process.exitCode = problems ? 1 : 0;
}

main();
