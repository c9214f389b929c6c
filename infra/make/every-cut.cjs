#!/usr/bin/env node
// `npx every-cut FOLDER`. Plain JavaScript, so that it runs on a Node that is too old for everything else and can say so.
var WANTED = 24;
if (Number(process.versions.node.split('.')[0]) < WANTED) {
  console.error(
    `Expected Node ${WANTED} or newer, got ${process.versions.node} (${process.execPath}).\n` +
      'Next step: install it from https://nodejs.org, then run the same command again.',
  );
  process.exit(1);
}
// Compiled, because Node runs no TypeScript in installed packages.
const program = require('node:path').join(__dirname, '../../dist/infra/make/make.js');
if (!require('node:fs').existsSync(program)) {
  console.error(
    `Expected the compiled program at ${program}, got none.\n` +
      'Next step: in a clone of the repository, run `npm run make -- FOLDER`; elsewhere, install every-cut again.',
  );
  process.exit(1);
}
import('../../dist/infra/make/make.js').then(({ main }) => main('npx every-cut'));
