import { afterEach, beforeEach, vi } from 'vitest';

/** Half a second of this process's own work: other processes on the machine must not end a search early. */
export function countOwnTimeOnly(): void {
  beforeEach(() => {
    vi.spyOn(performance, 'now').mockImplementation(() => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
}
