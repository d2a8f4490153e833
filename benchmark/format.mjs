/** Numbers and tables as Markdown shows them. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const count = (value) => whole.format(value);
export const times = (value) => `${value.toFixed(value < 10 ? 2 : 1)} ×`;
export const mib = (bytes) => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
export const ms = (value) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

/**
 * A table whose first column is text and whose others are figures, padded as Prettier pads it, so
 * that a written page passes the format check.
 */
export function table(head, rows) {
  const widths = head.map((cell, column) =>
    Math.max(3, ...[cell, ...rows.map((row) => row[column])].map((text) => text.length)),
  );
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const pad = (row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])));
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(pad(head)), line(rule), ...rows.map((row) => line(pad(row)))].join('\n');
}
