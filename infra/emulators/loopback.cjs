// Preloaded into functions-framework, which would otherwise listen on all addresses of the machine.
const { Server } = require('node:net');

const { listen } = Server.prototype;
Server.prototype.listen = function listenOnLoopback(port, ...rest) {
  const plain = typeof port === 'string' || typeof port === 'number';
  return listen.call(this, plain ? { port: Number(port), host: '127.0.0.1' } : port, ...rest);
};
