'use strict';

// What the other tests of this folder stand on: servers, and the faults that are put before them.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { existsSync } = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { describe, it } = require('node:test');
const tls = require('node:tls');

const { startProxy } = require('./support/proxy.js');
const { connect, encode } = require('./support/resp.js');
const { startServer } = require('./support/server.js');
const { makeCertificates } = require('./support/tls.js');
const { until } = require('../support/wait.js');

async function openTo(t, address, options = {}) {
  const client = await connect({ host: address.host, port: address.port, ...options });
  t.after(() => client.close());
  return client;
}

const runs = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a server', () => {
  it('answers with exact bytes, and with errors', async (t) => {
    const server = await startServer(t);
    const client = await openTo(t, server);
    const bytes = Buffer.from([0, 13, 10, 255, 36]);
    assert.equal(await client.command('SET', 'bytes', bytes), 'OK');
    assert.deepEqual(await client.buffers('GET', 'bytes'), bytes);
    assert.equal(await client.command('GET', 'missing'), null);
    assert.equal(await client.command('INCRBY', 'n', 41), 41);
    await assert.rejects(client.command('INCR', 'bytes'), { name: 'RespError', code: 'ERR' });
    const replies = await client.pipeline([['MULTI'], ['INCR', 'n'], ['MGET', 'n', 'missing'], ['EXEC']]);
    assert.deepEqual(replies.at(-1), [42, [Buffer.from('42'), null]]);
    const long = Buffer.alloc(3_000_000, 'x');
    await client.command('SET', 'long', long);
    assert.deepEqual(await client.buffers('GET', 'long'), long);
  });

  it('delivers messages that no command waits for', async (t) => {
    const server = await startServer(t);
    const client = await openTo(t, server);
    await client.command('SUBSCRIBE', 'news');
    assert.equal(await server.cli('PUBLISH', 'news', 'hello'), 1);
    await until('the message comes', () => client.unasked.length === 1, { every: 2 });
    assert.deepEqual(client.unasked[0].map(String), ['message', 'news', 'hello']);
  });

  it('is empty after a restart, unless it is to keep what it holds', async (t) => {
    const server = await startServer(t);
    const { port, pid } = server;
    await server.cli('SET', 'key', 'value');
    await server.restart({ empty: false });
    assert.equal(await server.cli('GET', 'key'), 'value');
    await server.restart();
    assert.equal(await server.cli('GET', 'key'), null);
    assert.equal(server.port, port);
    assert.ok(!runs(pid));
  });

  it('can be killed, and refuses connections then', async (t) => {
    const server = await startServer(t);
    const client = await openTo(t, server);
    await server.kill();
    assert.ok(!server.running);
    await assert.rejects(client.command('PING'), /closed|ECONNRESET|EPIPE/);
    await assert.rejects(server.cli('PING'), { code: 'ECONNREFUSED' });
  });

  it('accepts while it is paused, but answers only when it is resumed', async (t) => {
    const server = await startServer(t);
    server.pause();
    const client = await openTo(t, server);
    const reply = client.command('PING');
    await assert.rejects(
      server.connect({ limit: 50 }).then((other) => other.command('PING')),
      /no reply within 50 ms/,
    );
    server.resume();
    assert.equal(await reply, 'PONG');
  });

  it('asks for a password, and knows users', async (t) => {
    const locked = await startServer(t, { requirepass: 'p@ss "word"' });
    assert.equal(new URL(locked.url).password, encodeURIComponent('p@ss "word"'));
    assert.equal(await locked.cli('PING'), 'PONG');
    const stranger = await openTo(t, locked);
    await assert.rejects(stranger.command('PING'), { code: 'NOAUTH' });

    const shared = await startServer(t, { acl: ['default off', 'app on >secret ~cache:* +@all'] });
    const app = await openTo(t, shared, { username: 'app', password: 'secret' });
    assert.equal(await app.command('SET', 'cache:key', 'value'), 'OK');
    await assert.rejects(app.command('SET', 'key', 'value'), { code: 'NOPERM' });
  });

  it('listens on a socket file', async (t) => {
    const server = await startServer(t, { unix: true });
    const client = await connect({ path: server.path });
    t.after(() => client.close());
    assert.equal(await client.command('PING'), 'PONG');
  });

  it('says what is wrong with its options', async () => {
    await assert.rejects(startServer(null, { args: ['--no-such-option', '1'] }), /no-such-option/);
  });

  it('leaves nothing behind when it is stopped', async () => {
    const server = await startServer(null, { unix: true });
    await server.stop();
    assert.ok(!runs(server.pid));
    assert.ok(!existsSync(path.dirname(/** @type {string} */ (server.path))));
  });

  for (const end of ['process.exit(0)', 'process.kill(process.pid, "SIGKILL")']) {
    it(`ends with its test, by ${end}`, async () => {
      const source = `
        const { startServer } = require('./server.js');
        startServer(null, { unix: true }).then((server) => {
          process.stdout.write(JSON.stringify({ port: server.port, path: server.path }), () => ${end});
        });
      `;
      const child = spawn(process.execPath, ['-e', source], { cwd: path.join(__dirname, 'support') });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
      await new Promise((resolve) => {
        child.on('close', resolve);
      });
      const { port, path: socket } = JSON.parse(output);
      await until('the server is gone', async () => {
        // Its pid tells nothing: it stays until somebody asks how the process ended.
        const connection = await connect({ host: '127.0.0.1', port }).catch((error) => error.code);
        return connection === 'ECONNREFUSED' && !existsSync(path.dirname(socket));
      });
    });
  }
});

describe('a certificate', () => {
  const handshake = (port, options) =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({ host: '127.0.0.1', port, ...options });
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.destroy();
        resolve(undefined);
      });
    });

  it('is trusted by its own authority only, and for its hosts only', async (t) => {
    const server = await startServer(t, { tls: true });
    const { ca, wrongCa } = server.certificates;
    assert.match(server.url, /^rediss:/);
    await handshake(server.port, { ca });
    await handshake(server.port, { ca, servername: 'localhost' });
    await assert.rejects(handshake(server.port, { ca: wrongCa }), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
    await assert.rejects(handshake(server.port, { ca, servername: 'other.example' }), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    await assert.rejects(handshake(server.port, {}), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  });

  it('can have run out', async (t) => {
    const certificates = makeCertificates({ days: [-3, -2] });
    const server = net.createServer();
    t.after(() => server.close());
    const secure = tls.createServer({ cert: certificates.cert, key: certificates.key });
    t.after(() => secure.close());
    await new Promise((resolve) => {
      secure.listen(0, '127.0.0.1', () => resolve(undefined));
    });
    const { port } = /** @type {net.AddressInfo} */ (secure.address());
    await assert.rejects(handshake(port, { ca: certificates.ca }), { code: 'CERT_HAS_EXPIRED' });
  });

  it('can be asked of a client', async (t) => {
    const server = await startServer(t, { tls: { authClients: true } });
    const { ca, client, stranger } = server.certificates;
    const ping = async (secure) => {
      const connection = await openTo(t, server, { tls: secure });
      return connection.command('PING');
    };
    assert.equal(await ping({ ca, ...client }), 'PONG');
    await assert.rejects(ping({ ca }));
    await assert.rejects(ping({ ca, ...stranger }));
  });
});

describe('a proxy', () => {
  async function proxied(t, options) {
    const server = await startServer(t, options);
    const proxy = await startProxy(t, server);
    return { server, proxy };
  }

  it('forwards and counts', async (t) => {
    const { proxy } = await proxied(t);
    const client = await openTo(t, proxy);
    const value = Buffer.alloc(2_000_000, '*1\r\n$3\r\nGET\r\n');
    await client.command('SET', 'key', value);
    assert.deepEqual(await client.buffers('GET', 'key'), value);
    await client.pipeline([['get', 'key'], ['PING']]);
    const { connections, commands, names, requestBytes, replyBytes } = proxy.counters;
    assert.deepEqual({ connections, commands }, { connections: 1, commands: 4 });
    assert.deepEqual([...names], [...Object.entries({ SET: 1, GET: 2, PING: 1 })]);
    assert.equal(requestBytes, value.length + 39 - 5 + encode(['GET', 'key']).length * 2 + 14);
    assert.ok(replyBytes > 2 * value.length);
    await proxy.seen('get', 2);
    await assert.rejects(proxy.seen('DEL', 1, { limit: 20 }), /not within 20 ms/);
  });

  it('knows where commands end, however they are cut into chunks', async (t) => {
    const { proxy } = await proxied(t);
    proxy.replace('GET', ['ECHO', 'instead']);
    const client = await openTo(t, proxy);
    const bytes = Buffer.concat([
      encode(['SET', 'k', 'GET\r\n']),
      encode(['GET', 'k']),
      encode(['STRLEN', 'k']),
    ]);
    const replies = [client.next(), client.next(), client.next()];
    for (const byte of bytes) {
      const before = proxy.counters.requestBytes;
      client.write(Buffer.from([byte]));
      await until('the byte arrives', () => proxy.counters.requestBytes > before, { every: 0 });
    }
    assert.deepEqual((await Promise.all(replies)).map(String), ['OK', 'instead', '5']);
  });

  it('sends new connections elsewhere', async (t) => {
    const { server, proxy } = await proxied(t);
    const other = await startServer(t);
    await server.cli('SET', 'who', 'first');
    await other.cli('SET', 'who', 'second');
    const early = await openTo(t, proxy);
    assert.equal(await early.command('GET', 'who'), 'first');
    proxy.retarget(other);
    const late = await openTo(t, proxy);
    assert.deepEqual(await Promise.all([early, late].map((each) => each.command('GET', 'who'))), [
      'first',
      'second',
    ]);
  });

  it('holds everything, or replies only', async (t) => {
    const { server, proxy } = await proxied(t);
    const client = await openTo(t, proxy);
    await client.command('PING');
    proxy.pause();
    const held = client.command('SET', 'key', 'a');
    await assert.rejects(
      (await connect({ host: proxy.host, port: proxy.port, limit: 50 })).command('PING'),
      /no reply/,
    );
    assert.equal(await server.cli('GET', 'key'), null);
    proxy.resume();
    assert.equal(await held, 'OK');

    proxy.pause('replies');
    const unanswered = client.command('SET', 'key', 'b');
    await until('the command is executed', async () => (await server.cli('GET', 'key')) === 'b');
    proxy.resume();
    assert.equal(await unanswered, 'OK');
  });

  it('refuses connections', async (t) => {
    const { proxy } = await proxied(t);
    const client = await openTo(t, proxy);
    proxy.refuse();
    await assert.rejects(
      openTo(t, proxy).then((other) => other.command('PING')),
      /ECONNRESET|closed/,
    );
    assert.equal(await client.command('PING'), 'PONG');
    assert.equal(proxy.counters.refused, 1);
    proxy.accept();
    assert.equal(await (await openTo(t, proxy)).command('PING'), 'PONG');
  });

  it('resets every connection', async (t) => {
    const { proxy } = await proxied(t);
    const clients = [await openTo(t, proxy), await openTo(t, proxy)];
    await Promise.all(clients.map((client) => client.command('PING')));
    proxy.dropConnections();
    for (const client of clients) await assert.rejects(client.command('PING'), /ECONNRESET|closed|EPIPE/);
    await until('the links are gone', () => proxy.open === 0);
  });

  /** All bytes that a connection gets in answer to `request` until it ends, and how it ends. */
  async function received(t, proxy, request) {
    const socket = net.connect(proxy.port, proxy.host);
    t.after(() => socket.destroy());
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    const ended = new Promise((resolve) => {
      socket.on('error', (error) => resolve(error.code));
      socket.on('close', () => resolve('closed'));
    });
    socket.write(encode(request));
    return { bytes: () => Buffer.concat(chunks).toString('latin1'), ended };
  }

  it('resets a connection in the middle of a reply', async (t) => {
    const { proxy } = await proxied(t);
    proxy.cut({ afterBytes: 7 });
    for (let round = 0; round < 2; round += 1) {
      const { bytes, ended } = await received(t, proxy, ['ECHO', 'abcdef']);
      // A client that reads the last bytes only after the reset takes it for an end.
      assert.match(await ended, /^(ECONNRESET|closed)$/);
      assert.equal(bytes(), '$6\r\nabc');
    }
    proxy.heal();
    assert.equal(await (await openTo(t, proxy)).command('ECHO', 'abcdef'), 'abcdef');
  });

  it('stalls in the middle of a reply, and goes on when it is healed', async (t) => {
    const { proxy } = await proxied(t);
    proxy.half();
    const client = await openTo(t, proxy, { limit: 10_000 });
    const reply = client.command('ECHO', 'abcdef');
    const { bytes } = await received(t, proxy, ['ECHO', 'abcdef']);
    await until('half of it comes', () => bytes().length > 0);
    assert.equal(bytes(), '$6\r\nab');
    proxy.heal();
    assert.equal(await reply, 'abcdef');
    await until('the rest comes', () => bytes() === '$6\r\nabcdef\r\n');
  });

  it('refuses HELLO, in order with everything else', async (t) => {
    const { proxy } = await proxied(t);
    const client = await openTo(t, proxy);
    const replies = () =>
      client.pipeline([
        ['ECHO', 'a'],
        ['HELLO', '3', 'SETNAME', 'x'],
        ['ECHO', 'b'],
      ]);
    proxy.refuseHello3();
    assert.match(`${await replies()}`, /^a,RespError: NOPROTO .*,b$/);
    proxy.refuseHello3('unknown');
    assert.match(`${await replies()}`, /^a,RespError: ERR unknown command .*,b$/);
    proxy.heal();
    await assert.doesNotReject(client.command('HELLO', '2'));
  });

  it('fails commands of a name', async (t) => {
    const { server, proxy } = await proxied(t);
    proxy.fail('set', 'LOADING Redis is loading the dataset in memory');
    const client = await openTo(t, proxy);
    await assert.rejects(client.command('SET', 'key', 'value'), { code: 'LOADING' });
    assert.equal(await server.cli('EXISTS', 'key'), 0);
    proxy.heal();
    assert.equal(await client.command('SET', 'key', 'value'), 'OK');
  });

  it('passes TLS through', async (t) => {
    const { server, proxy } = await proxied(t, { tls: true, requirepass: 'secret' });
    assert.equal(proxy.url, `rediss://:secret@127.0.0.1:${proxy.port}`);
    const client = await openTo(t, proxy, { tls: { ca: server.certificates.ca }, password: 'secret' });
    assert.equal(await client.command('PING'), 'PONG');
  });

  it('ends connections when the server ends them', async (t) => {
    const { server, proxy } = await proxied(t);
    const client = await openTo(t, proxy);
    await client.command('PING');
    await server.kill();
    await assert.rejects(client.command('PING'), /closed|ECONNRESET|EPIPE/);
    await assert.rejects(
      openTo(t, proxy).then((other) => other.command('PING')),
      /closed|ECONNRESET|EPIPE/,
    );
  });
});
