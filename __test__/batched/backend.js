'use strict';

// Memory reached by batches, with a say in what is answered: a backend that is away, slow or foreign.

const { Cache } = require('../../index.js');
const { binding, queue } = require('../../lib/native.js');
const { LEASES, READS, READS_SEVERAL, WIDTH } = require('../../lib/outbox.js');

const ASKED = [
  ...['get', 'put', 'write', 'has', 'forget', 'pull', 'peek', 'touch', 'remaining', 'increment', 'many'],
  ...['lease', 'fill', 'fail', 'flushTags', 'flush', 'scan', 'lock', 'unlock', 'extend', 'ready'],
];

const DOWN = Object.freeze(['CACHE_UNAVAILABLE', 'the backend is away']);
const SLOW = Object.freeze(['CACHE_TIMEOUT', 'the backend is slow']);
const FOREIGN = Object.freeze(['CACHE_CORRUPT', 'the value is not ours']);

/** What is asked, by request id. */
const asked = new Map();
/** What came of requests that are held back. */
const held = [];

/**
 * What the tests set: `fault(name, args)` answers nothing, a failure `[code, message]`, or 'hang'.
 * `seen` are the requests since it was emptied: `[name, ...args]`.
 */
const backend = {
  fault: () => undefined,
  seen: [],
  /** Lets the requests that hang fail. */
  release() {
    backend.fault = () => undefined;
    for (const id of held.splice(0)) late.push([id, SLOW]);
    // A wake of its own: any answer brings it.
    binding.ready(pulse()[HANDLE], 0x0fff_ffff);
    binding.submit(false);
  },
  names: () => backend.seen.map(([name]) => name),
};

const late = [];
const HANDLE = Symbol.for('ferrocache.handle');
let pulsing;
const pulse = () => {
  pulsing ??= open();
  return pulsing;
};

for (const name of ASKED) {
  const call = binding[name];
  binding[name] = (handle, id, ...args) => {
    if (id > 0 && id < 0x0fff_ffff) {
      asked.set(id, [name, args]);
      backend.seen.push([name, ...args]);
    }
    return call(handle, id, ...args);
  };
}

const { requests } = binding;
binding.requests = (numbers, used, text) => {
  let from = 0;
  const next = (length) => text.slice(from, (from += length));
  for (let at = 0; at < used; at += WIDTH) {
    const [, id, length, what, ttl, lease] = numbers.subarray(at, at + WIDTH);
    let request;
    if (what === READS_SEVERAL) {
      request = ['many', Array.from(numbers.subarray(at + WIDTH, at + WIDTH + length), next)];
      at += length;
    } else if (what === READS) request = ['get', next(length)];
    else if (what === LEASES) request = ['lease', next(length), null, ttl === 1];
    else if (lease === 0) request = ['put', next(length), next(what), ttl];
    else request = ['fill', next(length), lease, 0, next(what), ttl, 0, null, true];
    asked.set(id, [request[0], request.slice(1)]);
    backend.seen.push(request);
  }
  return requests(numbers, used, text);
};

const { answered, drain, failed } = Object.getPrototypeOf(queue);
queue.answered = (id, answer) => {
  const [name, args] = asked.get(id) ?? [];
  const fault = name === undefined ? undefined : backend.fault(name, args);
  asked.delete(id);
  if (fault === undefined) answered.call(queue, id, answer);
  else if (fault === 'hang') held.push(id);
  else if (name === 'lease' && args[2] && fault !== FOREIGN) {
    // With an outage it is never the number alone.
    const reply = typeof answer === 'number' ? { state: 'granted', lease: answer, joined: 0 } : answer;
    answered.call(queue, id, { ...reply, outage: fault });
  } else failed.call(queue, id, fault);
};
queue.drain = (completions) => {
  const areNotices = drain.call(queue, completions);
  for (const [id, failure] of late.splice(0)) failed.call(queue, id, failure);
  return areNotices;
};

/** A cache on that backend, which is in order until a test says otherwise. */
function open(options) {
  return new Cache({ [Symbol.for('ferrocache.batched')]: true, ...options });
}

module.exports = { DOWN, FOREIGN, SLOW, backend, open };
