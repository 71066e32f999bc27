/** Builds the page of the console into a folder. */
export function buildConsole(outdir: string): Promise<void>;
