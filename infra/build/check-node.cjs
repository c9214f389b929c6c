// Plain JavaScript, so that it runs on a Node that is too old for everything else and can print a clear message.
const WANTED = 24;
const major = Number(process.versions.node.split('.')[0]);
if (major < WANTED) {
  console.error(
    `Expected Node ${WANTED} or newer, got ${process.versions.node} (${process.execPath}).\n` +
      'Next step: run `npm ci` in this folder. It installs the right Node for all npm scripts.\n' +
      'If you have done that, your npm did not run install scripts: run `npm rebuild node`,\n' +
      `or install Node ${WANTED} yourself.`,
  );
  process.exit(1);
}
