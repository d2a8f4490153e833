'use strict';

// The two orders of CouchDB: that of ids and that of the keys of views.

/** By code points, which is not how JavaScript compares strings: U+1F600 comes after U+FFFD. */
function compareIds(a, b) {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left !== right) return place(left) - place(right);
  }
  return a.length - b.length;
}

// Halves of surrogate pairs stand for code points above all others.
function place(unit) {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}

const strings = new Intl.Collator('en');

/** null < false < true < numbers < strings < arrays < objects. */
function compareKeys(a, b) {
  const kinds = kind(a) - kind(b);
  if (kinds !== 0) return kinds;
  if (typeof a === 'number') return a - b;
  if (typeof a === 'string') return strings.compare(a, b) || compareIds(a, b);
  if (a === null || typeof a !== 'object') return 0;
  return compareLists(list(a), list(b));
}

function compareLists(a, b) {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const order = compareKeys(a[at], b[at]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const list = (value) => (Array.isArray(value) ? value : Object.entries(value).flat());

function kind(value) {
  if (value === null) return 0;
  if (typeof value === 'boolean') return value ? 2 : 1;
  if (typeof value === 'number') return 3;
  if (typeof value === 'string') return 4;
  return Array.isArray(value) ? 5 : 6;
}

module.exports = { compareIds, compareKeys };
