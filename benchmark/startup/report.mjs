/** The section's results as Markdown. */
import { count, mib, ms, table } from '../format.mjs';

export function startupReport({ rows }, { starts }) {
  return [
    '### Starting',
    `Medians of ${count(Math.max(1, starts - 1))} starts each, every one in a process of its own that did nothing before. "First use" is from the \`require\` to the end of the first write. "Memory" is what the process grew by until then, garbage collected. "Installed" is what \`npm install\` brings into an empty folder, in bytes of files and in packages; for ferrocache with the binary of this platform.`,
    table(
      ['', '`require`', 'first use', 'memory', 'installed', 'packages'],
      Object.entries(rows).map(([name, { requireMs, firstUseMs, residentBytes, install }]) => [
        name,
        ms(requireMs),
        ms(firstUseMs),
        mib(residentBytes),
        install?.bytes === undefined ? '–' : mib(install.bytes),
        install?.bytes === undefined ? '–' : count(install.packages),
      ]),
    ),
  ].join('\n\n');
}
