// The receiver and the worker in one process, to try them. In production they are two: then neither waits for the other.
await import('./receiver.ts');
await import('./worker.ts');
