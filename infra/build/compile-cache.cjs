// Keeps compiled code between two starts: most of a start was stripping types and compiling. In a folder that is as private
// as the code itself; Node's default is shared by all users of the machine. Does nothing where it cannot be written.
const { enableCompileCache } = require('node:module');
const { resolve } = require('node:path');

enableCompileCache?.(resolve(__dirname, '../../node_modules/.cache/compiled'));
