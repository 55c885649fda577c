// Azurite's table service, in memory, on a free port of the loopback, which it prints as "PORT n" once it listens.
// It ends with its parent: the pipe that is its stdin closes when that process is gone, however it went.
import { createRequire } from 'node:module';
import net from 'node:net';

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  this.once('listening', () => console.log(`PORT ${this.address().port}`));
  return listen.apply(this, args);
};

process.argv.push(
  '--inMemoryPersistence', '--disableTelemetry', '--skipApiVersionCheck', '--silent', '--tableHost', '127.0.0.1', '--tablePort', '0');
createRequire(import.meta.url)('azurite/dist/src/table/main.js');
