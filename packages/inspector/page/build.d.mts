export declare function buildPage(): Promise<{ script: string; style: string }>;
