'use strict';

// Follows the commands in what a client sends, without holding back or copying what they carry.

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const ASTERISK = 42;
// Words are compared with names of commands; a value may have megabytes.
const LONGEST_WORD = 256;

/**
 * Cuts a stream of requests into commands. It goes blind at the first byte that is not a request in RESP,
 * as TLS is.
 */
class Requests {
  blind = false;
  #line = [];
  #args = [];
  #argsLeft = 0;
  #word = [];
  #wordLeft = 0;
  /** Bytes until the end of the present argument, its line end included; -1 between arguments. */
  #left = -1;

  /** Whether what was fed ends where a command ends. */
  get between() {
    return this.#argsLeft === 0 && this.#line.length === 0;
  }

  /**
   * @param {Buffer} bytes
   * @returns {{ args: string[], end: number }[]} the commands that end in `bytes`, and where; each byte of their
   *   arguments is a character
   */
  feed(bytes) {
    const commands = [];
    let at = 0;
    while (at < bytes.length && !this.blind) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#keep(bytes.subarray(at, at + taken));
        this.#left -= taken;
        at += taken;
      } else {
        this.#lineByte(bytes[at]);
        at += 1;
      }
      if (this.#left === 0 && this.#endArgument()) {
        commands.push({ args: this.#args, end: at });
        this.#args = [];
      }
    }
    return commands;
  }

  #keep(bytes) {
    const wanted = Math.min(this.#wordLeft, bytes.length);
    if (wanted <= 0) return;
    this.#word.push(Buffer.from(bytes.subarray(0, wanted)));
    this.#wordLeft -= wanted;
  }

  #lineByte(byte) {
    if (this.#line.length === 0 && this.#argsLeft === 0 && byte !== ASTERISK) {
      this.blind = true;
      return;
    }
    if (byte !== LINE_FEED) {
      if (byte !== CARRIAGE_RETURN) this.#line.push(byte);
      return;
    }
    const number = Number(Buffer.from(this.#line).toString('latin1', 1));
    this.#line = [];
    if (this.#argsLeft === 0) {
      this.#argsLeft = number;
      return;
    }
    this.#left = number + 2;
    this.#wordLeft = Math.min(number, LONGEST_WORD);
  }

  /** Whether the command ends with it. */
  #endArgument() {
    this.#args.push(Buffer.concat(this.#word).toString('latin1'));
    this.#word = [];
    this.#left = -1;
    this.#argsLeft -= 1;
    return this.#argsLeft === 0;
  }
}

module.exports = { Requests };
