import type { FleetInstance, FleetView } from './fleet-types.ts';

/** A view as lines of text. */
export function fleetText(view: Omit<FleetView, 'text'>): string {
  const rows = view.instances.flatMap(rowsOf);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...table, '', ...verdicts(view)].join('\n');
}

function rowsOf(instance: FleetInstance): string[][] {
  if (instance.state === 'unknown') return [[instance.name, 'unknown', instance.why]];
  const lacking = instance.lacks.map((id) => [instance.name, 'lacks', id]);
  const rows = instance.keys.map(({ id, role, matches, unusedSeconds, lastMatchAt }) => {
    const ago = `${Math.floor(unusedSeconds ?? 0)} s ago`;
    return [
      instance.name,
      role,
      id,
      lastMatchAt === undefined ? 'never matched' : `${matches} matched, last ${ago}`,
    ];
  });
  return [...rows, ...lacking];
}

function verdicts({ instances, old, mayDrop }: Omit<FleetView, 'text'>): string[] {
  if (old.length === 0) {
    if (mayDrop) return ['There is no old key.'];
    const isReached = instances.every(({ state }) => state === 'reached');
    const what = isReached ? 'has the new one' : 'was reached';
    return [`No old key is known, but not every instance ${what}.`];
  }
  return old.flatMap(({ id, verdict, reasons, mayGoInSeconds }) => {
    if (verdict === 'may-go') return [`The old key ${id} may go.`];
    const what = verdict === 'unknown' ? 'It is not known whether the old key' : 'The old key';
    const later =
      mayGoInSeconds === undefined ? '' : ` It may go in ${mayGoInSeconds} s if nothing uses it until then.`;
    const says = verdict === 'unknown' ? `${what} ${id} may go.` : `${what} ${id} must stay.`;
    return [`${says} ${reasons.join(' ')}${later}`];
  });
}
