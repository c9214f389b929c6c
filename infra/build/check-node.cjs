// Plain JavaScript on purpose: it must run, and speak clearly, on the Node that is too old for everything else.
const WANTED = 24;
const major = Number(process.versions.node.split('.')[0]);
if (major < WANTED) {
  console.error(
    `Expected Node ${WANTED} or newer, got ${process.versions.node} (${process.execPath}).\n` +
      'Next step: run `npm ci` in this folder; it brings its own Node for all npm scripts, whatever the shell has.\n' +
      'If that was done: your npm did not run install scripts. `npm rebuild node` runs the one that is needed,\n' +
      `or install Node ${WANTED} yourself.`,
  );
  process.exit(1);
}
