export async function measure(): Promise<void> {}
