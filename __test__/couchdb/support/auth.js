'use strict';

// Who asks, and what they may do.

const { forbidden, locked, unauthorized } = require('./refusals.js');

const MOST_FAILURES = 5;
const WRONG = 'Name or password is incorrect.';

/**
 * @typedef {'admin' | 'dbadmin' | 'member' | 'none'} Role of the server, of every database, of none
 *
 * @typedef {object} User
 * @property {string | null} name `null` is nobody in particular
 * @property {boolean} admin
 */

class Auth {
  /** @type {Map<string, { password: string, role: Role }>} */
  #users;
  /** @type {Map<string, { count: number, since: number }>} */
  #failures = new Map();
  #lockoutTime;
  #now;

  /**
   * @param {Record<string, { password: string, role?: Role }>} users
   * @param {{ lockoutTime?: number, now?: () => number }} [options]
   */
  constructor(users, { lockoutTime = 300_000, now = Date.now } = {}) {
    this.#users = new Map();
    for (const [name, { password, role = 'member' }] of Object.entries(users)) this.add(name, password, role);
    this.#lockoutTime = lockoutTime;
    this.#now = now;
  }

  /** @param {Role} [role] */
  add(name, password, role = 'none') {
    this.#users.set(name, { password, role });
  }

  remove(name) {
    return this.#users.delete(name);
  }

  /** `name:password`, encoded for a URL. */
  credentials(name) {
    const user = this.#users.get(name);
    if (user === undefined) throw new Error(`no such user: ${name}`);
    return `${encodeURIComponent(name)}:${encodeURIComponent(user.password)}`;
  }

  /** The name of a server administrator, if there are users at all. */
  get admin() {
    return [...this.#users].find(([, { role }]) => role === 'admin')?.[0];
  }

  /** Ends every lockout. */
  unlock() {
    this.#failures.clear();
  }

  /**
   * Without users everybody is an administrator.
   *
   * @param {string | undefined} header
   * @returns {User}
   */
  authenticate(header) {
    const nobody = { name: null, admin: this.#users.size === 0 };
    const encoded = /^Basic (.*)$/.exec(header ?? '')?.[1];
    if (encoded === undefined || this.#users.size === 0) return nobody;
    const [, name, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
    if (name === undefined) return nobody;
    const user = this.#users.get(name);
    // A name that does not exist is never locked out.
    if (user === undefined) throw unauthorized(WRONG);
    this.#refuseLocked(name);
    if (user.password === password) return { name, admin: user.role === 'admin' };
    const failures = this.#failures.get(name) ?? { count: 0, since: this.#now() };
    this.#failures.set(name, { ...failures, count: failures.count + 1 });
    throw unauthorized(WRONG);
  }

  /** Also the right password is refused, until some time after the first failure. */
  #refuseLocked(name) {
    const failures = this.#failures.get(name);
    if (failures === undefined) return;
    if (this.#now() - failures.since >= this.#lockoutTime) this.#failures.delete(name);
    else if (failures.count >= MOST_FAILURES) throw locked();
  }

  /** @param {User} user */
  requireAdmin(user) {
    if (!user.admin) throw unauthorized('You are not a server admin.');
  }

  /** @param {User} user */
  requireMember(user, database) {
    if (this.isMember(user, database)) return;
    if (user.name === null) throw unauthorized('You are not authorized to access this db.');
    throw forbidden('You are not allowed to access this db.');
  }

  /** @param {User} user */
  isDatabaseAdmin(user, database) {
    return user.admin || isNamed(user, this.security(database).admins);
  }

  /** @param {User} user */
  isMember(user, database) {
    const { members } = this.security(database);
    const open = !members || (noneOf(members.names) && noneOf(members.roles));
    return open || this.isDatabaseAdmin(user, database) || isNamed(user, members);
  }

  /** What was PUT to `_security`; before that the users' roles hold for every database. */
  security(database) {
    if (database.security !== null) return database.security;
    const named = (role) => {
      const names = [...this.#users].filter(([, user]) => user.role === role).map(([name]) => name);
      return { ...(names.length > 0 ? { names } : {}), roles: ['_admin'] };
    };
    return { members: named('member'), admins: named('dbadmin') };
  }
}

const noneOf = (list) => !list || list.length === 0;

function isNamed({ name }, people) {
  return name !== null && people?.names?.includes(name) === true;
}

module.exports = { Auth };
