/** The child's side of a contender's process: answers what its parent asks, until it is asked to close. */

/** `requests` are functions by name: of what comes with the question, to what is answered. */
export function answering(requests) {
  process.once('disconnect', () => process.exit(1));
  process.on('message', async ({ type, ...input }) => {
    let answer;
    try {
      answer = await requests[type](input);
    } catch (error) {
      answer = { failed: error.stack ?? String(error) };
    }
    // Some contenders keep handles: after a close the process would not end by itself.
    process.send(answer, () => type === 'close' && process.exit(0));
  });
}
