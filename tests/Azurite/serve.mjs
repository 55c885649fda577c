// Azurite's table service on the loopback, on a free port and in memory, or: node serve.mjs <port> <folder to keep its data in>.
// It prints "PORT n" once it listens.
// It ends with its parent: the pipe that is its stdin closes when that process is gone, however it went.
import { createRequire } from 'node:module';
import net from 'node:net';

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

// SIGTERM: no request is heard any more; those under way are done before everything is written, since Azurite itself writes only each five seconds,
// and at SIGINT what there is at that moment.
const drain = 500;
let server;
process.once('SIGTERM', () => {
  server.removeAllListeners('request').on('request', (_, response) => response.destroy());
  setTimeout(() => process.emit('SIGINT'), drain);
});
const log = console.log;
console.log = (...args) => {
  log(...args);
  if (`${args[0]}`.endsWith('successfully closed')) process.exit(0);
};

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  server = this;
  this.once('listening', () => console.log(`PORT ${this.address().port}`));
  return listen.apply(this, args);
};

const [port = '0', folder] = process.argv.splice(2);
process.argv.push(
  ...(folder ? ['--location', folder] : ['--inMemoryPersistence']),
  '--disableTelemetry', '--skipApiVersionCheck', '--silent', '--tableHost', '127.0.0.1', '--tablePort', port);
createRequire(import.meta.url)('azurite/dist/src/table/main.js');
